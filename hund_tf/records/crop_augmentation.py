"""Random changes of person crops: place, size, turn, mirror, colour, patches.

All randomness is a function of the seeds that are given: the same place in a
run gets the same change.
"""

import dataclasses
import math
from typing import NamedTuple

import tensorflow_addons as tfa

from hund_tf.body import keypoints as keypoint_names
from hund_tf.compat import tf
from hund_tf.options import option
from hund_tf.types import CROP_SCALE, CROP_SIZE

_HALF = CROP_SIZE / 2.0


@dataclasses.dataclass(frozen=True)
class CropAugmentation:
  """How far crops are changed; all zeros leave them as at test time."""

  box_scale: float = option(
    CROP_SCALE,
    "Side of a crop, in larger sides of the person's box.",
    name="crop_box_scale",
    low=0.1,
  )
  scale: float = option(
    0.25,
    "Largest change of the logarithm of the crop's side.",
    name="crop_scale",
    low=0.0,
  )
  shift: float = option(
    0.1,
    "Largest move of a crop along each axis, in sides of the crop.",
    name="crop_shift",
    low=0.0,
  )
  rotation: float = option(
    40.0,
    "Largest turn of a crop, degrees.",
    name="crop_rotation",
    low=0.0,
    high=180.0,
  )
  flip: float = option(
    0.5, "Share of mirrored crops.", name="crop_flip", low=0.0, high=1.0
  )
  color: float = option(
    0.4,
    "Largest change of brightness, contrast, saturation and tint.",
    name="crop_color",
    low=0.0,
  )
  patch: float = option(
    0.3,
    "Share of crops in which a patch hides something.",
    name="crop_patch",
    low=0.0,
    high=1.0,
  )
  patch_size: float = 0.35  # largest side of the patch, crop sides

  def __post_init__(self):
    for name, value in dataclasses.asdict(self).items():
      if not value >= 0.0:
        raise ValueError(f"{name}: got {value}, expected 0 or more")
    if not self.box_scale > 0.0:
      raise ValueError(f"box_scale: got {self.box_scale}, expected above 0")


class CropMap(NamedTuple):
  """Where a crop comes from: image pixel p = center + axes (u - 240).

  u are crop pixels (480 a side).
  """

  center: tf.Tensor  # [2] image pixels
  axes: tf.Tensor  # [2, 2] image pixels a crop pixel
  mirrored: tf.Tensor  # [] bool

  def to_crop(self, points: tf.Tensor) -> tf.Tensor:
    """Image pixels `[N, 2]` to crop pixels, left and right as they are."""
    inverse = tf.linalg.inv(self.axes)
    offset = points - self.center
    return tf.linalg.matvec(inverse, offset) + _HALF

  def scale(self) -> tf.Tensor:
    """Image pixels that a crop pixel is long."""
    return tf.norm(self.axes[:, 0])


def draw_crop(
  box: tf.Tensor, config: CropAugmentation, seed: tf.Tensor
) -> CropMap:
  """A square crop around a person.

  Args:
    box: `[4]` left, top, width, height, image pixels.
    config: how far it may be from the upright, centred crop.
    seed: `[2]` int32.
  """
  draws = tf.random.stateless_uniform([5], seed, -1.0, 1.0)
  side = config.box_scale * tf.maximum(box[2], box[3])
  side = tf.maximum(side * tf.exp(config.scale * draws[0]), 1.0)
  center = box[:2] + box[2:] / 2.0 + side * config.shift * draws[1:3]
  angle = config.rotation * (math.pi / 180.0) * draws[3]
  mirrored = draws[4] < 2.0 * config.flip - 1.0
  sign = tf.where(mirrored, -1.0, 1.0)
  cosine, sine = tf.cos(angle), tf.sin(angle)
  axes = tf.stack([[cosine * sign, -sine], [sine * sign, cosine]])
  return CropMap(center, axes * side / float(CROP_SIZE), mirrored)


def upright_crop(box: tf.Tensor) -> CropMap:
  """The crop of a square box `[4]` left, top, side, side, image pixels."""
  axes = tf.eye(2) * box[2] / float(CROP_SIZE)
  return CropMap(box[:2] + box[2:] / 2.0, axes, tf.constant(False))


def mirror_keypoints(values: tf.Tensor, mirrored: tf.Tensor) -> tf.Tensor:
  """Values `[137, ...]`, those of left and right exchanged if mirrored."""
  table = tf.constant(keypoint_names.MIRROR)
  return tf.where(mirrored, tf.gather(values, table), values)


def sample(
  image: tf.Tensor,
  crop: CropMap,
  size: int,
  interpolation: str = "bilinear",
  fill: float = 0.0,
) -> tf.Tensor:
  """The crop of an image.

  Args:
    image: `[H, W, C]` float32 or uint8.
    crop: where it is.
    size: side of the result, pixels.
    interpolation: "bilinear", or "nearest" for labels.
    fill: value of pixels beyond the image.

  Returns:
    `[size, size, C]`. Bilinear crops that are much smaller than what they show
    are averaged down first.
  """
  step = CROP_SIZE / size  # crop pixels a pixel of the result
  axes = crop.axes * step
  center = crop.center
  if interpolation == "bilinear":
    extent = tf.shape(image)[:2]
    reduced = tf.cast(
      tf.math.ceil(tf.cast(extent, tf.float32) / (crop.scale() * step)),
      tf.int32,
    )
    reduce = crop.scale() * step > 1.5
    image = tf.cond(
      reduce,
      lambda: tf.image.resize(image, reduced, method="area"),
      lambda: tf.cast(image, tf.float32),
    )
    ratio = tf.cast(tf.shape(image)[:2], tf.float32) / tf.cast(
      extent, tf.float32
    )
    axes = axes * ratio[::-1, None]
    center = center * ratio[::-1]
  # The operation maps indices of pixels: their centres are at + 0.5.
  start = center - 0.5 + tf.linalg.matvec(axes, [0.5 - size / 2.0] * 2)
  transform = tf.stack(
    [axes[0, 0], axes[0, 1], start[0], axes[1, 0], axes[1, 1], start[1], 0, 0]
  )
  return tfa.image.transform(
    image,
    transform,
    interpolation=interpolation,
    output_shape=[size, size],
    fill_value=fill,
  )


def change_colors(
  image: tf.Tensor, config: CropAugmentation, seed: tf.Tensor
) -> tf.Tensor:
  """Random brightness, contrast, saturation and tint of `[H, W, 3]` in [0, 1].

  All four are one linear map of RGB.
  """
  draws = tf.random.stateless_uniform([6], seed, -config.color, config.color)
  contrast, saturation = tf.exp(draws[0]), tf.exp(draws[1])
  gains = tf.exp(0.3 * draws[3:])
  grey = tf.constant([[0.299], [0.587], [0.114]]) * tf.ones([1, 3])
  matrix = saturation * tf.eye(3) + (1.0 - saturation) * grey
  matrix = matrix * gains * contrast
  mean = tf.reduce_mean(image, axis=[0, 1])
  offset = mean * (1.0 + 0.7 * draws[2]) - tf.linalg.matvec(
    matrix, mean, transpose_a=True
  )
  shape = tf.shape(image)
  flat = tf.matmul(tf.reshape(image, [-1, 3]), matrix) + offset
  return tf.clip_by_value(tf.reshape(flat, shape), 0.0, 1.0)


def draw_patch(config: CropAugmentation, seed: tf.Tensor) -> tf.Tensor:
  """A rectangle that hides part of a crop: `[4]` crop pixels.

  Left, top, width, height; of no size where nothing is hidden.
  """
  draws = tf.random.stateless_uniform([5], seed)
  hidden = tf.cast(draws[0] < config.patch, tf.float32)
  extent = hidden * CROP_SIZE * config.patch_size * (0.2 + 0.8 * draws[1:3])
  place = draws[3:] * (CROP_SIZE - extent)
  return tf.concat([place, extent], axis=0)


def inside_patch(points: tf.Tensor, patch: tf.Tensor) -> tf.Tensor:
  """Which of the points `[..., 2]` (crop pixels) a patch covers."""
  offset = points - patch[:2]
  return tf.reduce_all((offset >= 0.0) & (offset < patch[2:]), axis=-1)


def pixel_centers(size: int) -> tf.Tensor:
  """Centres `[size, size, 2]` of a crop's pixels or cells, crop pixels."""
  line = (tf.range(size, dtype=tf.float32) + 0.5) * (CROP_SIZE / size)
  x, y = tf.meshgrid(line, line)
  return tf.stack([x, y], axis=-1)


def cover(image: tf.Tensor, patch: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
  """`[S, S, 3]` in [0, 1] with a patch of one random colour and grain."""
  size = image.shape[0]
  covered = inside_patch(pixel_centers(size), patch)[..., None]
  color = tf.random.stateless_uniform([3], seed)
  grain = tf.random.stateless_uniform([size, size, 1], seed + 1, -0.1, 0.1)
  return tf.where(covered, tf.clip_by_value(color + grain, 0.0, 1.0), image)
