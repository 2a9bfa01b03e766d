"""Corrections of people as a user writes them: read, matched, refused."""

import json

import numpy as np
import pytest

from hund_tf.photos.corrections import (
  Correction,
  corrections_of_photo,
  user_corrections,
)

_BOXES = [np.array([10, 10, 50, 100.0]), np.array([200, 20, 60, 120.0])]


def _read(tmp_path, content, photo="a.jpg"):
  path = tmp_path / "corrections.json"
  path.write_text(json.dumps({"a.jpg": content}))
  given = user_corrections(str(path))
  return corrections_of_photo(given, photo, _BOXES, 300, 400)


def test_people_are_meant_by_number_or_box(tmp_path):
  found = _read(
    tmp_path,
    [
      {"person": 0, "keypoints": {"nose": [30, 20]}, "height_m": 1.8},
      {"box": [205, 25, 60, 110], "locked": ["pelvis"]},
      {"person": 0, "keypoints": {"l_wrist": [40, 60]}},
    ],
  )
  assert found == {
    0: Correction({"nose": [30, 20], "l_wrist": [40, 60]}, None, 1.8),
    1: Correction({}, ("pelvis",)),
  }
  assert _read(tmp_path, [{"person": 0}], "folder/b.jpg") == {}


def test_later_corrections_keep_earlier_ones():
  first = Correction({"nose": (1, 2), "neck": (3, 4)}, ("head",), 1.7)
  later = Correction({"nose": None, "l_hip": (5, 6)}).after(first)
  assert later == Correction({"neck": (3, 4), "l_hip": (5, 6)}, ("head",), 1.7)
  assert Correction(locked=()).after(first).locked == ()


@pytest.mark.parametrize(
  "entry, message",
  [
    ("l_wrist", "entry 0: 'l_wrist' is no object"),
    ({"keypoints": {}}, "says of nobody"),
    ({"person": 0, "box": [0, 0, 1, 1]}, "or twice"),
    ({"person": 0, "wrist": [1, 2]}, "has wrist; expected some of person"),
    ({"person": 0, "keypoints": [1]}, "keypoints .1. is of the wrong kind"),
    ({"person": 2}, "person 2 is none of the 2 people"),
    ({"person": True}, "person True is none"),
    ({"box": [300, 200, 20, 20]}, "nobody of the 2 people .* is in box"),
    ({"box": [1, 2, 3]}, "is not .left, top, width, height."),
    (
      {"person": 0, "keypoints": {"l_wirst": [1, 2]}},
      "no keypoint 'l_wirst'; did you mean l_wrist",
    ),
    (
      {"person": 0, "keypoints": {"l_wrist": [1]}},
      "l_wrist .1. is not a place .* in its 400 x 300 pixels",
    ),
    ({"person": 0, "keypoints": {"nose": [1e4, 2]}}, "not a place"),
    ({"person": 0, "locked": ["tail"]}, "no joint 'tail'"),
    ({"person": 0, "height_m": 18}, "height 18 is not an adult's"),
  ],
)
def test_what_cannot_be_is_named(tmp_path, entry, message):
  with pytest.raises(ValueError, match=message) as caught:
    _read(tmp_path, [entry])
  assert "a.jpg" in str(caught.value) and "\n" not in str(caught.value)


def test_a_file_that_is_no_list_by_photo_is_refused(tmp_path):
  with pytest.raises(ValueError, match="is not a list of people"):
    _read(tmp_path, {"person": 0})
  with pytest.raises(ValueError, match="corrections cannot be read"):
    user_corrections(str(tmp_path / "none.json"))
