"""The markers of a JPEG (ITU-T T.81), and what they tell of damage.

libjpeg fills blocks that are missing with grey and goes on. Some damage shows
in the markers and lengths, at no cost:

* a file without an end of image;
* scans too short for the blocks that they claim: a block takes two bits at
  least, one in the first scan of a progressive file;
* components, or coefficients of a progressive file, that no scan holds;
* zero bytes in a row, where the code of zeros is a coefficient;
* scans without number over the same blocks, which take minutes to decode.

What is left, libjpeg's own warnings tell: see `pixels`.
"""

import dataclasses
import mmap
from typing import NamedTuple

import numpy as np

from hund_tf.decoding.damage import Damaged

_ZEROS = 16  # zero bytes in a row that no block codes
_MAX_FILL = 1 << 16  # bytes between segments that mean nothing
_MAX_SCANS = 1000
_MAX_WORK = 40_000_000  # blocks that all scans together may visit
_CHUNK = 1 << 22  # bytes that are looked at together
_NOT_FRAMES = (0xC4, 0xC8, 0xCC)  # tables among the numbers of frames
_TRUNCATED = "the JPEG data is truncated (no end of image)"


class Component(NamedTuple):
  """A colour component of a frame."""

  number: int
  blocks: int  # of 8 x 8 coefficients


class Scan(NamedTuple):
  """A scan: its header, and where its data lie in the file."""

  components: tuple[int, ...]  # their numbers
  first: int  # coefficients that it holds, in zigzag order
  last: int
  bits_left: int  # of these coefficients, that later scans hold
  begin: int
  end: int
  zeros_are_detail: bool  # code AC coefficients that are not 0
  zeros_are_steps: bool  # code means that differ from block to block

  @property
  def bytes(self) -> int:
    return self.end - self.begin


@dataclasses.dataclass
class Jpeg:
  """What the markers of the first picture in a file say."""

  frame: int = 0  # number of its marker
  components: list[Component] = dataclasses.field(default_factory=list)
  scans: list[Scan] = dataclasses.field(default_factory=list)

  @property
  def progressive(self) -> bool:
    return self.frame in (0xC2, 0xCA)

  @property
  def kept_bytes(self) -> int:
    """That libjpeg keeps of coefficients while it decodes."""
    several = len(self.scans) > 1 or self.progressive
    return 128 * self.blocks if several else 0

  @property
  def blocks(self) -> int:
    return sum(component.blocks for component in self.components)


def read_markers(data: bytes | mmap.mmap) -> Jpeg:
  """Reads the markers up to the end of image.

  Raises:
    Damaged: if there is none, or segments are cut.
  """
  jpeg = Jpeg()
  tables: dict[int, int] = {}  # class and number -> the symbol of zeros
  position = 2
  filled = 0
  while True:
    position, skipped = _next_marker(data, position)
    filled += skipped
    if filled > _MAX_FILL:
      raise Damaged(
        f"over {_MAX_FILL:,} bytes between JPEG segments are filler"
      )
    marker = data[position - 1]
    if marker == 0xD9:
      return jpeg
    if marker in (0x01, *range(0xD0, 0xD9)):  # without a length
      continue
    end = position + int.from_bytes(data[position : position + 2])
    if end > len(data) or end < position + 2:
      raise Damaged(_TRUNCATED)
    body = data[position + 2 : end]
    position = end
    if marker == 0xDA:
      if len(jpeg.scans) >= _MAX_SCANS:
        raise Damaged(f"over {_MAX_SCANS:,} scans take too long to decode")
      position = _scan_end(data, end)
    try:
      if marker == 0xC4:
        _read_tables(body, tables)
      elif 0xC0 <= marker <= 0xCF and marker not in _NOT_FRAMES:
        jpeg.frame, jpeg.components = marker, _read_frame(body)
      elif marker == 0xDA:
        jpeg.scans.append(_read_scan(body, tables, end, position))
    except (IndexError, ZeroDivisionError, ValueError) as error:
      raise Damaged(f"a JPEG segment ({marker:#x}) is cut or wrong") from error


def check(data: bytes | mmap.mmap) -> tuple[Jpeg, str]:
  """Looks for damage that markers and lengths tell.

  Returns:
    The markers, and what may be damaged; empty for nothing.

  Raises:
    Damaged: if pixels are missing, or would take too long to decode.
  """
  jpeg = read_markers(data)
  of = dict(jpeg.components)
  if not jpeg.scans or not of:
    raise Damaged("the JPEG holds no picture")
  entropy = jpeg.frame < 0xC8  # Huffman codes, not arithmetic
  work, doubt = 0, ""
  for scan in jpeg.scans:
    blocks = sum(of.get(number, 0) for number in scan.components)
    work += blocks
    bits = blocks * _least_bits(jpeg, scan)
    if entropy and bits > 8 * scan.bytes:
      raise Damaged(
        f"the JPEG data is truncated ({scan.bytes:,} bytes for pixels that "
        f"take at least {bits // 8:,})"
      )
    if entropy and _holds_hole(data, jpeg, scan):
      doubt = f"a run of {_ZEROS} and more zero bytes lies in the JPEG data"
      if scan.zeros_are_detail:
        raise Damaged(doubt)
  if len(jpeg.scans) > 1 and work > _MAX_WORK:
    raise Damaged(
      f"the JPEG has {len(jpeg.scans)} scans over the same pixels, which take "
      "too long to decode"
    )
  return jpeg, _missing_scans(jpeg) or doubt


def _missing_scans(jpeg: Jpeg) -> str:
  """What is not sent of the coefficients.

  Raises:
    Damaged: if a whole component, or the mean of its blocks, is missing.
  """
  left = {c.number: np.full(64, 16) for c in jpeg.components}
  for scan in jpeg.scans:
    sent, bits = slice(None), 0
    if jpeg.progressive:
      sent, bits = slice(scan.first, scan.last + 1), scan.bits_left
    for number in scan.components:
      if number in left:
        left[number][sent] = bits
  if any(bits[0] for bits in left.values()):
    raise Damaged("scans of the JPEG are missing")
  if jpeg.progressive and any(bits.any() for bits in left.values()):
    return "its last scans are missing, and with them fine detail"
  return ""


def _least_bits(jpeg: Jpeg, scan: Scan) -> int:
  if not jpeg.progressive:
    return 2
  return int(scan.first == 0)


def _holds_hole(data: bytes | mmap.mmap, jpeg: Jpeg, scan: Scan) -> bool:
  if jpeg.progressive and scan.last == 0:  # means alone
    return False
  if not (scan.zeros_are_detail or scan.zeros_are_steps):
    return False
  # A run of 16 zeros holds an aligned word of 8, which is found at once.
  begin = -(-scan.begin // 8)
  count = scan.end // 8 - begin
  if count < 1:
    return False
  words = np.frombuffer(data, np.uint64, count, 8 * begin)
  if words.all():
    return False
  return data.find(bytes(_ZEROS), scan.begin, scan.end) >= 0


def _next_marker(data: bytes | mmap.mmap, position: int) -> tuple[int, int]:
  """Where the next marker has ended, and how many bytes were skipped.

  Raises:
    Damaged: if there is none.
  """
  begin = data.find(b"\xff", position)
  after = begin + 1
  while 0 < after < len(data) and data[after] == 0xFF:
    after += 1
    if after - begin > _MAX_FILL:
      break
  if begin < 0 or after >= len(data):
    raise Damaged(_TRUNCATED)
  return after + 1, after - 1 - position


def _scan_end(data: bytes | mmap.mmap, position: int) -> int:
  """Where the marker behind a scan's data begins.

  Raises:
    Damaged: if there is none.
  """
  size = 1 << 12  # most of many scans are short
  while position < len(data):
    count = min(size, len(data) - position)
    part = np.frombuffer(data, np.uint8, count, position)
    at = np.flatnonzero(part[:-1] == 0xFF)
    after = part[at + 1]
    ends = (after != 0) & (after != 0xFF) & ((after < 0xD0) | (after > 0xD7))
    if ends.any():
      return position + int(at[ends.argmax()])
    position += max(count - 1, 1)
    size = min(2 * size, _CHUNK)
  raise Damaged(_TRUNCATED)


def _read_frame(body: bytes) -> list[Component]:
  height = int.from_bytes(body[1:3])
  width = int.from_bytes(body[3:5])
  entries = [body[6 + 3 * i : 9 + 3 * i] for i in range(body[5])]
  most_x = max((entry[1] >> 4 for entry in entries), default=1)
  most_y = max((entry[1] & 15 for entry in entries), default=1)
  return [
    Component(
      entry[0],
      -(-width * (entry[1] >> 4) // (8 * most_x))
      * -(-height * (entry[1] & 15) // (8 * most_y)),
    )
    for entry in entries
  ]


def _read_tables(body: bytes, tables: dict[int, int]) -> None:
  """Keeps the symbol that a code of zeros alone has: the first of each."""
  position = 0
  while position < len(body):
    count = sum(body[position + 1 : position + 17])
    if count:
      tables[body[position]] = body[position + 17]
    position += 17 + count


def _read_scan(
  body: bytes, tables: dict[int, int], begin: int, end: int
) -> Scan:
  count = body[0]
  entries = [body[1 + 2 * i : 3 + 2 * i] for i in range(count)]
  first, last, bits = body[1 + 2 * count : 4 + 2 * count]
  used = [entry[1] for entry in entries]
  return Scan(
    tuple(entry[0] for entry in entries),
    first,
    last,
    bits & 15,
    begin,
    end,
    any(tables.get(0x10 | (table & 15), 0) & 15 for table in used),
    any(tables.get(table >> 4, 0) for table in used),
  )
