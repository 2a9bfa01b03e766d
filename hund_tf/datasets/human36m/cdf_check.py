"""Whether the records of a CDF file fit into it, before they are read.

cdflib loops over whatever counts a file states. The format: CDF Internal Format
Description, version 3 (https://cdf.gsfc.nasa.gov).
"""

import math
from pathlib import Path

_PLAIN = bytes.fromhex("cdf300010000ffff")  # version 3, not compressed as whole
_Z_VARIABLE, _INDEX = 8, 6  # types of records
_MOST = 1000  # variables or attributes
_MOST_DIMENSIONS = 10
_MOST_GROWTH = 100  # values of a variable for a byte of the file


class _File:
  """Numbers of a file, big-endian."""

  def __init__(self, data: bytes):
    self.data = data

  def number(self, place: int, size: int = 4) -> int:
    if not 0 <= place <= len(self.data) - size:
      raise ValueError("a record lies outside of the file")
    return int.from_bytes(self.data[place : place + size], "big", signed=True)

  def count(self, place: int, most: int) -> int:
    found = self.number(place)
    if not 0 <= found <= most:
      raise ValueError(f"it states {found:,} of what can be {most:,}")
    return found


def check(path: Path) -> None:
  """Checks files of version 3 that are not compressed as a whole.

  Raises:
    OSError: if there is no such file.
    ValueError: of one line, if a count or a place does not fit.
  """
  data = path.read_bytes()
  if not data.startswith(_PLAIN):
    return
  file = _File(data)
  top = 8 + file.number(8, 8)  # behind the first record
  file.count(top + 48, _MOST)  # attributes
  file.count(top + 56, _MOST_DIMENSIONS)
  for first, number in ((12, 44), (20, 60)):
    place = file.number(top + first, 8)
    for _ in range(file.count(top + number, _MOST)):
      _check_variable(file, place)
      place = file.number(place + 12, 8)


def _check_variable(file: _File, place: int) -> None:
  sizes = []
  if file.number(place + 8) == _Z_VARIABLE:
    dimensions = file.count(place + 340, _MOST_DIMENSIONS)
    sizes = [file.number(place + 344 + 4 * k) for k in range(dimensions)]
  records, elements = file.number(place + 24) + 1, file.number(place + 64)
  counts = [records, elements, *sizes]
  if min(counts) < 0 or math.prod(counts) > _MOST_GROWTH * len(file.data):
    raise ValueError(f"it states {counts} values of {len(file.data):,} bytes")
  waiting, seen = [file.number(place + 28, 8)], set()
  while waiting:
    index = waiting.pop()
    if index in seen:
      raise ValueError("a record follows itself")
    if index > 0:  # 0 is the end
      seen.add(index)
      waiting += _check_index(file, index)


def _check_index(file: _File, place: int) -> list[int]:
  """Checks where a variable's values are; returns places of more indices."""
  entries = file.count(place + 20, len(file.data) // 16)
  used = file.count(place + 24, entries)
  offsets = place + 28 + 8 * entries
  below = [file.number(offsets + 8 * k, 8) for k in range(used)]
  for k in range(used):
    first = file.number(place + 28 + 4 * k)
    last = file.number(place + 28 + 4 * (entries + k))
    if not 0 <= first <= last + 1:
      raise ValueError(f"it states records {first:,} to {last:,}")
  nested = [p for p in below if file.number(p + 8) == _INDEX]
  return [*nested, file.number(place + 12, 8)]
