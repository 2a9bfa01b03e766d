"""What the bytes of a picture tell of damage, before any pixel is decoded.

Decoders fill in what is missing and say nothing, or say it where no program
sees it. PNG has checksums; in compressed data that has none a run of zero bytes
is a hole, as an interrupted download or a failing disk leaves it. What JPEG
tells is in `jpeg`.
"""

import mmap
import zlib
from collections.abc import Iterable, Mapping
from typing import Any

from PIL import Image

HOLE = 16  # zero bytes in a row that compressed pixels do not have
_PNG_METADATA = (b"eXIf", b"tEXt", b"zTXt", b"iTXt")
_PNG_CRITICAL = (b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS")


_TIFF_COMPRESSION = 259
_TIFF_PARTS = ((273, 279), (324, 325))  # tags of strips, of tiles
_TIFF_DEFLATE = (8, 32946)
_TIFF_DENSE = (5, 7, 34925, 50000, 50001)  # LZW, JPEG, LZMA, Zstandard, WebP
_INFLATED = 1 << 20  # bytes at a time


class Damaged(ValueError):
  """Of a picture with missing or wrong pixels, or one that hides them."""


def check_png(data: bytes | mmap.mmap) -> bool:
  """Compares the checksums of a PNG's chunks.

  Returns:
    Whether metadata follow the pixels.

  Raises:
    Damaged: if one differs, or the file ends before its last chunk.
  """
  position, pixels, late = 8, False, False
  while position + 12 <= len(data):
    kind = data[position + 4 : position + 8]
    end = position + 8 + int.from_bytes(data[position : position + 4])
    if end + 4 > len(data):
      break
    if kind in _PNG_CRITICAL:
      found = zlib.crc32(memoryview(data)[position + 4 : end])
      if found != int.from_bytes(data[end : end + 4]):
        name = kind.decode()
        raise Damaged(f"the checksum of a PNG chunk ({name}) is wrong")
    if kind == b"IEND":
      return late
    pixels = pixels or kind == b"IDAT"
    late = late or pixels and kind in _PNG_METADATA
    position = end + 4
  raise Damaged("the PNG data is truncated (no IEND)")


def webp_chunks(data: bytes | mmap.mmap) -> dict[bytes, tuple[int, int]]:
  """Where the chunks of a WebP begin and end; of each kind the first.

  Raises:
    Damaged: if the file is shorter than its header says.
  """
  if len(data) < 8 + int.from_bytes(data[4:8], "little"):
    raise Damaged("the WebP data is truncated")
  chunks: dict[bytes, tuple[int, int]] = {}
  position = 12
  while position + 8 <= len(data):
    length = int.from_bytes(data[position + 4 : position + 8], "little")
    begin = position + 8
    chunks.setdefault(data[position : position + 4], (begin, begin + length))
    position = begin + length + length % 2
  return chunks


def check_webp(data: bytes | mmap.mmap) -> str:
  """Looks for holes in the pixels of a WebP.

  Returns:
    What may be damaged; empty for nothing.

  Raises:
    Damaged: if the file is shorter than its header says.
  """
  chunks = webp_chunks(data)
  return _hole(
    data, (chunks[kind] for kind in (b"VP8 ", b"VP8L") if kind in chunks)
  )


def check_other(image: Image.Image, data: bytes | mmap.mmap) -> str:
  """Looks for damage in a GIF, AVIF, JPEG 2000 or compressed TIFF.

  Args:
    image: as Pillow opened it.
    data: of its file.

  Returns:
    What may be damaged; empty for nothing.

  Raises:
    Damaged: if a checksum is wrong, or the end is missing.
  """
  if image.format == "GIF":
    return _hole(data, [(_gif_pixels(data), len(data))])
  if image.format == "JPEG2000":
    begin = max(data.find(b"\xff\x93"), 0)
    if data.find(b"\xff\xd9", begin) < 0:
      raise Damaged("the JPEG 2000 data is truncated (no end of code stream)")
    # Packets without content are a zero byte each.
    return _hole(data, [(begin, len(data))], 2 * HOLE)
  if image.format == "AVIF":
    exif = image.info.get("exif") or b"mdat"
    begin = max(data.find(b"mdat"), 0)
    inside = data.find(exif, begin)
    return _hole(data, [(begin, inside), (inside + len(exif), len(data))])
  if image.format == "TIFF":
    return _check_tiff(image, data)
  return ""


def tiff_tags(image: Image.Image) -> Mapping[int, Any]:
  """The tags of a TIFF that Pillow has opened."""
  return getattr(image, "tag_v2", {})


def _check_tiff(image: Image.Image, data: bytes | mmap.mmap) -> str:
  """What may be damaged of a TIFF; see `check_other`."""
  tags = tiff_tags(image)
  compression = tags.get(_TIFF_COMPRESSION, 1)
  parts = []
  for offsets, counts in _TIFF_PARTS:
    if offsets in tags and counts in tags:
      parts += [
        (b, b + n) for b, n in zip(tags[offsets], tags[counts], strict=False)
      ]
  if compression in _TIFF_DEFLATE:
    for begin, end in parts:
      _check_zlib(data, begin, min(end, len(data)))
  elif compression in _TIFF_DENSE:
    return _hole(data, parts)
  return ""


def _check_zlib(data: bytes | mmap.mmap, begin: int, end: int) -> None:
  """Compares the checksum at the end of a zlib stream.

  Raises:
    Damaged: if it differs, or is missing.
  """
  stream = zlib.decompressobj()
  try:
    for position in range(begin, end, _INFLATED):
      pending = data[position : min(position + _INFLATED, end)]
      while pending and not stream.eof:
        stream.decompress(pending, _INFLATED)
        pending = stream.unconsumed_tail
  except zlib.error as error:
    raise Damaged(str(error)) from error
  while not stream.eof:
    if not stream.decompress(b"", _INFLATED):
      raise Damaged("a compressed strip is truncated")


def _gif_pixels(data: bytes | mmap.mmap) -> int:
  """Where the pixels of a GIF's first picture begin."""
  position = 13 + _palette(data[10])
  while position < len(data) and data[position] == 0x21:  # an extension
    position = _after_blocks(data, position + 2)
  if position + 10 > len(data):
    return len(data)
  return position + 10 + _palette(data[position + 9]) + 1


def _palette(flags: int) -> int:
  """Bytes of a GIF's palette."""
  return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def _after_blocks(data: bytes | mmap.mmap, position: int) -> int:
  """Where a chain of GIF's blocks has ended."""
  while position < len(data) and data[position]:
    position += 1 + data[position]
  return position + 1


def _hole(
  data: bytes | mmap.mmap, parts: Iterable[tuple[int, int]], size: int = HOLE
) -> str:
  zeros = bytes(size)
  for begin, end in parts:
    if data.find(zeros, begin, end) >= 0:
      return f"a run of {size} and more zero bytes lies in its compressed data"
  return ""
