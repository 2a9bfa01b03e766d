"""Photos that files, globs and folders name, and names that give none."""

from hund_tf.photos.loading import list_photos


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
