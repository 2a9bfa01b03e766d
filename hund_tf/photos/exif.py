"""The focal length that a camera wrote into a photo (EXIF).

A focal length in pixels is taken from, in this order,

* FocalLengthIn35mmFilm: f = f_35 / 43.27 mm * the photo's diagonal, as CIPA
  DC-X010 defines the equivalent;
* FocalLength (millimetres) and FocalPlaneXResolution (pixels of the sensor per
  unit).

Pixels are square and the focal length is one number, so that it holds for the
photo as it was taken and turned upright alike. A photo that was scaled down
since keeps its field of view. Of one whose sides are no longer in the recorded
proportion something was cut off, and its field of view is not known any more.
"""

import math
from typing import Any, NamedTuple

from PIL import Image

_DIAGONAL_35MM = math.hypot(36.0, 24.0)  # millimetres
_UNITS = {2: 25.4, 3: 10.0, 4: 1.0, 5: 1e-3}  # millimetres of each unit
_PLAUSIBLE = (0.2, 30.0)  # focal lengths, in larger sides of the photo
_PROPORTION = 0.02  # by which the proportion of the sides may be off

_EXIF_IFD = 0x8769
_FOCAL_LENGTH = 0x920A
_WIDTH, _HEIGHT = 0xA002, 0xA003
_PLANE_X_RESOLUTION, _PLANE_UNIT = 0xA20E, 0xA210
_FOCAL_LENGTH_35MM = 0xA405


class ExifFocal(NamedTuple):
  """What the metadata of a photo say of its focal length."""

  focal_px: float | None = None  # of the photo as it is; None: not usable
  problem: str = ""  # why a focal length that is there is not used


def focal_of(image: Image.Image) -> ExifFocal:
  """The focal length of an opened photo, in its pixels.

  Broken metadata count as none; those behind the pixels of a PNG only once it
  is loaded.
  """
  try:
    tags = Image.Image.getexif(image).get_ifd(_EXIF_IFD)
  except Exception:  # broken metadata raises any kind
    return ExifFocal()
  return focal_from_tags(tags, image.size)


def focal_from_tags(tags: Any, size: tuple[int, int]) -> ExifFocal:
  """The focal length in pixels that EXIF tags state.

  Args:
    tags: number of a tag -> its value.
    size: sides of the photo in pixels, in either order.
  """
  sides = _number(tags, _WIDTH), _number(tags, _HEIGHT)
  recorded = [side for side in sides if side]
  scale = 1.0  # pixels of the photo for one of the camera's
  if len(recorded) == 2:
    scale = max(size) / max(recorded)
    if abs(min(size) / min(recorded) - scale) > _PROPORTION * scale:
      scale = 0.0
  equivalent = _number(tags, _FOCAL_LENGTH_35MM)
  length = _number(tags, _FOCAL_LENGTH)
  density = _number(tags, _PLANE_X_RESOLUTION)
  unit = _UNITS.get(int(_number(tags, _PLANE_UNIT) or 2))
  if equivalent:
    focal = equivalent / _DIAGONAL_35MM * math.hypot(*size)
  elif length and density and unit:
    focal = length / unit * density * (scale or 1.0)
  else:
    return ExifFocal()
  if not scale:
    return ExifFocal(
      problem="the photo was cut since its EXIF focal length was written"
    )
  low, high = (side * max(size) for side in _PLAUSIBLE)
  if not low <= focal <= high:
    return ExifFocal(
      problem=f"its EXIF focal length of {focal:.4g} pixels is implausible"
    )
  return ExifFocal(focal)


def _number(tags: Any, tag: int) -> float | None:
  """A positive finite value of a tag; None where there is none."""
  try:
    value = float(tags.get(tag))
  except (TypeError, ValueError, ZeroDivisionError, OverflowError):
    return None
  return value if math.isfinite(value) and value > 0.0 else None
