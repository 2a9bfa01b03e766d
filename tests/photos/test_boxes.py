"""Boxes that users give, good and bad."""

import json

import numpy as np
import pytest

from hund_tf.photos.boxes import boxes_of_photo, parse_boxes
from hund_tf.photos.by_photo import unmatched_keys

H, W = 100, 200


def _of(text, photo="a.jpg"):
  return boxes_of_photo(parse_boxes(text), photo, H, W)


def test_text_holds_for_every_photo():
  boxes = _of(" 1, 2,30,40.5 ; 50,6,7,8;")
  np.testing.assert_array_equal(boxes, [[1, 2, 30, 40.5], [50, 6, 7, 8]])
  assert boxes.dtype == np.float32


def test_file_by_path_before_name(tmp_path):
  path = tmp_path / "boxes.json"
  content = {"a.jpg": [[1, 2, 3, 4]], "in/a.jpg": [[5, 6, 7, 8]]}
  path.write_text(json.dumps(content))
  np.testing.assert_array_equal(_of(str(path), "x/a.jpg"), [[1, 2, 3, 4]])
  np.testing.assert_array_equal(_of(str(path), "in/a.jpg"), [[5, 6, 7, 8]])
  assert _of(str(path), "b.jpg") is None
  by_photo = parse_boxes(str(path)).by_photo
  assert unmatched_keys(by_photo, ["x/a.jpg"]) == ["in/a.jpg"]


def test_boxes_are_clipped_to_the_photo():
  np.testing.assert_array_equal(
    _of("-10,-20,50,60;150,50,100,100"), [[0, 0, 40, 40], [150, 50, 50, 50]]
  )


@pytest.mark.parametrize(
  "box, message",
  [
    ("200,0,10,10", "lies outside the photo; give one within its 200 x 100"),
    ("-10,5,10,10", "lies outside the photo"),
    ("0,100,10,10", "lies outside the photo"),
    ("0,0,0,10", "has no area; give a width and a height above 0"),
    ("0,0,10,-3", "has no area"),
    ("0,0,10", "is not four finite numbers; give"),
    ("0,0,10,10,10", "is not four finite numbers"),
    ("nan,0,10,10", "is not four finite numbers"),
    ("0,0,inf,10", "is not four finite numbers"),
  ],
)
def test_bad_boxes_name_the_photo(box, message):
  with pytest.raises(ValueError) as info:
    _of(f"1,1,5,5;{box}", "in/a.jpg")
  text = str(info.value)
  assert text.startswith("in/a.jpg: box 1 [") and message in text
  assert "\n" not in text


@pytest.mark.parametrize(
  "rows, message",
  [
    ([["a", 0, 1, 1]], "box 0 .* is not four finite numbers"),
    ([[True, 0, 1, 1]], "is not four finite numbers"),
    ([[10**400, 0, 1, 1]], "is not four finite numbers"),
    ([{"left": 0}], "is not four finite numbers"),
    ([0, 0, 10, 10], "box 0 0 is not four finite numbers"),
    ([], "list of boxes in .*boxes.json is empty"),
  ],
)
def test_bad_rows_of_a_file(tmp_path, rows, message):
  path = tmp_path / "boxes.json"
  path.write_text(json.dumps({"a.jpg": rows}))
  with pytest.raises(ValueError, match=f"^a.jpg: .*{message}"):
    _of(str(path))


@pytest.mark.parametrize(
  "content, message",
  [
    (b"", "is not JSON"),
    (b"{", "is not JSON"),
    (b"\xff\xfe\x00", "is not JSON"),
    (b"[[1, 2, 3, 4]]", "does not map photos to boxes"),
    (b'{"a.jpg": 3}', "a.jpg: 3 is not a list of boxes"),
  ],
)
def test_bad_files(tmp_path, content, message):
  path = tmp_path / "boxes.json"
  path.write_bytes(content)
  with pytest.raises(ValueError) as info:
    parse_boxes(str(path))
  text = str(info.value)
  assert text.startswith(f"{path}: ") and message in text
  assert 'give {"photo.jpg": [[left, top, width, height], ...]}' in text


def test_missing_file_and_bad_text(tmp_path):
  with pytest.raises(ValueError, match="none.json: the boxes cannot be read"):
    parse_boxes(str(tmp_path / "none.json"))
  with pytest.raises(ValueError, match="'1,2,x,4' is not four numbers; give"):
    parse_boxes("1,2,3,4;1,2,x,4")
  with pytest.raises(ValueError, match="there is none; give 'left,top"):
    parse_boxes(" ; ")
