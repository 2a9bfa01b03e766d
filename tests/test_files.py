"""Result folders, names and atomic files."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from hund_tf.files import (
  OutputError,
  atomic_path,
  exists,
  expand,
  prepare_output_dir,
  printable,
  read_json,
  remove_unfinished,
  unique_stems,
  write_json,
  write_npz,
  write_png,
  write_text,
)


def test_folder_is_made_and_left_empty(tmp_path):
  folder = prepare_output_dir(tmp_path / "a" / "b")
  assert folder == tmp_path / "a" / "b"
  assert folder.is_dir() and not list(folder.iterdir())
  assert prepare_output_dir(folder) == folder


def test_folder_is_a_file(tmp_path):
  (tmp_path / "a").touch()
  with pytest.raises(OutputError, match="a: is a file; give a folder"):
    prepare_output_dir(tmp_path / "a")
  with pytest.raises(OutputError, match="cannot be written to.*give a folder"):
    prepare_output_dir(tmp_path / "a" / "b")


def test_folder_is_not_writable(tmp_path, monkeypatch):
  def refuse(self, *args, **options):
    raise PermissionError(13, "Permission denied")

  monkeypatch.setattr(Path, "touch", refuse)
  with pytest.raises(OutputError) as info:
    prepare_output_dir(tmp_path)
  message = str(info.value)
  assert message.startswith(f"{tmp_path}: the output folder cannot be written")
  assert "Permission denied" in message and "\n" not in message


def test_unique_stems():
  assert unique_stems(["a/x.jpg", "b/y.png"]) == ["x", "y"]
  assert unique_stems(["x.jpg", "x.PNG", "X.jpg"]) == [
    "x_jpg",
    "x_png",
    "X_jpg_2",
  ]
  names = unique_stems(["x.jpg", "b/x.jpg", "x_jpg.png", "x_jpg_2.bmp"])
  assert len({name.lower() for name in names}) == 4


@pytest.mark.parametrize("character", ["a", "\u00e9", "\u5199", "\U0001f600"])
def test_long_stems_leave_room_for_their_endings(tmp_path, character):
  long = character * (251 // len(character.encode()))
  paths = [f"{long}.jpg", f"{long}.png", f"{long[:-1]}x.png", f"b/{long}.jpg"]
  names = unique_stems(paths)
  assert len(set(names)) == 4
  for name in names:
    assert name.startswith(character * 20)
    path = tmp_path / f"{name}_overlay.png"
    write_png(path, np.zeros([4, 4, 3], np.uint8))
    assert path.exists()
  assert unique_stems(paths[:1]) == unique_stems(paths[:1])
  assert unique_stems(["a" * 223 + ".jpg"]) == ["a" * 223]


def test_stems_that_some_file_systems_take_for_one():
  composed, apart = "caf\u00e9", "cafe\u0301"
  assert unique_stems([f"{composed}.jpg", f"b/{apart}.jpg"]) == [
    f"{composed}_jpg",
    f"{apart}_jpg_2",
  ]


def test_texts_that_no_file_can_have(tmp_path):
  assert not exists("x" * 5000) and not exists("a\0b") and exists(tmp_path)
  assert expand("~nobody-here/a") == Path("~nobody-here/a")
  assert printable(os.fsdecode(b"caf\xe9")) == "caf\\xe9"
  assert printable("caf\u00e9") == "caf\u00e9"


def test_json_with_a_byte_order_mark(tmp_path):
  path = tmp_path / "a.json"
  path.write_text('\ufeff{"a": 1}', encoding="utf-8")
  assert read_json(path) == {"a": 1}
  path.write_text("[" * 100_000)
  with pytest.raises(ValueError, match="nested"):
    read_json(path)


def test_atomic_path_replaces_only_at_the_end(tmp_path):
  path = tmp_path / "a.txt"
  path.write_text("old")
  with atomic_path(path) as temporary:
    assert temporary.parent == tmp_path and temporary.suffix == ".txt"
    temporary.write_text("new")
    assert path.read_text() == "old"
  assert path.read_text() == "new"
  assert os.listdir(tmp_path) == ["a.txt"]


@pytest.mark.parametrize(
  "raised, seen", [(KeyError, KeyError), (OSError, OutputError)]
)
def test_atomic_path_leaves_nothing_after_an_error(tmp_path, raised, seen):
  path = tmp_path / "a.txt"
  path.write_text("old")
  with pytest.raises(seen):
    with atomic_path(path) as temporary:
      temporary.write_text("half")
      raise raised(28, "No space left on device")
  assert path.read_text() == "old"
  assert os.listdir(tmp_path) == ["a.txt"]


def test_atomic_path_of_a_folder(tmp_path):
  path = tmp_path / "a"
  path.mkdir()  # an empty folder is replaced
  with atomic_path(path) as temporary:
    temporary.mkdir()
    (temporary / "b").write_text("new")
  assert (path / "b").read_text() == "new"
  with pytest.raises(OutputError, match="a: cannot be written"):
    with atomic_path(path) as temporary:
      temporary.mkdir()
      (temporary / "c").touch()
  assert os.listdir(tmp_path) == ["a"] and os.listdir(path) == ["b"]


@pytest.mark.parametrize(
  "name",
  [
    "a" * 251 + ".png",
    "a" * 143,  # what some file systems take at most
    "\u00e4" * 125 + ".png",
    "\u6f22" * 83 + ".json",
    "a" * 200 + "\udcff" + ".json",  # a byte that is no UTF-8
    "a." + "b" * 253,
  ],
)
def test_long_names_are_written(tmp_path, name):
  with atomic_path(tmp_path / name) as temporary:
    assert len(os.fsencode(temporary.name)) <= len(os.fsencode(name))
    temporary.write_text("new")
  assert (tmp_path / name).read_text() == "new"
  assert os.listdir(tmp_path) == [name]


def test_unfinished_files_are_removed(tmp_path):
  (tmp_path / "a-1.json").touch()
  with atomic_path(tmp_path / "a-1.json") as first:
    with atomic_path(tmp_path / "b.json") as second:
      first.touch()
      second.touch()
      remove_unfinished(tmp_path, "a-?")
      left = os.listdir(tmp_path)
      assert sorted(left) == sorted([second.name, "a-1.json"])
      first.touch()


def test_writers(tmp_path):
  write_text(tmp_path / "a", "\u00e4")
  assert (tmp_path / "a").read_bytes() == "\u00e4".encode()
  write_json(tmp_path / "b.json", {"a": [1]})
  assert json.loads((tmp_path / "b.json").read_text()) == {"a": [1]}
  for compressed in (False, True):
    write_npz(tmp_path / "c", {"x": np.arange(3)}, compressed)
    with np.load(tmp_path / "c") as archive:
      np.testing.assert_array_equal(archive["x"], np.arange(3))
  assert sorted(os.listdir(tmp_path)) == ["a", "b.json", "c"]


@pytest.mark.parametrize("shape", [(4, 5), (4, 5, 3), (4, 5, 4)])
def test_write_png_round_trip(tmp_path, shape):
  image = np.random.RandomState(0).randint(0, 256, shape).astype(np.uint8)
  write_png(tmp_path / "a.png", image)
  with Image.open(tmp_path / "a.png") as read:
    np.testing.assert_array_equal(np.asarray(read), image)


@pytest.mark.parametrize(
  "image", [np.zeros([4, 4, 3]), np.zeros([4, 4, 2], np.uint8), np.uint8(3)]
)
def test_write_png_refuses_what_is_no_picture(tmp_path, image):
  with pytest.raises(ValueError, match="a.png: picture of type"):
    write_png(tmp_path / "a.png", image)
  assert not list(tmp_path.iterdir())


def test_write_png_names_the_file(tmp_path):
  with pytest.raises(OutputError, match="none/a.png: cannot be written"):
    write_png(tmp_path / "none" / "a.png", np.zeros([4, 4], np.uint8))
