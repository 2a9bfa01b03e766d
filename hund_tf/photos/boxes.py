"""Person boxes that a user gives for his photos."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from hund_tf.json_text import is_number, shown, shown_key
from hund_tf.photos.by_photo import (
  is_file_name,
  read_by_photo,
  value_of_photo,
)

_EXAMPLE_TEXT = "'left,top,width,height' in pixels, several joined by ';'"
_EXAMPLE_JSON = '{"photo.jpg": [[left, top, width, height], ...]}'
_MAX_VALUE = 1e9  # pixels


class UserBoxes(NamedTuple):
  """Boxes as given, not yet checked against a photo; see `boxes_of_photo`."""

  source: str  # for messages: the file or the text
  common: list[Any] | None  # for every photo; None: each has its own
  by_photo: Mapping[str, Any]  # file name or path of a photo -> list of boxes


def user_boxes(
  boxes: str | Sequence[Sequence[float]] | Mapping[str, Any],
) -> UserBoxes:
  """Boxes as a user states them.

  Args:
    boxes: text of the option (see `parse_boxes`), or its value: boxes [N, 4]
      for every photo, or these by file name or path of a photo; left, top,
      width, height in pixels.

  Raises:
    ValueError: if a text cannot be read as boxes. Whether the numbers make
      boxes is checked for each photo by `boxes_of_photo`.
  """
  if isinstance(boxes, str):
    return parse_boxes(boxes)
  if isinstance(boxes, Mapping):
    rows = {photo: _plain(rows) for photo, rows in boxes.items()}
    return UserBoxes("boxes", None, rows)
  return UserBoxes("boxes", _plain(boxes), {})


def _plain(rows: Sequence[Sequence[float]]) -> list:
  """Rows of any kind as lists of numbers; what is none is checked later."""
  return [row.tolist() if isinstance(row, np.ndarray) else row for row in rows]


def parse_boxes(text: str) -> UserBoxes:
  """Reads the boxes option: a JSON file, or boxes for every photo.

  A text that ends in `.json` or that names an existing file is read as
  `{"photo.jpg": [[left, top, width, height], ...]}`, pixels; keys are file
  names, or paths where photos of several folders share a name. Any other text
  is `left,top,width,height`, several joined by `;`.

  Raises:
    ValueError: if the file or the text cannot be read as boxes.
  """
  if is_file_name(text):
    by_photo = read_by_photo(text, "boxes", _EXAMPLE_JSON)
    for photo, rows in by_photo.items():
      if not isinstance(rows, list):
        raise ValueError(
          f"{text}: {shown_key(photo)}: {shown(rows)} is not a list of boxes; "
          f"give {_EXAMPLE_JSON}"
        )
    return UserBoxes(text, None, by_photo)
  rows = [row for row in text.split(";") if row.strip()]
  if not rows:
    raise ValueError(f"boxes {text!r}: there is none; give {_EXAMPLE_TEXT}")
  return UserBoxes(text, [_numbers(text, row) for row in rows], {})


def _numbers(text: str, row: str) -> list[float]:
  try:
    return [float(value) for value in row.split(",")]
  except ValueError as error:
    raise ValueError(
      f"boxes {text!r}: {row!r} is not four numbers; give {_EXAMPLE_TEXT}"
    ) from error


def boxes_of_photo(
  boxes: UserBoxes, photo: str | Path, height: int, width: int
) -> np.ndarray | None:
  """The boxes of one photo, checked and clipped to it.

  A box that sticks out is clipped to the photo; one that lies wholly outside
  is an error. A person cut by the border is found from the visible part.

  Args:
    boxes: from `parse_boxes`.
    photo: path of the photo. A key of the JSON file that is its path goes
      before one that is its name.
    height: of the photo, pixels.
    width: of the photo, pixels.

  Returns:
    float32 [N, 4] left, top, width, height, pixels, N >= 1; None if the JSON
    file does not name the photo, which then is searched as without boxes.

  Raises:
    ValueError: naming the photo, if a box is not four finite numbers, has no
      area, or lies outside the photo, or the photo's list is empty.
  """
  rows = boxes.common
  if rows is None:
    rows = value_of_photo(boxes.by_photo, photo)
    if rows is None:
      return None
  if not rows:
    raise ValueError(
      f"{photo}: its list of boxes in {boxes.source} is empty; give a box "
      "[left, top, width, height], or leave the photo out to search it"
    )
  return np.array(
    [_checked(photo, i, row, height, width) for i, row in enumerate(rows)],
    np.float32,
  )


def _checked(
  photo: str | Path, index: int, row: Sequence[Any], height: int, width: int
) -> list[float]:
  """One box clipped to the photo, or a ValueError."""
  where = f"{photo}: box {index} {shown(row)}"
  numbers = (
    isinstance(row, list | tuple)
    and len(row) == 4
    and all(is_number(v) for v in row)
    and all(abs(v) < _MAX_VALUE for v in row)  # also false for NaN
  )
  if not numbers:
    raise ValueError(
      f"{where} is not four finite numbers; give [left, top, width, height] "
      "in pixels"
    )
  left, top, box_width, box_height = (float(v) for v in row)
  if box_width <= 0 or box_height <= 0:
    raise ValueError(
      f"{where} has no area; give a width and a height above 0 "
      "(they are lengths, not the right and bottom border)"
    )
  right, bottom = min(left + box_width, width), min(top + box_height, height)
  left, top = max(left, 0.0), max(top, 0.0)
  if right - left < 1 or bottom - top < 1:
    raise ValueError(
      f"{where} lies outside the photo; give one within its "
      f"{width} x {height} pixels"
    )
  return [left, top, right - left, bottom - top]
