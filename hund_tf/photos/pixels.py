"""From a photo's file to its pixels, whole, in bounded memory.

OpenCV decodes the usual kinds (JPEG, PNG and WebP of 8 bits without
transparency), straight to three bytes a pixel, with the values that Pillow
gives; Pillow decodes the rest.
"""

import mmap
import re
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from PIL import Image

from hund_tf.decoding import damage, jpeg, opencv
from hund_tf.decoding.damage import Damaged
from hund_tf.photos.exif import ExifFocal, focal_of

_ROWS = 64  # converted together
_SMALL = 1_000_000  # bytes of a file that may not take long
_SLOW = {"AVIF": 20_000_000, "JPEG2000": 15_000_000}  # pixels of a small file
# Bytes a pixel, at the peak of decoding, with what Pillow and the result take.
_DECODER_BYTES = {"AVIF": 14.0, "JPEG2000": 20.0, "WEBP": 18.0, "HEIF": 14.0}
_EXIF_ORIENTATION = 0x0112
_TURNED = (5, 6, 7, 8)  # orientations that exchange the sides


class Inspection(NamedTuple):
  """What the bytes of a picture say before it is decoded."""

  plain: bool  # OpenCV decodes it, to the values that Pillow would give
  peak_bytes: float  # about what decoding takes
  doubt: str  # what may be damaged; empty for nothing
  surplus_from: int  # of a JPEG of one scan: from where on nothing may be left


def inspect(path: Path, image: Image.Image) -> Inspection:
  """Looks for damage, and for what decoding would cost.

  Args:
    path: of the picture's file.
    image: its header, opened by Pillow; no pixels are loaded.

  Raises:
    Damaged: if pixels are missing, or would take too long.
  """
  with path.open("rb") as file:
    data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
  kind, doubt, kept, last = image.format, "", 0, 0
  plain = image.mode in ("L", "RGB") and not image.has_transparency_data
  if kind not in ("JPEG", "MPO"):
    plain = plain and not getattr(image, "is_animated", False)
  if kind in ("JPEG", "MPO"):
    markers, doubt = jpeg.check(data)
    kept = markers.kept_bytes
    last = opencv.surplus_from(markers)
  elif kind == "PNG":
    late = damage.check_png(data)
    plain = plain and data[24] == 8 and not late
  elif kind == "WEBP":
    doubt = damage.check_webp(data)
  else:
    plain, doubt = False, damage.check_other(image, data)
  pixels = image.size[0] * image.size[1]
  if pixels > _SLOW.get(kind or "", pixels) and len(data) < _SMALL:
    raise Damaged(
      f"it claims {pixels:,} pixels in {len(data):,} bytes, which take too "
      "long to decode"
    )
  peak = pixels * _bytes_a_pixel(image, plain, data) + kept
  return Inspection(plain, peak, doubt, last)


def _bytes_a_pixel(image: Image.Image, plain: bool, data: mmap.mmap) -> float:
  if plain:
    each = 3.0
    if image.format == "WEBP" and b"VP8L" in damage.webp_chunks(data):
      each = 7.0
    return max(each, 6.0) if orientation_of(image) in _TURNED else each
  each = 4.1 if image.mode in ("1", "L", "P") else 7.1
  if image.format == "TIFF":
    if damage.tiff_tags(image).get(_EXIF_ORIENTATION) in _TURNED:
      each += 1.0  # Pillow turns it
  return max(each, _DECODER_BYTES.get(image.format or "", 0.0))


def decode(
  path: Path, image: Image.Image, found: Inspection
) -> tuple[np.ndarray, ExifFocal, str]:
  """Decodes a picture that was inspected.

  Returns:
    uint8 [H, W, 3] RGB, upright; what its metadata say of the focal length;
    and what may be damaged, empty for nothing.

  Raises:
    Damaged: if pixels are missing.
    Exception: of any kind, from decoders of broken bytes.
  """
  doubt = found.doubt or _surplus(path, found.surplus_from)
  if found.plain:
    rgb, warned = _decode_plain(path, image)
  else:
    warned = ""
    if image.format in ("JPEG", "MPO"):
      warned = opencv.judged(opencv.skim(path))
    with opencv.messages(others=True):
      image.load()
    rgb = to_rgb(image)
  orientation, exif = orientation_of(image), focal_of(image)
  image.close()  # and with it what Pillow holds of the pixels
  return turned(rgb, orientation), exif, warned or doubt


def orientation_of(image: Image.Image) -> int:
  """EXIF's orientation, 1 to 8; unreadable metadata counts as upright.

  Pillow's own method of a PNG loads all pixels first, so that of its base is
  taken: where metadata follow the pixels, these were loaded before.
  """
  try:
    orientation = Image.Image.getexif(image).get(_EXIF_ORIENTATION)
  except Exception:  # broken metadata raises any kind
    return 1
  return int(orientation) if orientation in range(1, 9) else 1


def _decode_plain(path: Path, image: Image.Image) -> tuple[np.ndarray, str]:
  """Pixels by OpenCV, and what may be damaged."""
  flags = cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
  bgr = np.empty((image.size[1], image.size[0], 3), np.uint8)
  found, warned = opencv.read(path, flags, bgr)
  if found is None or found.shape != bgr.shape:
    raise Damaged(warned or "it cannot be decoded")
  bgr = found
  doubt = opencv.judged(warned) if image.format in ("JPEG", "MPO") else ""
  if image.format == "PNG" and re.search("image data|IDAT|compressed", warned):
    raise Damaged(warned)
  for y in range(0, len(bgr), _ROWS):
    strip = bgr[y : y + _ROWS]
    cv2.cvtColor(strip, cv2.COLOR_BGR2RGB, dst=strip)
  return bgr, doubt


def _surplus(path: Path, end: int) -> str:
  """`opencv.surplus` of a file; empty for `end` 0."""
  if not end:
    return ""
  with path.open("rb") as file:
    return opencv.surplus(file.read(end))


def to_rgb(image: Image.Image) -> np.ndarray:
  """A picture in any of Pillow's formats to uint8 [H, W, 3]."""
  width, height = image.size
  rgb = np.empty((height, width, 3), np.uint8)
  for y in range(0, height, _ROWS):
    end = min(y + _ROWS, height)
    rgb[y:end] = _strip_to_rgb(image.crop((0, y, width, end)))
  return rgb


def _strip_to_rgb(image: Image.Image) -> np.ndarray:
  if image.mode.startswith("I") or image.mode == "F":
    grey = np.asarray(image).astype(np.float64)
    limit = 1.0 if image.mode == "F" else 65535.0
    if not (grey.min() >= 0.0 and grey.max() <= limit):
      raise ValueError(
        f"grey values {grey.min():g} to {grey.max():g} "
        f"are outside 0 to {limit:g}"
      )
    grey = np.rint(grey * (255.0 / limit)).astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=-1)
  if image.has_transparency_data:
    rgba = image.convert("RGBA")
    white = Image.new("RGBA", rgba.size, (255, 255, 255, 255))
    image = Image.alpha_composite(white, rgba)
  return np.asarray(image.convert("RGB"))


def turned(rgb: np.ndarray, orientation: int) -> np.ndarray:
  """Pixels [H, W, 3] as EXIF's orientation, 1 to 8, says they are upright."""
  if orientation == 6:
    return cv2.rotate(rgb, cv2.ROTATE_90_CLOCKWISE)
  if orientation == 8:
    return cv2.rotate(rgb, cv2.ROTATE_90_COUNTERCLOCKWISE)
  if orientation in (5, 7):
    rgb = cv2.transpose(rgb)
  flip = {2: 1, 3: -1, 4: 0, 7: -1}.get(orientation)
  return rgb if flip is None else cv2.flip(rgb, flip, dst=rgb)
