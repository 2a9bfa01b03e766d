"""Results of a photo are one set, replaced as a whole."""

import json
import os
import signal

import pytest

from hund_tf.export.result_folder import RECORD, ResultFolder
from hund_tf.files import OutputError
from hund_tf.photos.source import source_of


@pytest.fixture(name="photo")
def _photo(tmp_path):
  path = tmp_path / "photos" / "a.jpg"
  path.parent.mkdir()
  path.write_bytes(b"a photo")
  return path


def _write(folder, photo, names, stem="a", settings="s", content="x"):
  entry = folder.entry(stem, photo, settings)
  with folder.replace(entry, people=1) as place:
    for name in names:
      (place / name).write_text(content)


def _there(folder) -> list[str]:
  return sorted(p.name for p in folder.path.iterdir() if p.name != RECORD)


def test_a_source_is_told_by_path_size_and_digest(tmp_path, photo):
  source = source_of(photo)
  assert source.bytes == 7
  assert source.sha256.startswith("d4e24d749a4fe2f1")
  assert source.seen_from(tmp_path / "out").path == "../photos/a.jpg"


def test_a_set_replaces_the_one_before_and_nothing_else(tmp_path, photo):
  folder = ResultFolder(tmp_path / "out")
  (folder.path / "a.txt").write_text("of the user")
  (folder.path / "a.obj").write_text("of the user too")
  _write(folder, photo, ["a.json", "a.glb", "a_views.png"])
  _write(folder, photo, ["b.glb"], stem="b")
  assert folder.names() == {"a.json", "a.glb", "a_views.png", "b.glb", RECORD}
  # Another program goes on in the same folder.
  folder = ResultFolder(tmp_path / "out")
  _write(folder, photo, ["a.json", "a_overlay.png"], content="new")
  assert _there(folder) == [
    *("a.json", "a.obj", "a.txt", "a_overlay.png", "b.glb"),
  ]
  assert (folder.path / "a.json").read_text() == "new"
  # What the user put in the place of a result is the user's.
  (folder.path / "a_overlay.png").write_text("painted over")
  _write(folder, photo, ["a.json"])
  assert "a_overlay.png" in _there(folder)


def test_a_failure_leaves_the_old_set(tmp_path, photo):
  folder = ResultFolder(tmp_path / "out")
  _write(folder, photo, ["a.json"], content="old")
  for error in (ValueError, KeyboardInterrupt):
    with pytest.raises(error):
      with folder.replace(folder.entry("a", photo, "s")) as place:
        (place / "a.json").write_text("half")
        raise error
  assert (folder.path / "a.json").read_text() == "old"
  assert _there(folder) == ["a.json"]
  with pytest.raises(OutputError, match="No space left"):
    with folder.replace(folder.entry("a", photo, "s")):
      raise OSError(28, "No space left on device")


def test_an_interrupt_waits_for_the_whole_set(tmp_path, photo, monkeypatch):
  folder = ResultFolder(tmp_path / "out")
  replace = os.replace

  def interrupted(*paths):
    os.kill(os.getpid(), signal.SIGINT)
    replace(*paths)

  monkeypatch.setattr(os, "replace", interrupted)
  with pytest.raises(KeyboardInterrupt):
    _write(folder, photo, ["a.json", "a.glb"])
  assert _there(folder) == ["a.glb", "a.json"]
  assert folder.holds(folder.entry("a", photo, "s"))


def test_a_set_is_held_if_photo_settings_and_files_are_the_same(
  tmp_path, photo
):
  folder = ResultFolder(tmp_path / "out")
  assert not folder.holds(folder.entry("a", photo, "s"))
  _write(folder, photo, ["a.json", "a.glb"])
  folder = ResultFolder(tmp_path / "out")
  assert folder.holds(folder.entry("a", photo, "s"))
  assert not folder.holds(folder.entry("a", photo, "other settings"))
  content = photo.read_bytes()
  photo.write_bytes(b"another")
  assert not folder.holds(folder.entry("a", photo, "s"))
  photo.write_bytes(content)
  (folder.path / "a.glb").unlink()
  assert not folder.holds(folder.entry("a", photo, "s"))


def test_a_set_that_was_cut_short_is_not_held(tmp_path, photo, monkeypatch):
  folder = ResultFolder(tmp_path / "out")
  _write(folder, photo, ["a.json", "a.glb"])

  def killed(*paths):
    raise SystemExit

  with monkeypatch.context() as patch:
    patch.setattr(os, "replace", killed)
    with pytest.raises(SystemExit):
      _write(folder, photo, ["a.json", "a.obj"])
  folder = ResultFolder(tmp_path / "out")
  assert not folder.holds(folder.entry("a", photo, "s"))
  _write(folder, photo, ["a.json"])
  assert _there(folder) == ["a.json"]


def test_names_that_are_no_utf8(tmp_path):
  name = os.fsdecode(b"caf\xe9")
  path = tmp_path / f"{name}.jpg"
  path.write_bytes(b"x")
  folder = ResultFolder(tmp_path / "out")
  _write(folder, path, [f"{name}.json", f"{name}.glb"], stem=name)
  folder = ResultFolder(tmp_path / "out")
  assert folder.holds(folder.entry(name, path, "s"))
  text = (folder.path / RECORD).read_text(encoding="utf-8")
  assert json.loads(text.splitlines()[-1])["stem"] == "caf\\xe9"
  _write(folder, path, [f"{name}.json"], stem=name)
  assert _there(folder) == [f"{name}.json"]


def test_a_broken_line_of_the_record_is_passed_over(tmp_path, photo):
  folder = ResultFolder(tmp_path / "out")
  _write(folder, photo, ["a.json"])
  with open(folder.path / RECORD, "a") as file:
    file.write('{"stem": "a", "fi')
  folder = ResultFolder(tmp_path / "out")
  assert folder.holds(folder.entry("a", photo, "s"))
  _write(folder, photo, ["b.json"], stem="b")
  folder = ResultFolder(tmp_path / "out")
  assert folder.holds(folder.entry("a", photo, "s")) and folder.holds(
    folder.entry("b", photo, "s")
  )
