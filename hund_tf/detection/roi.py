"""Rotated square regions of a photo, as the landmark networks read them.

Coordinates are continuous pixels (pixel (0, 0) covers [0, 1) x [0, 1)).
"""

import itertools
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from hund_tf.compat import tf
from hund_tf.detection import resampling


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
  image: np.ndarray, roi: Roi, side: int, border: str = resampling.BLACK
) -> np.ndarray:
  """Resamples a region of a photo to `side` x `side` pixels.

  Args:
    image: [H, W, C] or [H, W] array, uint8 or float32.
    roi: the region.
    side: pixels.
    border: what lies outside the photo, see `resampling.crops`.

  Returns:
    [side, side, C] or [side, side] float32.
  """
  if image.ndim == 2:
    return crop_roi(image[..., None], roi, side, border)[..., 0]
  return _crops(image, [(roi, False)], side, border)[0]


def crop_rois(
  images: Sequence[np.ndarray], rois: Sequence[Roi], side: int
) -> np.ndarray:
  """Crops [N, side, side, 3] float32 of regions, each of its own image."""
  return crop_views(images, [(roi, False) for roi in rois], side)


def crop_views(
  images: Sequence[np.ndarray], views: Sequence[tuple[Roi, bool]], side: int
) -> np.ndarray:
  """Crops of regions, mirrored where a view asks for it.

  Args:
    images: of each view, [H, W, 3] uint8.
    views: N regions, and whether each is looked at mirrored.
    side: pixels.

  Returns:
    [N, side, side, 3] float32.
  """
  cut = []
  for _, of_image in itertools.groupby(
    zip(images, views, strict=True), lambda each: id(each[0])
  ):
    image, seen = zip(*of_image, strict=True)
    cut.append(_crops(image[0], seen, side))
  return np.concatenate(cut)


def _crops(
  image: np.ndarray,
  views: Sequence[tuple[Roi, bool]],
  side: int,
  border: str = resampling.BLACK,
) -> np.ndarray:
  rows = np.array([roi for roi, _ in views], np.float64)
  run = resampling.compiled_crops(tf.as_dtype(image.dtype), border)
  mirrored = [mirror for _, mirror in views]
  given = image, rows[:, :2], rows[:, 2], rows[:, 3], mirrored, side
  return run(*map(tf.constant, given)).numpy()
