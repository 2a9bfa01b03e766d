"""Rotated square regions of a photo, as the landmark networks read them.

Coordinates are continuous pixels (pixel (0, 0) covers [0, 1) x [0, 1)).
"""

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np


class Roi(NamedTuple):
  """A square region of a photo, possibly rotated and beyond its border."""

  x: float  # centre, pixels
  y: float
  size: float  # side, pixels
  angle: float = 0.0  # radians; turns the region clockwise on the screen

  def to_image(self, points: np.ndarray) -> np.ndarray:
    """Maps points [..., 2] in [0, 1] of the region to pixels of the photo."""
    c, s = np.cos(self.angle), np.sin(self.angle)
    axes = np.array([[c, s], [-s, c]]) * self.size
    return (np.asarray(points) - 0.5) @ axes + [self.x, self.y]

  def from_image(self, points: np.ndarray) -> np.ndarray:
    """Maps points [..., 2] in pixels of the photo to [0, 1] of the region."""
    c, s = np.cos(self.angle), np.sin(self.angle)
    axes = np.array([[c, -s], [s, c]]) / self.size
    return (np.asarray(points) - [self.x, self.y]) @ axes + 0.5

  def shifted(self, dx: float, dy: float, scale: float) -> "Roi":
    """Moves by (dx, dy) sides along the region's axes, then scales."""
    x, y = self.to_image(np.array([0.5 + dx, 0.5 + dy]))
    return Roi(float(x), float(y), self.size * scale, self.angle)


def upright_roi(box: np.ndarray, scale: float = 1.0) -> Roi:
  """The square around a [left, top, width, height] box, scaled."""
  left, top, width, height = (float(v) for v in box)
  return Roi(
    left + width / 2, top + height / 2, max(width, height) * scale, 0.0
  )


def tile_rois(height: int, width: int, fraction: float) -> list[Roi]:
  """Square tiles of `fraction` of the larger side, half overlapping.

  Along each axis the tiles are spread evenly from border to border; an axis
  shorter than the tile has one, centred.
  """
  side = fraction * max(height, width)

  def centers(length: int) -> np.ndarray:
    if length <= side:
      return np.array([length / 2])
    count = int(np.ceil((length - side) / (side / 2) - 1e-6)) + 1
    return np.linspace(side / 2, length - side / 2, count)

  return [
    Roi(float(x), float(y), side)
    for y in centers(height)
    for x in centers(width)
  ]


def aligned_angle(
  start: np.ndarray, end: np.ndarray, target_degrees: float
) -> float:
  """Angle of the region in which start -> end points to `target_degrees`.

  Args:
    start: [2] pixels.
    end: [2] pixels.
    target_degrees: direction in the region, counter-clockwise from its x axis.

  Returns:
    Radians in [-pi, pi).
  """
  dx, dy = np.asarray(end, float) - np.asarray(start, float)
  angle = np.radians(target_degrees) - np.arctan2(-dy, dx)
  return float((angle + np.pi) % (2 * np.pi) - np.pi)


def crop_roi(
  image: np.ndarray, roi: Roi, side: int, border: str = "constant"
) -> np.ndarray:
  """Resamples a region of a photo to `side` x `side` pixels.

  Regions much larger than `side` are averaged down first, so nothing aliases.

  Args:
    image: [H, W, C] or [H, W] array of a type OpenCV knows.
    roi: the region.
    side: pixels.
    border: what lies outside the photo: "constant" (zeros) or "replicate".

  Returns:
    [side, side, C] or [side, side] array of the same type.
  """
  ratio = roi.size / side
  shrink = 1.0
  if ratio > 1.5:
    height, width = image.shape[:2]
    shrink = 1.0 / ratio
    target = (
      max(1, round(width * shrink)),
      max(1, round(height * shrink)),
    )
    image = cv2.resize(image, target, interpolation=cv2.INTER_AREA)
    scale = np.array([target[0] / width, target[1] / height])
  else:
    scale = np.ones(2)
  # Where the centres of three output pixels lie, in indices of the input.
  output = np.array([[0, 0], [side - 1, 0], [0, side - 1]], np.float32)
  source = roi.to_image((output + 0.5) / side) * scale - 0.5
  matrix = cv2.getAffineTransform(source.astype(np.float32), output)
  modes = {
    "constant": cv2.BORDER_CONSTANT,
    "replicate": cv2.BORDER_REPLICATE,
  }
  return cv2.warpAffine(
    image,
    matrix,
    (side, side),
    flags=cv2.INTER_LINEAR,
    borderMode=modes[border],
  )


def crop_rois(
  images: Sequence[np.ndarray], rois: Sequence[Roi], side: int
) -> list[np.ndarray]:
  """Crops of regions, each of its own image; see `crop_roi`."""
  return [
    crop_roi(image, roi, side) for image, roi in zip(images, rois, strict=True)
  ]


def crop_views(
  images: Sequence[np.ndarray], views: Sequence[tuple[Roi, bool]], side: int
) -> list[np.ndarray]:
  """Crops of regions, mirrored where a view asks for it.

  Args:
    images: of each view, as in `crop_roi`.
    views: regions, and whether each is looked at mirrored.
    side: pixels.
  """
  crops = crop_rois(images, [roi for roi, _ in views], side)
  return [
    crop[:, ::-1] if mirrored else crop
    for crop, (_, mirrored) in zip(crops, views, strict=True)
  ]


def paste_roi(
  patch: np.ndarray, roi: Roi, height: int, width: int
) -> np.ndarray:
  """Resamples a [side, side] patch of a region into an [H, W] photo; else 0."""
  side = patch.shape[0]
  corners = np.array([[0, 0], [side - 1, 0], [0, side - 1]], np.float32)
  target = roi.to_image((corners + 0.5) / side) - 0.5
  matrix = cv2.getAffineTransform(corners, target.astype(np.float32))
  return cv2.warpAffine(
    patch,
    matrix,
    (width, height),
    flags=cv2.INTER_LINEAR,
    borderMode=cv2.BORDER_CONSTANT,
  )
