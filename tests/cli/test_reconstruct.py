"""Photos in, files out: sets of results, what is skipped, named and ended."""

import json
import os

import numpy as np
import pytest
from PIL import Image

from hund_tf.api.person import Photo
from hund_tf.api.results import People
from hund_tf.cli import reconstruct
from hund_tf.cli.reconstruct import ReconstructConfig
from hund_tf.cli.reconstruction import Reconstruction
from hund_tf.export.report import read_report
from hund_tf.export.result_folder import RECORD, ResultFolder
from hund_tf.files import OutputFolder
from hund_tf.photos.people import make_finder
from hund_tf.photos.people_config import PeopleConfig, PhotosConfig


class _Nobody:
  """Finds nobody."""

  def detect(self, image, boxes=None, max_people=None):
    del image, boxes, max_people
    return []


class _Model:
  """Reconstructs nobody, and may be interrupted at a photo."""

  method = "bfgs"

  def __init__(self, interrupted_at: str = ""):
    self._interrupted_at = interrupted_at
    self.seen = []

  def fit(self, seen):
    name = os.path.basename(seen.name)
    if name == self._interrupted_at:
      raise KeyboardInterrupt
    self.seen.append(name)
    return People(Photo(seen.image, seen.camera, seen.path), "bfgs", ())


def _picture(path, color="red", **options):
  path.parent.mkdir(exist_ok=True)
  Image.new("RGB", (60, 40), color).save(path, **options)
  return path


def _run(images, output, *, stated=None, model=None, **options):
  """The model that did the photos, and the counts."""
  model = model or _Model()
  options = {"save": ("overlay", "json"), **options}
  program = Reconstruction(
    make_finder(stated or PeopleConfig(), _Nobody()),
    model,
    ResultFolder(output),
    **options,
  )
  return model, program.run([str(image) for image in images])


def _names(folder) -> list[str]:
  return sorted(p.name for p in folder.iterdir() if p.name != RECORD)


def test_a_rerun_with_other_results_leaves_nothing_old(tmp_path):
  photo, out = _picture(tmp_path / "in" / "a.png"), tmp_path / "out"
  _run([photo], out)
  assert _names(out) == ["a.json", "a_overlay.png"]
  _run([photo], out, save=("json",))
  assert _names(out) == ["a.json"]


def test_photos_of_one_name_can_be_told_apart(tmp_path):
  first = _picture(tmp_path / "one" / "a.png", "red")
  other = _picture(tmp_path / "two" / "a.png", "blue")
  out = tmp_path / "out"
  _run([first], out)
  before = read_report(out / "a.json")["photo"]
  assert before["path"] == "../one/a.png"
  assert before["bytes"] == first.stat().st_size
  assert (out / before["path"]).resolve() == first
  _run([other], out, save=("json",))
  after = read_report(out / "a.json")["photo"]
  assert after["path"] == "../two/a.png"
  assert after["sha256"] != before["sha256"]
  assert _names(out) == ["a.json"]
  # Together they are given different names.
  _, counts = _run([first, other], out)
  assert counts.done == 2
  assert {"a_png.json", "a_png_2.json"} <= set(_names(out))


def test_existing_results_are_skipped_if_they_are_the_same(tmp_path):
  photos = [_picture(tmp_path / "in" / f"{n}.png") for n in "abc"]
  out = tmp_path / "out"
  _run(photos[:2], out)
  model, counts = _run(photos, out, skip_existing=True)
  assert model.seen == ["c.png"]
  assert (counts.done, counts.skipped) == (1, 2)
  # Without the option everything is done anew.
  model, counts = _run(photos, out)
  assert counts.done == 3 and counts.skipped == 0
  # Another photo, a missing file, and boxes of one photo.
  _picture(photos[0], "blue")
  (out / "b_overlay.png").unlink()
  stated = PeopleConfig(boxes={"c.png": [[1, 2, 30, 30]]})
  model, _ = _run(photos, out, stated=stated, skip_existing=True)
  assert model.seen == ["a.png", "b.png", "c.png"]
  for options in ({"save": ("json",)}, {"settings": "other weights"}):
    model, _ = _run(photos, out, skip_existing=True, **options)
    assert len(model.seen) == 3


def test_an_interrupt_leaves_whole_photos_or_none(tmp_path):
  for name in "abc":
    _picture(tmp_path / "in" / f"{name}.png")
  out = tmp_path / "out"
  with pytest.raises(KeyboardInterrupt):
    _run([tmp_path / "in"], out, model=_Model("b.png"))
  assert _names(out) == ["a.json", "a_overlay.png"]
  model, counts = _run([tmp_path / "in"], out, skip_existing=True)
  assert model.seen == ["b.png", "c.png"] and counts.skipped == 1


def test_an_interrupt_is_one_line_and_its_own_status(
  tmp_path, monkeypatch, capsys
):
  for name in "ab":
    _picture(tmp_path / f"{name}.png")
  out = tmp_path / "out"
  monkeypatch.setattr(
    reconstruct,
    "make",
    lambda config: Reconstruction(
      make_finder(None, _Nobody()),
      _Model("b.png"),
      ResultFolder(config.output.output_dir),
      config.save,
    ),
  )
  config = ReconstructConfig(
    photos=PhotosConfig((str(tmp_path),)), output=OutputFolder(str(out))
  )
  assert reconstruct.run(config) == 130
  printed = capsys.readouterr().out
  assert printed.startswith("interrupted: 1 photo done")
  assert printed.count("\n") == 1


def test_results_are_never_taken_for_photos(tmp_path, capsys):
  # Into the folder of the photos, and into a folder inside it.
  for photos, out in (("a", "a"), ("b", "b/out")):
    photos = _picture(tmp_path / photos / "a.png").parent
    for _ in range(2):
      _, counts = _run([photos, photos / "**"], tmp_path / out)
      assert counts.done == 1
    assert "a_overlay_overlay.png" not in _names(tmp_path / out)
  assert "left out 3 results" in capsys.readouterr().err


def test_names_without_utf8_and_long_ones_give_valid_json(tmp_path):
  odd = tmp_path / os.fsdecode(b"caf\xe9.png")
  long = tmp_path / f"{chr(0x5199) * 83}.png"
  _picture(odd), _picture(long)
  out = tmp_path / "out"
  _, counts = _run([odd, long], out)
  assert (counts.done, counts.failed) == (2, 0)
  texts = [path.read_bytes() for path in out.glob("*.json*")]
  assert len(texts) == 3
  for line in b"\n".join(texts).splitlines():
    line.decode("utf-8")
    assert b"\\udc" not in line.lower()
  names = [
    json.loads(text)["photo"]["file"] for text in texts if b"schema" in text
  ]
  assert sorted(names) == ["caf\\xe9.png", long.name]


def test_the_focal_length_of_the_camera_is_used_and_told(tmp_path, capsys):
  metadata = Image.Exif()
  metadata.get_ifd(0x8769)[0xA405] = 50
  photo = _picture(tmp_path / "a.jpg", exif=metadata)
  out = tmp_path / "out"
  _run([photo], out)
  camera = read_report(out / "a.json")["camera"]
  assert camera["source"] == "exif"
  assert camera["focal"][0] == pytest.approx(50 / 36 * 60, rel=1e-3)
  _run([photo], out, stated=PeopleConfig(focal_px=70.0))
  camera = read_report(out / "a.json")["camera"]
  assert camera["source"] == "focal_px" and camera["focal"] == [70.0, 70.0]
  metadata.get_ifd(0x8769)[0xA405] = 9999
  _run([_picture(photo, exif=metadata)], out)
  assert read_report(out / "a.json")["camera"]["source"] == "default"
  assert "a.jpg: its EXIF focal length" in capsys.readouterr().err


def test_what_cannot_be_used_is_named_and_counted(tmp_path, capsys):
  (tmp_path / "bad.jpg").write_text("no picture")
  (tmp_path / "notes.txt").write_text("notes")
  _picture(tmp_path / "good.png")
  _, counts = _run([tmp_path, tmp_path / "none.jpg"], tmp_path / "out")
  assert (counts.done, counts.failed) == (1, 2)
  lines = capsys.readouterr().err
  for words in (
    "bad.jpg: is not a readable image",
    "none.jpg: does not exist",
    "left out 1 .txt file (no photo)",
    "good.png: no person found; give",
  ):
    assert words in lines


@pytest.mark.parametrize(
  ("options", "words"),
  [
    ({"save": ()}, "save: nothing; give some of overlay"),
    ({"save": ("png",)}, "save: got 'png', expected one of overlay"),
  ],
)
def test_settings_that_cannot_be(options, words):
  with pytest.raises(ValueError, match=words):
    ReconstructConfig(output=OutputFolder("out"), **options)


def test_an_overlay_of_nobody_is_the_photo(tmp_path):
  photo, out = _picture(tmp_path / "a.png", "green"), tmp_path / "out"
  _run([photo], out, save=("overlay", "glb", "views"))
  assert _names(out) == ["a_overlay.png"]
  np.testing.assert_array_equal(
    Image.open(out / "a_overlay.png"), Image.open(photo)
  )
