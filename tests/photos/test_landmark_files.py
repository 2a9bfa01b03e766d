"""Finding the landmarks of a photo."""

import pytest

from hund_tf.photos.landmark_files import landmark_file_of_photo


def test_a_file_serves_every_photo(tmp_path):
  path = tmp_path / "landmarks.json"
  path.touch()
  assert landmark_file_of_photo(path, "a.jpg") == path


@pytest.mark.parametrize("suffix", ["_keypoints", "_openpose", ""])
def test_a_folder_is_searched_by_the_photos_name(tmp_path, suffix):
  path = tmp_path / f"a{suffix}.json"
  path.touch()
  (tmp_path / "b_keypoints.json").touch()
  assert landmark_file_of_photo(tmp_path, "photos/a.jpg") == path


def test_missing_landmarks_name_the_photo_and_what_is_expected(tmp_path):
  with pytest.raises(ValueError, match="a.jpg.*a_keypoints.json"):
    landmark_file_of_photo(tmp_path, "a.jpg")
  with pytest.raises(ValueError, match="nowhere: does not exist"):
    landmark_file_of_photo("nowhere", "a.jpg")
