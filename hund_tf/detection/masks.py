"""Foreground masks of the people of a photo, in TensorFlow.

One version for the detector and for exported models of people.
"""

import functools
from collections.abc import Sequence

import numpy as np

from hund_tf.body import keypoints as table
from hund_tf.compat import tf
from hund_tf.detection import resampling
from hund_tf.detection.pose import Looks
from hund_tf.types import NUM_KEYPOINTS

_MARGIN = 0.05  # person sizes by which others must be nearer to take a pixel
_KNOWN = 0.1  # confidence of a keypoint that limbs go to
_CELLS = 256  # of the larger side of a photo, where limbs' distances are known
_BONES = (
  ("neck", "mid_hip"),
  ("neck", "nose"),
  ("l_ear", "r_ear"),
  ("l_shoulder", "r_shoulder"),
  ("l_hip", "r_hip"),
  *(
    (f"{side}_{start}", f"{side}_{end}")
    for side in "lr"
    for start, end in (
      ("shoulder", "elbow"),
      ("shoulder", "hip"),
      ("elbow", "wrist"),
      ("hip", "knee"),
      ("knee", "ankle"),
      ("ankle", "big_toe"),
    )
  ),
)
_ENDS = [[table.INDEX[bone[k]] for bone in _BONES] for k in (0, 1)]


def person_masks(
  people: Sequence[Looks],
  keypoints: Sequence[np.ndarray],
  height: int,
  width: int,
) -> list[np.ndarray]:
  """One mask per person; a pixel belongs to one person only.

  The network that says what is foreground takes in neighbours. So a person
  loses pixels to the limbs of another who is nearer, and of those who then
  claim one the likeliest gets it.

  Args:
    people: N people of one photo, looked at equally often.
    keypoints: [137, 3] of each: x, y (pixels) and confidence.
    height: of the photo, pixels.
    width: of the photo, pixels.

  Returns:
    [H, W] uint8 masks of 0 and 1.
  """
  if not people:
    return []
  rois = np.array([[pose.roi for pose in looks.poses] for looks in people])
  given = (
    np.stack([[pose.mask for pose in looks.poses] for looks in people]),
    *(rois[..., :2], rois[..., 2], rois[..., 3]),
    np.stack(keypoints).astype(np.float64),
    [height, width],
  )
  owner = _compiled_owners()(*map(tf.constant, given)).numpy()
  return [(owner == i).astype(np.uint8) for i in range(len(people))]


def owners(
  patches: tf.Tensor,
  center: tf.Tensor,
  size: tf.Tensor,
  angle: tf.Tensor,
  points: tf.Tensor,
  shape: tf.Tensor,
) -> tf.Tensor:
  """Whom each pixel of a photo belongs to; see `person_masks`.

  Args:
    patches: [N, L, S, S] float32 foreground probabilities of L looks.
    center: [N, L, 2] float64 of the regions of these, pixels.
    size: [N, L] float64 sides, pixels.
    angle: [N, L] float64 radians.
    points: [N, 137, 3] float64 keypoints.
    shape: [2] height and width of the photo, int32.

  Returns:
    [H, W] int32, -1 for nobody.
  """
  count, looks = tf.shape(patches)[0], tf.shape(patches)[1]
  step = _cell(shape)
  # Alone nobody loses anything.
  lost = tf.cond(
    count > 1,
    lambda: lost_to_others(points, shape),
    lambda: tf.zeros([0, 1, 1]),
  )
  reach = size / 2 * (tf.abs(tf.cos(angle)) + tf.abs(tf.sin(angle)))
  low = tf.reduce_min(center - reach[..., None], axis=1)  # [N, 2]
  high = tf.reduce_max(center + reach[..., None], axis=1)

  def claim(i, best, owner):
    start, end = resampling.bounded(low[i], high[i], shape)
    left, top = tf.unstack(tf.cast(start, tf.int32))
    right, bottom = tf.unstack(tf.cast(end, tf.int32))
    sides = tf.stack([bottom - top, right - left])
    _, total = tf.while_loop(
      lambda k, _: k < looks,
      lambda k, total: (
        k + 1,
        total
        + resampling.pasted(
          *(x[i, k] for x in (patches, center, size, angle)), start, sides
        ),
      ),
      (tf.constant(0), tf.zeros(sides)),
      shape_invariants=(tf.TensorShape([]), tf.TensorShape([None, None])),
      parallel_iterations=1,
    )
    own = total / tf.cast(looks, tf.float32)
    own -= tf.cond(
      count > 1,
      lambda: resampling.enlarged(lost[i], step, start, sides),
      lambda: tf.zeros(sides),
    )
    first, last = tf.stack([top, left]), tf.stack([bottom, right])
    there = lambda x: tf.strided_slice(x, first, last)
    put = lambda x, value: tf.raw_ops.TensorStridedSliceUpdate(
      input=x, begin=first, end=last, strides=[1, 1], value=value
    )
    before = there(best)
    wins = own > before
    owner = put(owner, tf.where(wins, i, there(owner)))
    return i + 1, put(best, tf.where(wins, own, before)), owner

  _, _, owner = tf.while_loop(
    lambda i, *_: i < count,
    claim,
    (tf.constant(0), tf.fill(shape, 0.5), tf.fill(shape, -1)),
    parallel_iterations=1,
  )
  return owner


@functools.cache
def _compiled_owners():
  """`owners` of arrays; traced once."""
  double = lambda *shape: tf.TensorSpec(shape, tf.float64)
  return tf.function(
    owners,
    autograph=False,
    input_signature=[
      tf.TensorSpec([None, None, None, None]),
      *(double(None, None, 2), double(None, None), double(None, None)),
      double(None, NUM_KEYPOINTS, 3),
      tf.TensorSpec([2], tf.int32),
    ],
  )


def _cell(shape: tf.Tensor) -> tf.Tensor:
  """Side of the cells of a grid on a photo, pixels, float64."""
  larger = tf.reduce_max(tf.cast(shape, tf.float64))
  return tf.maximum(larger / _CELLS, 1.0)


def lost_to_others(points: tf.Tensor, shape: tf.Tensor) -> tf.Tensor:
  """The probability that people lose where the limbs of others are nearer.

  Args:
    points: [N, 137, 3] float64 keypoints, N > 1.
    shape: [2] height and width of the photo, int32.

  Returns:
    [N, h, w] float32 in the cells of a grid on the photo.
  """
  step = _cell(shape)
  cells = tf.cast(tf.math.ceil(tf.cast(shape, tf.float64) / step), tf.int32)
  near = tf.map_fn(
    lambda person: limb_distance(person, cells, step),
    points,
    fn_output_signature=tf.TensorSpec([None, None]),
    parallel_iterations=1,
  )
  first, second = tf.unstack(tf.sort(near, axis=0)[:2], 2)
  others = tf.where(near > first, first, second)  # the nearest of them
  share = tf.clip_by_value((near - others) / _MARGIN, 0.0, 1.0)
  return tf.where(tf.math.is_finite(near), 0.5 * share, 0.0)


def limb_distance(
  points: tf.Tensor, cells: tf.Tensor, step: tf.Tensor
) -> tf.Tensor:
  """How far the middles of cells of a photo are from the limbs of a person.

  Args:
    points: [137, 3] float64 x, y (pixels) and confidence.
    cells: [2] rows and columns, int32.
    step: side of a cell, pixels, float64.

  Returns:
    [h, w] float32, larger sides of the extent of the known body keypoints;
    infinite where no limb is known.
  """
  body = points[table.BODY]
  sure = (body[:, 2] > _KNOWN)[:, None]
  low = tf.reduce_min(tf.where(sure, body[:, :2], points.dtype.max), axis=0)
  high = tf.reduce_max(tf.where(sure, body[:, :2], points.dtype.min), axis=0)
  extent = tf.maximum(tf.reduce_max(high - low), 1.0)
  ends = tf.gather(points, _ENDS)  # [2, bones, 3]
  known = tf.reduce_min(ends[..., 2], axis=0) > _KNOWN
  chosen = tf.where(known)[:, 0]
  ends = tf.cast(tf.gather(ends[..., :2], chosen, axis=1), tf.float32)
  middles = [
    tf.cast((tf.range(tf.cast(n, tf.float64)) + 0.5) * step, tf.float32)
    for n in tf.unstack(cells)
  ]
  start, along = ends[0, :, None, None], (ends[1] - ends[0])[:, None, None]
  length = tf.maximum(tf.reduce_sum(tf.square(along), axis=-1), 1e-6)
  dx = middles[1] - start[..., 0]  # [bones, 1, w]
  dy = middles[0][:, None] - start[..., 1]  # [bones, h, 1]
  share = (dx * along[..., 0] + dy * along[..., 1]) / length
  share = tf.clip_by_value(share, 0.0, 1.0)
  apart = tf.square(dx - share * along[..., 0])
  apart += tf.square(dy - share * along[..., 1])
  nobody = tf.fill(tf.concat([[1], cells], axis=0), float("inf"))
  nearest = tf.reduce_min(tf.concat([apart, nobody], axis=0), axis=0)
  return tf.sqrt(nearest) / tf.cast(extent, tf.float32)
