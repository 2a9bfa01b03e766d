"""Rotated square regions of a photo and their crops, as tensors.

The counterpart of `detection.roi`, of many regions at once.
"""

import math
from typing import NamedTuple

from hund_tf.compat import tf
from hund_tf.detection import resampling


class Regions(NamedTuple):
  """N square regions of a photo, as `detection.roi.Roi`; float64."""

  center: tf.Tensor  # [N, 2] pixels
  size: tf.Tensor  # [N] side, pixels
  angle: tf.Tensor  # [N] radians, clockwise on the screen

  def to_image(self, points: tf.Tensor) -> tf.Tensor:
    """Maps points [N, K, 2] in [0, 1] of the regions to pixels."""
    c, s = tf.cos(self.angle), tf.sin(self.angle)
    x, y = tf.unstack((points - 0.5) * self.size[:, None, None], axis=-1)
    c, s = c[:, None], s[:, None]
    return tf.stack([x * c - y * s, x * s + y * c], -1) + self.center[:, None]

  def shifted(self, dx: float, dy: float, scale: float) -> "Regions":
    """Moved by (dx, dy) sides along the regions' axes, then scaled."""
    place = tf.constant([[[0.5 + dx, 0.5 + dy]]], tf.float64)
    center = self.to_image(tf.tile(place, [tf.shape(self.size)[0], 1, 1]))
    return Regions(center[:, 0], self.size * scale, self.angle)

  def rows(self, chosen: tf.Tensor) -> "Regions":
    """Those with the given indices."""
    return Regions(*(tf.gather(x, chosen) for x in self))

  def repeated(self, times: int) -> "Regions":
    """Each so many times in a row."""
    return Regions(*(tf.repeat(x, times, axis=0) for x in self))

  def plain(self) -> tf.Tensor:
    """[N] false: none is mirrored."""
    return tf.zeros_like(self.size, tf.bool)


SPECS = Regions(
  *(tf.TensorSpec(shape, tf.float64) for shape in ([None, 2], [None], [None]))
)
IMAGE = tf.TensorSpec([None, None, 3], tf.uint8)


def upright(boxes: tf.Tensor, scale: float = 1.0) -> Regions:
  """The squares around [left, top, width, height] boxes [N, 4], scaled."""
  boxes = tf.cast(boxes, tf.float64)
  size = tf.reduce_max(boxes[:, 2:], axis=-1) * scale
  return Regions(boxes[:, :2] + boxes[:, 2:] / 2, size, tf.zeros_like(size))


def aligned_angle(
  start: tf.Tensor, end: tf.Tensor, target_degrees: float
) -> tf.Tensor:
  """Angles [N] of the regions in which start -> end [N, 2] points there."""
  dx, dy = tf.unstack(end - start, axis=-1)
  angle = math.radians(target_degrees) - tf.atan2(-dy, dx)
  return tf.math.floormod(angle + math.pi, 2 * math.pi) - math.pi


def tiles(height: tf.Tensor, width: tf.Tensor, fraction: float) -> Regions:
  """The tiles of a photo, as `detection.roi.tile_rois`."""
  sides = tf.cast(tf.stack([height, width]), tf.float64)
  side = fraction * tf.reduce_max(sides)

  def centers(length: tf.Tensor) -> tf.Tensor:
    steps = tf.math.ceil((length - side) / (side / 2) - 1e-6)
    count = tf.cast(steps, tf.int32) + 1
    return tf.linspace(side / 2, length - side / 2, tf.maximum(count, 1))

  def along(length: tf.Tensor) -> tf.Tensor:
    return tf.cond(
      length <= side, lambda: length[None] / 2, lambda: centers(length)
    )

  y, x = tf.meshgrid(along(sides[0]), along(sides[1]), indexing="ij")
  center = tf.stack([tf.reshape(x, [-1]), tf.reshape(y, [-1])], axis=-1)
  size = tf.fill(tf.shape(center)[:1], side)
  return Regions(center, size, tf.zeros_like(size))


def crops(
  image: tf.Tensor,
  regions: Regions,
  side: int,
  mirrored: tf.Tensor,
) -> tf.Tensor:
  """Resamples N regions of a photo to squares, as `detection.roi.crop_views`.

  Args:
    image: [H, W, 3] uint8.
    regions: N of them.
    side: of the crops, pixels.
    mirrored: [N] bool, the crops that are turned left to right.

  Returns:
    [N, side, side, 3] float32, black beyond the photo.
  """
  return resampling.crops(image, *regions, mirrored, side)
