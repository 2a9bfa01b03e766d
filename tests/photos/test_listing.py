"""Photos that files, globs and folders name, and names that give none."""

import os

import pytest

from hund_tf.photos import listing, loading
from hund_tf.photos.listing import list_photos, split_names


def test_files_globs_and_folders(tmp_path):
  for name in ("b.jpg", "a.PNG", "c.txt", ".hidden.jpg", "sub/d.webp"):
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.touch()
  found = list_photos([str(tmp_path / "c.txt"), str(tmp_path)])
  assert [p.name for p in found.paths] == ["c.txt", "a.PNG", "b.jpg"]
  assert not found.errors
  found = list_photos([str(tmp_path / "**"), str(tmp_path / "b.jpg")])
  assert [p.name for p in found.paths] == ["a.PNG", "b.jpg", "d.webp"]


def test_a_name_with_glob_characters_is_literal_if_it_exists(tmp_path):
  for name in ("a[1].jpg", "a1.jpg"):
    (tmp_path / name).touch()
  found = list_photos([tmp_path / "a[1].jpg"])
  assert [p.name for p in found.paths] == ["a[1].jpg"]


def test_a_bad_pattern_does_not_stop_the_others(tmp_path):
  (tmp_path / "a.jpg").touch()
  (tmp_path / "empty").mkdir()
  bad = [tmp_path / "none.jpg", tmp_path / "*.png", tmp_path / "empty", ""]
  found = list_photos([*bad, tmp_path / "a.jpg"])
  assert [p.name for p in found.paths] == ["a.jpg"]
  messages = [str(error) for error in found.errors]
  assert "none.jpg: does not exist; give an existing" in messages[0]
  assert "*.png: no photo matches the pattern" in messages[1]
  assert "empty: the folder holds no photo" in messages[2]
  assert "is an empty name" in messages[3]


def test_what_a_folder_leaves_out_is_counted_by_kind(tmp_path, monkeypatch):
  monkeypatch.setattr(listing, "heif_is_readable", lambda: False)
  names = ("a.jpg", "b.JFIF", "c.avif", "d.jp2", "e.txt", "f.txt", "g.mp4")
  for name in (*names, "h.heic", ".hidden.jpg", "README"):
    (tmp_path / name).touch()
  (tmp_path / "sub").mkdir()
  found = list_photos([tmp_path])
  assert [p.name for p in found.paths] == ["a.jpg", "b.JFIF", "c.avif", "d.jp2"]
  (line,) = found.left_out
  assert line.startswith(f"{tmp_path}: left out ")
  for words in (
    "2 .txt files (no photo)",
    "1 .mp4 file (video)",
    "1 .heic file (pillow-heif is not installed)",
    "1 folder",
    "1 hidden file",
    "1 file without a suffix (no photo)",
  ):
    assert words in line
  monkeypatch.setattr(listing, "heif_is_readable", lambda: True)
  assert "h.heic" in [p.name for p in list_photos([tmp_path]).paths]


def test_a_folder_without_photos_says_what_it_holds(tmp_path):
  (tmp_path / "a.mov").touch()
  (error,) = list_photos([tmp_path]).errors
  assert "holds no photo but 1 .mov file (video); give" in str(error)


def test_results_inside_the_input_are_no_photos(tmp_path):
  out = tmp_path / "out"
  out.mkdir()
  for path in (tmp_path / "a.jpg", out / "a_overlay.png", out / "b.jpg"):
    path.touch()
  everywhere = str(tmp_path / "**")
  names = lambda found: [p.name for p in found.paths]
  assert names(list_photos([everywhere], out)) == ["a.jpg"]
  # Photos may lie in the folder of the results, or below it.
  assert names(list_photos([out], out)) == ["a_overlay.png", "b.jpg"]
  found = list_photos([out], out, {"a_overlay.png"})
  assert names(found) == ["b.jpg"] and "1 result" in found.left_out[0]
  assert names(list_photos([out], tmp_path)) == ["a_overlay.png", "b.jpg"]
  # A file that is named is wanted.
  assert names(list_photos([out / "b.jpg"], out)) == ["b.jpg"]


def test_long_values_are_names_or_not_found(tmp_path):
  (tmp_path / "a.jpg").touch()
  many = ",".join([str(tmp_path / "a.jpg")] * 500)
  assert len(split_names(many)) == 500
  (error,) = list_photos(["x" * 5000]).errors
  assert "does not exist" in str(error)
  (error,) = list_photos(["a\0b"]).errors
  assert "does not exist" in str(error)
  (error,) = list_photos(["~nobody-here/a.jpg"]).errors
  assert "does not exist" in str(error)


def test_names_that_are_no_utf8_are_listed_and_can_be_printed(tmp_path):
  name = os.fsencode(tmp_path) + b"/caf\xe9.jpg"
  with open(name, "wb"):
    pass
  (path,) = list_photos([tmp_path]).paths
  with pytest.raises(loading.PhotoError) as info:
    loading.load_photo(path)
  assert "caf\\xe9.jpg: is empty" in str(info.value)
  str(info.value).encode("utf-8")
