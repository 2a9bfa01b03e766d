"""JSON that strangers hand in: what it may hold, and what is wrong with it."""

import json
import math
import re
import reprlib
from typing import Any

import numpy as np

_DEEPEST = 64  # of lists and objects in each other
_MOST_DIGITS = 500  # of a whole number; others have no limit but their size
_LONGEST = 300  # characters of a value in a message
_BOM = b"\xef\xbb\xbf"
_OTHER_MARKS = (
  (b"\xff\xfe\x00\x00", "UTF-32"),
  (b"\x00\x00\xfe\xff", "UTF-32"),
  (b"\xff\xfe", "UTF-16"),
  (b"\xfe\xff", "UTF-16"),
)
_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+"', re.DOTALL)
_HALF = re.compile(rb"\\u[dD][89a-fA-F]")
_PIECE = 1 << 24  # bytes that are looked through at once


def parse(data: bytes, only_finite: bool = True) -> Any:
  """The value of a JSON text in UTF-8, with a byte order mark or without.

  Whole numbers have at most 500 digits; keys of an object differ; lists and
  objects lie at most 64 deep in each other.

  Args:
    data: the text.
    only_finite: whether NaN and Infinity are refused, which are no JSON, and
      numbers that are too large.

  Raises:
    ValueError: of one line that says what is wrong.
  """
  for mark, name in _OTHER_MARKS:
    if data.startswith(mark):
      raise ValueError(f"it begins like {name}; save it as UTF-8")
  data = data.removeprefix(_BOM)
  if not data.strip():
    raise ValueError("it is empty")
  _check_depth(data)
  try:
    value = json.loads(
      data.decode("utf-8"),
      parse_int=_whole,
      parse_float=_finite if only_finite else None,
      parse_constant=_constant if only_finite else None,
      object_pairs_hook=_object,
    )
    if _HALF.search(data):  # an escape that may be half of a character
      json.dumps(value, ensure_ascii=False).encode()
  except UnicodeDecodeError as error:
    raise ValueError(f"it is not UTF-8 at byte {error.start}") from error
  except UnicodeEncodeError as error:
    raise ValueError("a text in it has half of a character") from error
  except RecursionError as error:
    raise ValueError("it is nested too deeply") from error
  return value


def numbers(value: Any) -> np.ndarray:
  """A value, as JSON has it, as an array of float64.

  It is a number, a list of numbers, of lists of numbers, and so on.

  Raises:
    ValueError: if it holds anything else, such as texts and truth values, or
      lists of different lengths.
  """
  if isinstance(value, np.ndarray):
    value = value.tolist()
  if not _is_numbers(value):
    raise ValueError(f"{shown(value)} is not of numbers")
  try:
    return np.asarray(value, np.float64)
  except OverflowError as error:
    raise ValueError(f"{shown(value)} is too large") from error


def is_number(value: Any) -> bool:
  """Whether a JSON value is a number; true and false are none."""
  kinds = int | float | np.integer | np.floating
  return isinstance(value, kinds) and not isinstance(value, bool)


def shown(value: Any) -> str:
  """A value for a message: in full if it is short, in printable characters."""
  text = _SHORT.repr(value)
  return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."


def shown_key(key: str) -> str:
  """A key for a message, without quotes."""
  if not key.isprintable():
    key = ascii(key)[1:-1]
  return key if len(key) <= _LONGEST else f"{key[: _LONGEST - 3]}..."


def _shortening() -> reprlib.Repr:
  short = reprlib.Repr()
  short.maxstring = short.maxother = short.maxlong = 80
  return short


_SHORT = _shortening()


def _check_depth(data: bytes) -> None:
  """Raises ValueError if brackets outside of texts lie too deep."""
  depth = 0
  bare = _STRING.sub(b"", data)
  for start in range(0, len(bare), _PIECE):
    codes = np.frombuffer(bare[start : start + _PIECE], np.uint8)
    steps = np.isin(codes, list(b"[{")).astype(np.int8)
    steps -= np.isin(codes, list(b"]}"))
    depths = depth + np.cumsum(steps[steps != 0], dtype=np.int64)
    if depths.size:
      depth = int(depths[-1])
      if depths.max() > _DEEPEST:
        raise ValueError(
          f"it is nested too deeply, {_DEEPEST} levels are the most"
        )


def _is_numbers(value: Any) -> bool:
  if isinstance(value, list | tuple):
    return all(_is_numbers(part) for part in value)
  return is_number(value)


def _whole(text: str) -> int:
  if len(text.lstrip("-")) > _MOST_DIGITS:
    raise ValueError(
      f"a whole number in it has {len(text.lstrip('-'))} digits, "
      f"{_MOST_DIGITS} are the most"
    )
  return int(text)


def _finite(text: str) -> float:
  number = float(text)
  if not math.isfinite(number):
    raise ValueError(f"the number {text[:40]} in it is too large")
  return number


def _constant(name: str) -> None:
  raise ValueError(f"it holds {name}, which is no number")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
  made = dict(pairs)
  if len(made) < len(pairs):
    seen: set[str] = set()
    twice = next(k for k, _ in pairs if k in seen or seen.add(k))
    raise ValueError(f"an object in it has the key {shown(twice)} twice")
  return made
