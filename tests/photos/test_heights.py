"""Statures that a user states."""

import json

import pytest

from hund_tf.photos.heights import heights_of_photo, user_heights


def _of(heights, people=2, photo="in/a.jpg"):
  return heights_of_photo(user_heights(heights), photo, people, "boxes")


def test_one_height_is_everybodys_and_a_list_has_one_each():
  assert _of("1.83") == (1.83, 1.83)
  assert _of(1.7, people=3) == (1.7, 1.7, 1.7)
  assert _of("1.83, 1.6") == (1.83, 1.6)
  assert _of([None, 1.6]) == (None, 1.6)
  assert _of("1.83", people=0) == ()


def test_a_file_has_those_of_each_photo(tmp_path):
  path = tmp_path / "heights.json"
  path.write_text(json.dumps({"a.jpg": [1.8, None], "b.jpg": 1.65}))
  assert _of(str(path)) == (1.8, None)
  assert _of(str(path), photo="b.jpg") == (1.65, 1.65)
  assert _of(str(path), photo="c.jpg") == (None, None)
  assert _of({"a.jpg": 1.9}) == (1.9, 1.9)


@pytest.mark.parametrize("text", ["0", "5", "-1.8", "nan", "183", "1.8,5"])
def test_heights_that_no_adult_has_are_refused(text):
  with pytest.raises(ValueError, match="not an adult's in metres; give 1.3 to"):
    user_heights(text)


@pytest.mark.parametrize("text", ["tall", "", "1.8;1.7"])
def test_texts_without_numbers_are_refused(text):
  with pytest.raises(ValueError, match=r"is not a number; give 1\.83, or one"):
    user_heights(text)


def test_other_bad_values_are_named(tmp_path):
  for bad in ([True], ["1.8"], {"a.jpg": "1.8"}, {"a.jpg": [[1.8]]}):
    with pytest.raises(ValueError, match="not an adult's in metres"):
      user_heights(bad)
  with pytest.raises(ValueError, match="3 heights in height_m for 2 boxes"):
    _of([1.8, 1.7, 1.6])
  path = tmp_path / "h.json"
  path.write_text("[1.8]")
  with pytest.raises(ValueError, match="does not map photos to heights"):
    user_heights(str(path))
