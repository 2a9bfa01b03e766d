"""What the page makes of a video."""

import json

import cv2
import pytest

from hund_tf.demo import films
from tests.demo import filming


def test_files_and_words_of_a_clip(body_model, tmp_path):
  told = []
  film = filming.filmer(body_model, 2.0)(
    filming.clip(tmp_path / "a.mp4", 20),
    tmp_path,
    height_m=1.83,
    tell=lambda *what: told.append(what),
  )
  shown = cv2.VideoCapture(str(film.overlay))
  assert film.overlay.suffix == ".webm"
  assert sum(shown.grab() for _ in range(21)) == 20
  assert [path.name for path in film.files] == [
    "people.glb",
    "people.jsonl",
    "people_overlay.mp4",
    "people_person_00.bvh",
    "people_person_00.npz",
    "people_summary.json",
  ]
  summary = json.loads(film.files[-1].read_text())
  assert summary["people"][0]["frames"] == 20
  assert "person 0: seen in 20 frames, 1.83 m tall (given)" in film.words
  assert ("seeing people", 10, 20) in told
  for what in ("seeing people", "drawing", "preparing to show"):
    assert (what, 20, 20) in told


def test_nobody_is_told(body_model, tmp_path):
  clip = filming.clip(tmp_path / "a.mp4", 3, people=())
  film = filming.filmer(body_model, 2.0)(clip, tmp_path)
  assert "Nobody" in film.words


def test_what_is_too_long_or_too_large_is_told(
  body_model, tmp_path, monkeypatch
):
  filmer = filming.filmer(body_model, 0.5)
  assert filmer(filming.clip(tmp_path / "a.mp4", 16), tmp_path)
  with pytest.raises(ValueError, match=r"longer than 0\.5 s; give a part"):
    filmer(filming.clip(tmp_path / "b.mp4", 17), tmp_path)
  monkeypatch.setattr(films, "_MOST_SIDE", 100)
  with pytest.raises(ValueError, match="160 x 90 pixels; give one of at most"):
    filmer(tmp_path / "a.mp4", tmp_path)
  monkeypatch.undo()
  before = sorted(path.name for path in tmp_path.iterdir())
  with pytest.raises(ValueError, match="focal"):
    filmer(tmp_path / "a.mp4", tmp_path, focal_px=-1.0)
  with pytest.raises(ValueError, match="is not an adult's"):
    filmer(tmp_path / "a.mp4", tmp_path, height_m=180.0)
  assert sorted(path.name for path in tmp_path.iterdir()) == before
  text = tmp_path / "c.mp4"
  text.write_bytes(b"no video" * 50)
  with pytest.raises(ValueError, match="no frame can be decoded"):
    filmer(text, tmp_path)
