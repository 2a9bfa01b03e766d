"""Foreground maps of the crops of a photo's people, as tensors.

The counterpart of `detection.features.foreground_map`.
"""

from hund_tf.compat import tf
from hund_tf.detection import resampling
from hund_tf.types import CROP_SIZE, MAP_SIZE, UNSEEN_BACKGROUND


def foreground_maps(
  owner: tf.Tensor, boxes: tf.Tensor, size: tf.Tensor
) -> tf.Tensor:
  """As `detection.features.foreground_map`, of N people.

  Args:
    owner: [H, W] of `detection.masks.owners`.
    boxes: [N, 4] square crop boxes, float64 pixels.
    size: [2] height and width of the photo, int32.

  Returns:
    [N, 60, 60] float32.
  """

  def one(row: tuple[tf.Tensor, tf.Tensor]) -> tf.Tensor:
    i, box = row
    crop = mask_crop(tf.cast(tf.equal(owner, i), tf.uint8), box)
    cell = CROP_SIZE // MAP_SIZE
    cells = tf.reshape(crop, [MAP_SIZE, cell, MAP_SIZE, cell])
    share = [
      _share_inside(box[1 - k], box[2], tf.cast(size[k], tf.float64))
      for k in (0, 1)
    ]
    inside = tf.cast(share[0][:, None] * share[1], tf.float32)
    person = tf.reduce_mean(cells, axis=[1, 3])
    return person * inside + (1.0 - UNSEEN_BACKGROUND) * (1.0 - inside)

  return tf.map_fn(
    one,
    (tf.range(tf.shape(boxes)[0]), boxes),
    fn_output_signature=tf.TensorSpec([MAP_SIZE, MAP_SIZE]),
    parallel_iterations=1,
  )


def mask_crop(mask: tf.Tensor, box: tf.Tensor) -> tf.Tensor:
  """A square crop [480, 480] of a mask [H, W]; its border goes on outside."""
  return resampling.crops(
    mask[..., None],
    (box[:2] + box[2:] / 2)[None],
    box[None, 2],
    tf.zeros([1], tf.float64),
    tf.constant([False]),
    CROP_SIZE,
    resampling.NEAREST,
  )[0, ..., 0]


def _share_inside(
  start: tf.Tensor, side: tf.Tensor, length: tf.Tensor
) -> tf.Tensor:
  """[60] share of each cell of [start, start + side] within [0, length]."""
  edges = start + tf.range(MAP_SIZE + 1, dtype=tf.float64) * (side / MAP_SIZE)
  edges = tf.clip_by_value(edges, 0.0, length)
  return (edges[1:] - edges[:-1]) * (MAP_SIZE / side)
