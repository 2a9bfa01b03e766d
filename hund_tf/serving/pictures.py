"""Sizes of photos by their headers, before anything decodes them."""

import io
from collections.abc import Iterable

from PIL import Image

_FORMATS = ("JPEG", "PNG", "GIF", "BMP")
_HEADS = (b"\xff\xd8\xff", b"\x89PNG", b"GIF8", b"BM")
_BOMBS = (Image.DecompressionBombError, Image.DecompressionBombWarning)


def too_large(data: bytes, max_pixels: int) -> str:
  """Why a photo has too many pixels; empty if it has not, or is no photo.

  No pixel is decoded. What cannot be read is left to the model to judge.

  Args:
    data: any bytes.
    max_pixels: largest width times height.
  """
  if not data.startswith(_HEADS):
    return ""
  try:
    with Image.open(io.BytesIO(data), formats=_FORMATS) as image:
      width, height = image.size
  except _BOMBS as error:
    return f"{error}; give a photo of at most {max_pixels} pixels"
  except Exception:  # headers of broken files raise any kind
    return ""
  if width * height <= max_pixels:
    return ""
  return (
    f"{width} x {height} pixels are too many; give a photo of at most "
    f"{max_pixels}"
  )


def first_too_large(texts: Iterable[bytes], max_pixels: int) -> str:
  """`too_large` of the first of the texts that is."""
  return next(filter(None, (too_large(x, max_pixels) for x in texts)), "")
