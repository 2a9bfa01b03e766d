"""What detectors make of true part maps: masks and part probabilities B."""

import numpy as np

from hund_tf.body import parts
from hund_tf.compat import tf
from hund_tf.draws import Draws
from hund_tf.synthetic.detector_noise import DetectorNoiseConfig
from hund_tf.types import MAP_SIZE, NUM_PARTS


def map_centres() -> tf.Tensor:
  """Centres of the cells along a side `[60]`, in sides of the map."""
  return (tf.range(MAP_SIZE, dtype=tf.float32) + 0.5) / MAP_SIZE


def rectangle_map(low: tf.Tensor, high: tf.Tensor) -> tf.Tensor:
  """Rectangles on the map, `[B, 60, 60, 1]` of 0 and 1.

  Args:
    low: `[B, 2]` left and top, in sides of the map.
    high: `[B, 2]` right and bottom.
  """
  centres = map_centres()[None, :, None]
  inside = (centres > low[:, None]) & (centres < high[:, None])  # [B, 60, 2]
  both = inside[:, None, :, 0] & inside[:, :, None, 1]
  return tf.cast(both, tf.float32)[..., None]


def ellipse_map(middle: tf.Tensor, radius: tf.Tensor) -> tf.Tensor:
  """Ellipses on the map, `[B, 60, 60, 1]` of 0 and 1.

  Args:
    middle: `[B, 2]` x, y in sides of the map.
    radius: `[B, 2]` in sides of the map.
  """
  square = (map_centres()[None, :, None] - middle[:, None]) / radius[:, None]
  square *= square  # [B, 60, 2]
  inside = square[:, None, :, 0] + square[:, :, None, 1] < 1.0
  return tf.cast(inside, tf.float32)[..., None]


def _blur(maps: tf.Tensor, size: int) -> tf.Tensor:
  """Means over squares of `size` cells, rows first and then columns."""
  for window in ([size, 1], [1, size]):
    maps = tf.nn.avg_pool2d(maps, window, 1, "SAME")
  return maps


def corrupt_foreground(
  draws: Draws, foreground: tf.Tensor, config: DetectorNoiseConfig
) -> tf.Tensor:
  """A detector's mask: grown or shrunk, with blobs and soft edges.

  Args:
    draws: random stream.
    foreground: `[B, 60, 60, 1]` in [0, 1].
    config: errors.

  Returns:
    `[B, 60, 60, 1]` in [0, 1].
  """
  batch, scale = foreground.shape[0], config.scale
  if scale == 0.0:
    return foreground
  field = draws.normal([batch, 8, 8, 1], 2.5)
  field = tf.image.resize(field, [MAP_SIZE, MAP_SIZE], method="bicubic")
  shift = config.mask_shift * draws.uniform([batch, 1, 1, 1], -1.0, 1.0)
  gain = draws.log_uniform([batch, 1, 1, 1], 3.0, 12.0)
  strength = config.mask_blobs * draws.uniform([batch, 1, 1, 1])
  level = _blur(foreground, 3) - 0.5 + shift + strength * field
  noisy = tf.clip_by_value(gain * level + 0.5, 0.0, 1.0)
  # A neighbour or a bag that was taken for the person.
  stranger = ellipse_map(
    draws.uniform([batch, 2]), draws.uniform([batch, 2], 0.05, 0.25)
  )
  there = draws.happens([batch, 1, 1, 1], config.mask_strangers)
  noisy = tf.maximum(noisy, tf.where(there, stranger, 0.0))
  return foreground + scale * (noisy - foreground)


def corrupt_parts(
  draws: Draws,
  part_maps: tf.Tensor,
  foreground: tf.Tensor,
  swapped: tf.Tensor,
  config: DetectorNoiseConfig,
) -> tf.Tensor:
  """A detector's part probabilities over a given foreground.

  Args:
    draws: random stream.
    part_maps: `[B, 60, 60, 15]` true probabilities.
    foreground: `[B, 60, 60, 1]` the detector's, in [0, 1].
    swapped: `[B]` whether left and right are exchanged.
    config: errors.

  Returns:
    `[B, 60, 60, 15]` that sum to 1.
  """
  if config.scale == 0.0:
    return part_maps
  batch = part_maps.shape[0]
  seen = part_maps[..., 1:]
  share = config.scale * config.part_blur * draws.uniform([batch, 1, 1, 1])
  near = seen + share * (_blur(seen, 5) - seen) + 1e-3 * _blur(seen, 7)
  total = tf.reduce_sum(near, axis=-1, keepdims=True)
  near = tf.math.divide_no_nan(near, total) * foreground
  background = 1.0 - tf.reduce_sum(near, axis=-1, keepdims=True)
  maps = tf.concat([background, near], axis=-1)
  mirrored = tf.gather(maps, list(parts.MIRROR), axis=-1)
  return tf.where(swapped[:, None, None, None], mirrored, maps)


def _exchange(kinds: tuple[str, ...]) -> np.ndarray:
  """[15, 15] that exchanges the left and right parts of these kinds."""
  rows = [
    other if parts.NAMES[i].endswith(kinds) else i
    for i, other in enumerate(parts.MIRROR)
  ]
  return np.eye(NUM_PARTS, dtype=np.float32)[rows]


# Chances of what networks mistake in full part maps.
_STRANGER = 0.02  # the maps are another person's
_EXCHANGED = 0.02  # left and right of the arms, and of the legs
_LOST = 0.03  # of each part, taken for background
_EXCHANGES = (
  _exchange(("hand", "upper_arm", "lower_arm")),
  _exchange(("foot", "upper_leg", "lower_leg")),
)


def mistake_parts(
  draws: Draws, part_maps: tf.Tensor, factor: float | tf.Tensor
) -> tf.Tensor:
  """Part maps with the gross mistakes of networks.

  Maps are another person's, left and right of the limbs are exchanged, or parts
  are taken for background.

  Args:
    draws: random stream.
    part_maps: `[B, 60, 60, 15]` that sum to 1.
    factor: of the chances of these, a number or `[B, 1]`.

  Returns:
    `[B, 60, 60, 15]` that sum to 1.
  """
  batch = part_maps.shape[0]
  strange = draws.happens([batch, 1], factor * _STRANGER)[:, 0]
  people = tf.range(batch)
  people = tf.where(strange, (people + 1) % batch, people)
  mixing = tf.eye(NUM_PARTS, batch_shape=[batch])
  for exchange in _EXCHANGES:
    swapped = draws.happens([batch, 1], factor * _EXCHANGED)
    mixing = tf.where(swapped[..., None], mixing @ exchange, mixing)
  lost = draws.happens([batch, NUM_PARTS - 1], factor * _LOST)
  kept = tf.pad(1.0 - tf.cast(lost, tf.float32), [[0, 0], [1, 0]])
  seen = mixing * kept[:, None]
  background = 1.0 - tf.reduce_sum(seen[..., 1:], axis=-1, keepdims=True)
  mixing = tf.concat([background, seen[..., 1:]], axis=-1)
  cells = [batch, MAP_SIZE * MAP_SIZE, NUM_PARTS]
  mixed = tf.reshape(tf.gather(part_maps, people), cells) @ mixing
  return tf.reshape(mixed, part_maps.shape)


def part_knowledge(
  draws: Draws, batch: int, full: float, none: float
) -> tf.Tensor:
  """Part weights `[B, 16]`: all parts, only the foreground, or nothing.

  Args:
    draws: random stream.
    batch: B.
    full: share of examples with all parts.
    none: share of examples without any.
  """
  only_foreground = np.zeros([1, NUM_PARTS + 1], np.float32)
  only_foreground[0, [0, NUM_PARTS]] = 1.0
  kind = draws.uniform([batch, 1])
  weights = tf.where(
    kind < full, tf.ones_like(only_foreground), only_foreground
  )
  return tf.where(kind > 1.0 - none, tf.zeros_like(weights), weights)
