"""Part maps B of a crop from the label images that records store.

Stored images are read in one way: a pixel has a share for the background and
for each part, and shares that sum to 1, or none where nothing is known. See
`PersonRecord`.
"""

import numpy as np

from hund_tf.body import parts
from hund_tf.compat import tf
from hund_tf.records import crop_augmentation as augment
from hund_tf.records import schema
from hund_tf.records.crop_augmentation import CropMap
from hund_tf.types import MAP_SIZE, NUM_PARTS, UNSEEN_BACKGROUND

# [16] what a mask knows: background and visibility.
MASK_WEIGHTS = np.isin(np.arange(NUM_PARTS + 1), [0, NUM_PARTS]).astype("f4")


def _label_shares(labels: tf.Tensor) -> tf.Tensor:
  """Shares `[..., 15]` of stored part labels `[...]` uint8."""
  return tf.one_hot(labels, NUM_PARTS)  # `schema.UNKNOWN_PART`: all zero


def _mask_shares(mask: tf.Tensor) -> tf.Tensor:
  """Shares `[..., 2]` of background and person, of a stored mask `[...]`."""
  person = tf.cast(mask, tf.float32) / 255.0
  shares = tf.stack([1.0 - person, person], axis=-1)
  return tf.where((mask == schema.UNKNOWN_MASK)[..., None], 0.0, shares)


def mask_map(mask: tf.Tensor, box: tf.Tensor) -> tf.Tensor:
  """A detector's mask as the background of B; nothing else is known.

  Args:
    mask: scalar string, a stored mask.
    box: `[4]` the crop, in pixels of the mask; it may exceed it.

  Returns:
    `[60, 60, 15]`, area averages; half background where nothing is known.
  """
  shares = _mask_shares(tf.io.decode_png(mask, channels=1)[..., 0])
  background = _known_map(shares, box)[..., :1]
  return tf.pad(background, [[0, 0], [0, 0], [0, NUM_PARTS - 1]])


def label_map(labels: tf.Tensor, box: tf.Tensor) -> tf.Tensor:
  """Part labels as B.

  Args:
    labels: scalar string, stored part labels.
    box: `[4]` the crop, in pixels of the labels; it may exceed them.

  Returns:
    `[60, 60, 15]`, area averages; half background and no part where nothing is
    known.
  """
  shares = _label_shares(tf.io.decode_png(labels, channels=1)[..., 0])
  return _known_map(shares, box)


def sampled_shares(
  record: dict[str, tf.Tensor], crop: CropMap, side: int
) -> tf.Tensor:
  """Shares of the parts at points of a turned or mirrored crop.

  They are those of the record's labels; without labels of its mask, whose
  person is any one part; without a mask nothing is known.

  Args:
    record: what `schema.parse` gives.
    crop: where it is.
    side: number of points along each side of the crop.

  Returns:
    `[side, side, 15]`, all zero where nothing is known.
  """

  def read(name: str, unknown: int) -> tf.Tensor:
    picture = tf.io.decode_png(record[name], channels=1)
    return augment.sample(picture, crop, side, "nearest", float(unknown))[
      ..., 0
    ]

  def of_labels() -> tf.Tensor:
    return _label_shares(read("part_labels", schema.UNKNOWN_PART))

  def of_mask() -> tf.Tensor:
    shares = _mask_shares(read("mask", schema.UNKNOWN_MASK))
    return tf.pad(shares, [[0, 0], [0, 0], [0, NUM_PARTS - 2]])

  def of_nothing() -> tf.Tensor:
    return tf.zeros([side, side, NUM_PARTS])

  shares = tf.cond(
    has_labels(record),
    of_labels,
    lambda: tf.cond(has_mask(record), of_mask, of_nothing),
  )
  shares = tf.ensure_shape(shares, [side, side, NUM_PARTS])
  mirrored = tf.gather(shares, list(parts.MIRROR), axis=-1)
  return tf.where(crop.mirrored, mirrored, shares)


def has_labels(record: dict[str, tf.Tensor]) -> tf.Tensor:
  """Whether a parsed record stores part labels, scalar bool."""
  return tf.strings.length(record["part_labels"]) > 0


def has_mask(record: dict[str, tf.Tensor]) -> tf.Tensor:
  """Whether a parsed record stores a mask, scalar bool."""
  return tf.strings.length(record["mask"]) > 0


def _known_map(shares: tf.Tensor, box: tf.Tensor) -> tf.Tensor:
  """Shares `[H, W, C]` averaged over the cells; half background if unknown.

  Args:
    shares: the first is that of the background; all zero where nothing is
      known, as it is beyond the picture.
    box: `[4]` left, top, width, height, pixels.

  Returns:
    `[60, 60, C]`.
  """
  size = tf.shape(shares)
  down = _cell_shares(box[1], box[3], size[0])
  across = _cell_shares(box[0], box[2], size[1])
  rows = tf.tensordot(down, shares, [[1], [0]])  # [60, W, C]
  averages = tf.einsum("iwc,jw->ijc", rows, across)
  averages = tf.ensure_shape(averages, [MAP_SIZE, MAP_SIZE, shares.shape[-1]])
  known = tf.reduce_sum(averages, axis=-1, keepdims=True)
  background = averages[..., :1] + UNSEEN_BACKGROUND * (1.0 - known)
  return tf.concat([background, averages[..., 1:]], axis=-1)


def _cell_shares(
  start: tf.Tensor, length: tf.Tensor, size: tf.Tensor
) -> tf.Tensor:
  """`[60, size]` the share of each cell that is in each pixel."""
  cell = length / MAP_SIZE
  low = start + cell * tf.range(MAP_SIZE, dtype=tf.float32)[:, None]
  pixels = tf.cast(tf.range(size), tf.float32)
  overlap = tf.minimum(low + cell, pixels + 1.0) - tf.maximum(low, pixels)
  return tf.maximum(overlap, 0.0) / cell
