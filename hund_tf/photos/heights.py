"""Statures that a user knows of the people in his photos."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from hund_tf.json_text import is_number, shown, shown_key
from hund_tf.photos.by_photo import (
  is_file_name,
  read_by_photo,
  value_of_photo,
)

_EXAMPLE_TEXT = "1.83, or one for each person joined by ',', in metres"
_EXAMPLE_JSON = '{"photo.jpg": 1.83, "group.jpg": [1.83, null, 1.65]}'
# Of adults, metres; the body model has no others.
LOWEST, HIGHEST = 1.3, 2.2


class UserHeights(NamedTuple):
  """Heights as given, not yet checked against a photo; see `heights_of_photo`.

  A height is a number or None (not known); one stands for everybody.
  """

  source: str  # for messages: the file or the text
  common: Any  # for every photo: a height or a list; None: each has its own
  by_photo: Mapping[str, Any]  # file name or path of a photo -> the same


def user_heights(
  heights: str | float | Sequence[float | None] | Mapping[str, Any],
) -> UserHeights:
  """Heights as a user states them.

  Args:
    heights: text of the option, or its value: metres of everybody, a list with
      those of each person (None: not known), or these by file name or path of a
      photo. A text is a number, several joined by `,`, or a JSON file.

  Raises:
    ValueError: if a text cannot be read, or a height is not an adult's.
  """
  if isinstance(heights, Mapping):
    given = UserHeights("height_m", None, heights)
  elif not isinstance(heights, str):
    given = UserHeights("height_m", heights, {})
  elif is_file_name(heights):
    content = read_by_photo(heights, "heights", _EXAMPLE_JSON)
    given = UserHeights(heights, None, content)
  else:
    given = UserHeights("height_m", _parsed(heights), {})
  if given.common is not None:
    _check(given.source, given.common)
  for photo, value in given.by_photo.items():
    _check(f"{given.source}: {shown_key(photo)}", value)
  return given


def _parsed(text: str) -> float | list[float]:
  try:
    values = [float(value) for value in text.split(",")]
  except ValueError as error:
    raise ValueError(
      f"height_m {text!r}: is not a number; give {_EXAMPLE_TEXT}, or a JSON "
      f"file {_EXAMPLE_JSON}"
    ) from error
  return values[0] if len(values) == 1 else values


def _check(where: str, value: Any) -> None:
  """Raises ValueError unless a value is a height or a list of them."""
  for height in value if _is_list(value) else [value]:
    if height is None or (is_number(height) and LOWEST <= height <= HIGHEST):
      continue
    raise ValueError(
      f"{where}: height {shown(height)} is not an adult's in metres; give "
      f"{LOWEST} to {HIGHEST}"
    )


def _is_list(value: Any) -> bool:
  return isinstance(value, Sequence) and not isinstance(value, str)


def heights_of_photo(
  heights: UserHeights, photo: str | Path, people: int, of: str
) -> tuple[float | None, ...]:
  """The heights of the people of a photo, None where one is not known.

  Args:
    heights: of `user_heights`.
    photo: path of the photo, by which a JSON file names it.
    people: how many a list must be of.
    of: what they are, for messages: "boxes".

  Raises:
    ValueError: naming the photo, if a list is not of so many.
  """
  value = heights.common
  if value is None:
    value = value_of_photo(heights.by_photo, photo)
  if not _is_list(value):
    return (value,) * people
  if len(value) != people:
    raise ValueError(
      f"{photo}: {len(value)} heights in {heights.source} for {people} {of}; "
      "give one for all, or one for each (null in JSON: not known)"
    )
  return tuple(value)
