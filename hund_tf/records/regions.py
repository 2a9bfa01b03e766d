"""The region of a photo that a record stores, and what is carried to it.

A region is a square of whole photo pixels around a person's box. Where it
reaches over the photo's border it is black. It is made smaller where its side
is above a limit, never larger. Scale and shift are exact: pixel (0, 0) covers
[0, 1) x [0, 1) in both, so no half-pixel terms arise.
"""

import io
import math
from typing import NamedTuple

import numpy as np
from PIL import Image

DEFAULT_MARGIN = 1.5  # side of the region over the longer side of the box
DEFAULT_MAX_SIDE = 720  # pixels; a box in it has CROP_SIZE at least
JPEG_QUALITY = 95


class Region(NamedTuple):
  """A stored region; the fields are those of `PersonRecord`."""

  image: bytes  # JPEG, RGB
  image_size: np.ndarray  # [2] width, height, pixels
  photo_box: np.ndarray  # [4] left, top, width, height in photo pixels
  photo_size: np.ndarray  # [2] width, height of the photo, pixels


def person_region(
  image: np.ndarray,
  box: np.ndarray,
  margin: float = DEFAULT_MARGIN,
  max_side: int = DEFAULT_MAX_SIDE,
) -> Region:
  """Cuts the square around a person out of a photo.

  Args:
    image: `[H, W, 3]` uint8 RGB.
    box: `[4]` left, top, width, height of the person, photo pixels; may be
      fractional and stick out of the photo.
    margin: side of the square over the longer side of the box, at least 1.
    max_side: the largest side that is stored, pixels.

  Raises:
    ValueError: if the box is not finite, has no area or lies outside the photo.
  """
  height, width = image.shape[:2]
  left, top, box_width, box_height = (float(value) for value in box)
  inside = (  # false for NaN as well
    box_width > 0
    and box_height > 0
    and -box_width < left < width
    and -box_height < top < height
    and max(box_width, box_height) < 4 * max(width, height)
  )
  if not inside:
    raise ValueError(
      f"box {[left, top, box_width, box_height]}: expected left, top, width, "
      f"height of an area within the photo's {width} x {height} pixels"
    )
  side = max(1, math.ceil(max(1.0, margin) * max(box_width, box_height)))
  x = math.floor(left + 0.5 * (box_width - side))
  y = math.floor(top + 0.5 * (box_height - side))
  square = Image.fromarray(image).crop((x, y, x + side, y + side))
  size = min(side, max_side)
  if size < side:
    square = square.resize((size, size), Image.Resampling.LANCZOS)
  buffer = io.BytesIO()
  square.save(buffer, format="JPEG", quality=JPEG_QUALITY)
  return Region(
    image=buffer.getvalue(),
    image_size=np.array([size, size], np.float32),
    photo_box=np.array([x, y, side, side], np.float32),
    photo_size=np.array([width, height], np.float32),
  )


def _scale(region: Region) -> np.ndarray:
  """`[2]` pixels of the region per photo pixel, along x and y."""
  size = np.asarray(region.image_size, np.float64)
  return size / np.asarray(region.photo_box, np.float64)[2:]


def region_points(points: np.ndarray, region: Region) -> np.ndarray:
  """Points `[..., 2]` of the photo in pixels of the region, float32."""
  shift = np.asarray(region.photo_box, np.float64)[:2]
  return _float32((np.asarray(points, np.float64) - shift) * _scale(region))


def photo_points(points: np.ndarray, region: Region) -> np.ndarray:
  """The inverse of `region_points`."""
  shift = np.asarray(region.photo_box, np.float64)[:2]
  return _float32(np.asarray(points, np.float64) / _scale(region) + shift)


def _float32(values: np.ndarray) -> np.ndarray:
  """float32, in which numbers that are too large are infinite."""
  with np.errstate(over="ignore"):
    return values.astype(np.float32)


def region_box(box: np.ndarray, region: Region) -> np.ndarray:
  """A box `[4]` of the photo in pixels of the region, float32."""
  box = np.asarray(box, np.float64)
  corner = region_points(box[:2], region)
  size = (box[2:] * _scale(region)).astype(np.float32)
  return np.concatenate([corner, size])


def region_intrinsics(intrinsics: np.ndarray, region: Region) -> np.ndarray:
  """Intrinsics `[4]` fx, fy, cx, cy of the photo, for the region (Eq. 1)."""
  intrinsics = np.asarray(intrinsics, np.float64)
  focal = (intrinsics[:2] * _scale(region)).astype(np.float32)
  return np.concatenate([focal, region_points(intrinsics[2:], region)])


def region_labels(
  labels: np.ndarray, region: Region, outside: int = 0
) -> np.ndarray:
  """A label image of the photo, for the region: the nearest photo pixel's.

  Args:
    labels: `[H, W]` uint8, one for each pixel of the photo.
    region: of that photo.
    outside: label where the region reaches over the photo's border.

  Returns:
    uint8 of the region's size.
  """
  axes, valid = [], []
  width, height = (int(value) for value in region.image_size)
  for i, size in ((1, height), (0, width)):
    centers = np.arange(size) + 0.5
    start = float(region.photo_box[i])
    index = np.floor(centers / _scale(region)[i] + start).astype(int)
    valid.append((index >= 0) & (index < labels.shape[1 - i]))
    axes.append(np.clip(index, 0, labels.shape[1 - i] - 1))
  known = valid[0][:, None] & valid[1]
  return np.where(known, labels[np.ix_(*axes)], outside).astype(np.uint8)


def encode_png(labels: np.ndarray) -> bytes:
  """A grey uint8 `[H, W]` picture as PNG: part labels or a mask."""
  buffer = io.BytesIO()
  Image.fromarray(np.asarray(labels, np.uint8)).save(buffer, format="PNG")
  return buffer.getvalue()
