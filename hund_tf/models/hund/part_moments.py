"""Where the parts of B lie: their centres and extents, and those of a body.

A part map of 60 x 60 cells says where a part's middle is to a fraction of a
cell, however blurred its outline, just as a heatmap says where a keypoint is.
"""

from typing import NamedTuple

import numpy as np

from hund_tf.body import keypoints as keypoint_table
from hund_tf.body import parts as part_table
from hund_tf.compat import tf
from hund_tf.types import CROP_SIZE, NUM_KEYPOINTS, NUM_PARTS, AlignmentTarget

NUM_MOMENTS = 6  # of a part: its weight, its centre, its extent
_DOUBT = 0.4  # probability up to which a cell does not count for a part
_HALF_SEEN = 4.0  # cells of a part that make its weight a half
_SMALLEST = 1e-4  # variance of a part, squared half sides of the crop
# Keypoints around the middles of limbs and torso, without their side.
_ENDS = {
  "torso": ("shoulder", "hip"),
  "foot": ("ankle", "heel", "big_toe"),
  "upper_leg": ("hip", "knee"),
  "lower_leg": ("knee", "ankle"),
  "upper_arm": ("shoulder", "elbow"),
  "lower_arm": ("elbow", "wrist"),
}


def _members(part: str) -> list[int]:
  """Keypoints whose mean stands for the middle of a part."""
  index = keypoint_table.INDEX
  if part == "head":
    return list(range(NUM_KEYPOINTS))[keypoint_table.FACE]
  if part == "torso":
    return [index[f"{side}_{end}"] for side in "lr" for end in _ENDS[part]]
  side, limb = part.split("_", 1)
  if limb == "hand":
    hand = getattr(keypoint_table, {"l": "LEFT", "r": "RIGHT"}[side] + "_HAND")
    return list(range(NUM_KEYPOINTS))[hand]
  return [index[f"{side}_{end}"] for end in _ENDS[limb]]


def _mixing() -> np.ndarray:
  """[14, 137] shares of the keypoints in the middles of the parts."""
  mixing = np.zeros([NUM_PARTS - 1, NUM_KEYPOINTS], np.float32)
  for row, part in zip(mixing, part_table.NAMES[1:], strict=True):
    members = _members(part)
    row[members] = 1.0 / len(members)
  return mixing


_MIXING = _mixing()
# The parts between two keypoints: rows among the 14, and these keypoints.
LIMBS = tuple(i for i, row in enumerate(_MIXING) if np.count_nonzero(row) == 2)
_LIMB_ENDS = np.array([np.flatnonzero(_MIXING[i]) for i in LIMBS])


class PartMoments(NamedTuple):
  """Of the 14 parts in B, background left out."""

  weights: tf.Tensor  # [B, 14] in [0, 1); 0: not known or not to be seen
  centres: tf.Tensor  # [B, 14, 2] crop pixels; mid-crop where the weight is 0
  extents: tf.Tensor  # [B, 14, 3] standard deviations along x and y in half
  # sides of the crop, and their correlation; 0 where the weight is 0


def part_moments(target: AlignmentTarget) -> PartMoments:
  """Moments of the known parts of B up to the second.

  Cells count by how much more than doubtful they are: networks spread what they
  doubt over much of a map.

  Args:
    target: of B crops.
  """
  maps = tf.nn.relu(target.part_probs[..., 1:] - _DOUBT) / (1.0 - _DOUBT)
  height, width, number = maps.shape[1:]
  y, x = np.meshgrid(
    *((np.arange(n) + 0.5) * (2.0 / n) - 1.0 for n in (height, width)),
    indexing="ij",
  )
  basis = np.stack([np.ones_like(x), x, y, x * x, y * y, x * y])
  basis = basis.reshape(6, -1).astype(np.float32)
  flat = tf.reshape(maps, [-1, height * width, number])
  sums = tf.einsum("kp,bpc->kbc", basis, flat)
  area = sums[0]
  mean_x, mean_y, xx, yy, xy = tf.unstack(sums[1:] / (area + 1e-6))
  deviation_x = tf.sqrt(tf.maximum(xx - mean_x * mean_x, _SMALLEST))
  deviation_y = tf.sqrt(tf.maximum(yy - mean_y * mean_y, _SMALLEST))
  slant = (xy - mean_x * mean_y) / (deviation_x * deviation_y)
  weights = target.part_weights[:, 1:NUM_PARTS] * area / (area + _HALF_SEEN)
  seen = tf.cast(weights > 0.0, tf.float32)[..., None]
  centres = tf.stack([mean_x, mean_y], axis=-1) * seen
  extents = tf.stack([deviation_x, deviation_y, slant], axis=-1) * seen
  return PartMoments(weights, (centres + 1.0) * (CROP_SIZE / 2.0), extents)


def moment_code(moments: PartMoments) -> tf.Tensor:
  """The moments as numbers of order one, those of unknown parts 0: `[B, 84]`.

  Centres are in [-1, 1], and all but the weights count by these.
  """
  weights = moments.weights[..., None]
  places = moments.centres * (2.0 / CROP_SIZE) - 1.0
  stretch = tf.constant([4.0, 4.0, 1.0])  # most extents are a quarter or less
  code = [weights, places * weights, moments.extents * stretch * weights]
  size = NUM_MOMENTS * (NUM_PARTS - 1)
  return tf.reshape(tf.concat(code, axis=-1), [-1, size])


def body_centres(projected: tf.Tensor) -> tf.Tensor:
  """Middles of a body's parts `[B, 14, 2]` by its projected keypoints.

  Args:
    projected: `[B, 137, 2]` crop pixels.
  """
  return tf.einsum("pk,bkc->bpc", _MIXING, projected)


def body_spreads(projected: tf.Tensor) -> tf.Tensor:
  """Covariances of a body's limbs, as of straight lines, `[B, 8, 3]`.

  Args:
    projected: `[B, 137, 2]` crop pixels.

  Returns:
    Of x with x, y with y and x with y, in squared half sides of the crop.
  """
  ends = tf.gather(projected, _LIMB_ENDS, axis=1) * (2.0 / CROP_SIZE)
  x, y = tf.unstack(ends[:, :, 1] - ends[:, :, 0], axis=-1)
  return tf.stack([x * x, y * y, x * y], axis=-1) / 12.0


def limb_spreads(moments: PartMoments) -> tf.Tensor:
  """Covariances of the limbs of B, `[B, 8, 3]` as `body_spreads` has them."""
  x, y, slant = tf.unstack(tf.gather(moments.extents, LIMBS, axis=1), axis=-1)
  return tf.stack([x * x, y * y, slant * x * y], axis=-1)


def located_parts(weights: tf.Tensor) -> tf.Tensor:
  """Parts whose middles are known, for all of their keypoints are: `[B, 14]`.

  Args:
    weights: `[B, 137]` confidence of the keypoints.

  Returns:
    Bool.
  """
  unknown = tf.cast(weights <= 0.0, tf.float32)
  return tf.einsum("pk,bk->bp", _MIXING, unknown) == 0.0
