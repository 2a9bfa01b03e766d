"""Rotated square regions of a photo and their crops, as tensors.

The counterpart of `detection.roi`, of many regions at once. Crops are those of
OpenCV to the last bit, but for a rounding here and there: places are rounded to
a 32nd of a pixel, and regions that are much larger than their crop are averaged
down first.
"""

import math
from typing import NamedTuple

from hund_tf.compat import tf

SHRINK_FROM = 1.5  # pixels of the photo for one of the crop


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
  """Resamples regions of a photo to squares, as `detection.roi.crop_roi`.

  Args:
    image: [H, W, 3] uint8.
    regions: N of them.
    side: of the crops, pixels.
    mirrored: [N] bool, the crops that are turned left to right.

  Returns:
    [N, side, side, 3] uint8, black beyond the photo.
  """
  cut = tf.map_fn(
    lambda region: _crop(image, Regions(*region), side),
    tuple(regions),
    fn_output_signature=tf.TensorSpec([side, side, 3], tf.uint8),
    parallel_iterations=2,
  )
  return tf.where(mirrored[:, None, None, None], cut[:, :, ::-1], cut)


def _crop(image: tf.Tensor, region: Regions, side: int) -> tf.Tensor:
  ratio = region.size / side
  plain = lambda: (image, tf.ones([2], tf.float64))
  small, scale = tf.cond(
    ratio > SHRINK_FROM, lambda: shrunk(image, ratio), plain
  )
  corners = [[0.5, 0.5], [side - 0.5, 0.5], [0.5, side - 0.5]]
  one = Regions(*(x[None] for x in region))
  places = one.to_image(tf.constant([corners], tf.float64) / side)[0]
  return warped(small, places * scale - 0.5, side)


def shrunk_size(size: tf.Tensor, ratio: tf.Tensor) -> tf.Tensor:
  """Sides [2] int32 of a photo of sides [2] that is averaged down."""
  sides = tf.cast(size, tf.float64) * (1.0 / ratio)
  return tf.maximum(tf.cast(tf.round(sides), tf.int32), 1)


def shrunk(image: tf.Tensor, ratio: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
  """A photo averaged down, and its sides [2] (x, y) in those of the photo."""
  size = tf.shape(image)[:2]
  before = tf.cast(size, tf.float64)
  target = shrunk_size(size, ratio)
  means = tf.raw_ops.ResizeArea(images=image[None], size=target)[0]
  # Halves go up where OpenCV sums 2 x 2 pixels, and else to the even number.
  halved = tf.reduce_all(tf.equal(size, 2 * target))
  rounded = tf.where(halved, tf.floor(means + 0.5), tf.round(means))
  return tf.cast(rounded, tf.uint8), (tf.cast(target, tf.float64) / before)[
    ::-1
  ]


def _fixed(values: tf.Tensor) -> tf.Tensor:
  """Values in 1024ths, rounded."""
  return tf.cast(tf.round(values * 1024.0), tf.int32)


def sampled(
  steps: tf.Tensor, height: int | tf.Tensor, width: int | tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
  """Where the pixels of an affine picture come from.

  Args:
    steps: [3, 2] x, y: place of the first pixel, and how far it is from one
      column and from one row to the next; float64 indices of what is read.
    height: of the picture.
    width: of the picture.

  Returns:
    x and y [height, width] int32, 32nds of a pixel.
  """
  origin, column, row = tf.unstack(steps)
  x = tf.range(tf.cast(width, tf.float64), dtype=tf.float64)
  y = tf.range(tf.cast(height, tf.float64), dtype=tf.float64)
  along = _fixed(x[:, None] * column)
  down = _fixed(y[:, None] * row + origin) + 16
  x, y = (
    tf.bitwise.right_shift(down[:, None, k] + along[None, :, k], 5)
    for k in (0, 1)
  )
  return x, y


def warped(image: tf.Tensor, source: tf.Tensor, side: int) -> tf.Tensor:
  """An affine picture [side, side, C] uint8 of an image [H, W, C] uint8.

  Args:
    image: what is resampled.
    source: [3, 2] x, y (indices of the image) of the centres of the pixels in
      three corners: top left, top right, bottom left.
    side: pixels.
  """
  source = tf.cast(tf.cast(source, tf.float32), tf.float64)  # as OpenCV has it
  steps = (source[1:] - source[0]) / (side - 1)
  x, y = sampled(tf.concat([source[:1], steps], axis=0), side, side)
  total = bilinear(tf.cast(image, tf.int32), x, y)
  return tf.cast((total + 512) // 1024, tf.uint8)


def bilinear(image: tf.Tensor, x: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
  """Sums of four neighbours with weights of 1024 together; 0 beyond.

  Args:
    image: [H, W, C].
    x: of any shape, int32, 32nds of a pixel.
    y: likewise.

  Returns:
    [..., C] of the image's type.
  """
  height, width, channels = tf.unstack(tf.shape(image))
  flat = tf.reshape(image, tf.stack([height * width, channels]))
  column, row = (tf.bitwise.right_shift(place, 5) for place in (x, y))
  right, down = (tf.bitwise.bitwise_and(place, 31) for place in (x, y))
  total = 0
  for dy, weight_y in ((0, 32 - down), (1, down)):
    for dx, weight_x in ((0, 32 - right), (1, right)):
      i, j = row + dy, column + dx
      inside = (i >= 0) & (i < height) & (j >= 0) & (j < width)
      weight = tf.where(inside, weight_x * weight_y, 0)
      index = tf.where(inside, i * width + j, 0)
      total += tf.gather(flat, index) * tf.cast(weight, image.dtype)[..., None]
  return total
