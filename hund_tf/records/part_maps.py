"""Part maps B of a crop from the label images that records store."""

from hund_tf.compat import tf
from hund_tf.types import MAP_SIZE, NUM_PARTS, UNSEEN_BACKGROUND


def mask_map(mask: tf.Tensor, box: tf.Tensor) -> tf.Tensor:
  """A detector's mask as the background of B; nothing else is known.

  Args:
    mask: scalar string, PNG; 255 where the person is, 0 where not, what lies
      between as a probability. See `PersonRecord`.
    box: `[4]` the crop, in pixels of the mask; it may exceed it.

  Returns:
    `[60, 60, 15]`, area averages.
  """
  person = tf.cast(tf.io.decode_png(mask, channels=1), tf.float32) / 255.0
  averaged, covered = _cell_averages(person, box)
  background = covered - averaged + UNSEEN_BACKGROUND * (1.0 - covered)
  return tf.pad(background, [[0, 0], [0, 0], [0, NUM_PARTS - 1]])


def label_map(labels: tf.Tensor, box: tf.Tensor) -> tf.Tensor:
  """Part labels as B.

  Args:
    labels: scalar string, PNG of part indices. Others, such as
      `schema.UNKNOWN_PART`, and what lies beyond the picture are unknown: half
      background, no part.
    box: `[4]` the crop, in pixels of the labels; it may exceed them.

  Returns:
    `[60, 60, 15]`, area averages.
  """
  indices = tf.io.decode_png(labels, channels=1)[..., 0]
  parts = tf.one_hot(indices, NUM_PARTS)  # 255: all zero
  averaged, _ = _cell_averages(parts, box)
  known = tf.reduce_sum(averaged, axis=-1, keepdims=True)
  background = averaged[..., :1] + UNSEEN_BACKGROUND * (1.0 - known)
  return tf.concat([background, averaged[..., 1:]], axis=-1)


def _cell_averages(
  picture: tf.Tensor, box: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
  """Averages over the cells of a crop; zero beyond the picture.

  Args:
    picture: `[H, W, C]`.
    box: `[4]` left, top, width, height, pixels.

  Returns:
    `[60, 60, C]`, and `[60, 60, 1]` the share of each cell in the picture.
  """
  size = tf.shape(picture)
  down = _cell_shares(box[1], box[3], size[0])
  across = _cell_shares(box[0], box[2], size[1])
  rows = tf.tensordot(down, picture, [[1], [0]])  # [60, W, C]
  averages = tf.einsum("iwc,jw->ijc", rows, across)
  covered = tf.reduce_sum(down, 1)[:, None] * tf.reduce_sum(across, 1)
  averages = tf.ensure_shape(averages, [MAP_SIZE, MAP_SIZE, picture.shape[-1]])
  return averages, covered[..., None]


def _cell_shares(
  start: tf.Tensor, length: tf.Tensor, size: tf.Tensor
) -> tf.Tensor:
  """`[60, size]` the share of each cell that is in each pixel."""
  cell = length / MAP_SIZE
  low = start + cell * tf.range(MAP_SIZE, dtype=tf.float32)[:, None]
  pixels = tf.cast(tf.range(size), tf.float32)
  overlap = tf.minimum(low + cell, pixels + 1.0) - tf.maximum(low, pixels)
  return tf.maximum(overlap, 0.0) / cell
