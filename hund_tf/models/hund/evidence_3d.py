"""What the learned descent reads of a front end's 3D landmarks.

They say how limbs are turned in depth, which keypoints in the picture leave
open, but neither how large nor how far away a person is; so bodies are compared
with them up to a scale.
"""

from typing import NamedTuple

from hund_tf.body import keypoints as keypoint_table
from hund_tf.body.landmarks_3d import ROOTS, root_relative
from hund_tf.compat import tf
from hund_tf.geometry import camera
from hund_tf.types import NUM_KEYPOINTS, BodyOutput, ImageFeatures, Intrinsics

NUM_BODY = keypoint_table.BODY.stop  # keypoints of the body
CODE_SIZE = 4 * NUM_BODY  # see `evidence_code`
BODY_SIZE = 3 * NUM_BODY + 1  # see `evidence_inputs`
DETAIL_SIZE = 3 * (NUM_KEYPOINTS - NUM_BODY)
_HALF_KNOWN = 0.1  # weight at which a landmark counts half
_BODY_SCALE = 0.05  # metres: larger differences are compressed
_DETAIL_SCALE = 0.01  # metres, of faces and hands
_SIZE_SCALE = 0.1  # of how much larger a body is than its landmarks
_SMALLEST = 1e-4  # square metres


class Evidence(NamedTuple):
  """3D landmarks of B people, from the root of each group of keypoints."""

  landmarks: tf.Tensor  # [B, 137, 3] metres, camera frame
  weights: tf.Tensor  # [B, 137] in [0, 1]; 0 = unknown


def evidence_of(features: ImageFeatures, intrinsics: Intrinsics) -> Evidence:
  """The 3D landmarks of crops, turned from their viewing frames.

  Args:
    features: of B crops.
    intrinsics: of the crops (C_c), fields `[B, 2]`, crop pixels.
  """
  rotation = camera.viewing_rotation(intrinsics)
  turned = tf.einsum("bji,bnj->bni", rotation, features.landmarks_3d)
  return Evidence(turned, features.landmark_3d_weights)


def evidence_code(evidence: Evidence) -> tf.Tensor:
  """The body's landmarks, unknown ones 0, and their weights: `[B, 100]`."""
  weights = evidence.weights[:, :NUM_BODY]
  known = weights / (weights + _HALF_KNOWN)
  places = evidence.landmarks[:, :NUM_BODY] * known[..., None]
  flat = tf.reshape(places, [-1, 3 * NUM_BODY])
  return tf.concat([2.0 * flat, weights], axis=-1)


def ratios(points: tf.Tensor, evidence: Evidence) -> tf.Tensor:
  """How much larger than its landmarks each group is, `[B, 137]`.

  The scale of the landmarks that fits the points best, within a factor of 2; 1
  where nothing is known.
  """
  groups = []
  for rows, _ in ROOTS:
    ratio = _ratio(points, evidence, rows)
    # Not tf.repeat, of which XLA cannot take the gradient in a loop.
    groups.append(ratio * tf.ones([1, rows.stop - rows.start]))
  return tf.concat(groups, axis=-1)


def body_ratio(points: tf.Tensor, evidence: Evidence) -> tf.Tensor:
  """`ratios` of the body, `[B, 1]`, by its points `[B, 25, 3]` alone."""
  return _ratio(points, evidence, keypoint_table.BODY)


def _ratio(points: tf.Tensor, evidence: Evidence, rows: slice) -> tf.Tensor:
  """Ratio `[B, 1]` of a group of points."""
  shares = evidence.weights[:, rows, None]
  landmarks = evidence.landmarks[:, rows]
  both = shares * landmarks * points[:, rows]
  own = shares * landmarks**2
  top = tf.reduce_sum(both, axis=[1, 2])[:, None] + _SMALLEST
  bottom = tf.reduce_sum(own, axis=[1, 2])[:, None] + _SMALLEST
  return tf.clip_by_value(top / bottom, 0.5, 2.0)


def evidence_inputs(
  body: BodyOutput, evidence: Evidence
) -> tuple[tf.Tensor, tf.Tensor]:
  """What a stage sees of the landmarks beside the body of the previous state.

  Signed differences of the body's points from the landmarks, the latter scaled
  to its size, through asinh, weighted.

  Args:
    body: of the previous state.
    evidence: of the same people.

  Returns:
    `[B, 76]` of the body and how much larger it is, `[B, 336]` of the face and
    the hands.
  """
  points = root_relative(body.keypoints)
  scale = ratios(points, evidence)
  error = points - scale[..., None] * evidence.landmarks
  weights = evidence.weights[..., None]
  whole = tf.asinh(error[:, :NUM_BODY] / _BODY_SCALE) * weights[:, :NUM_BODY]
  details = tf.asinh(error[:, NUM_BODY:] / _DETAIL_SCALE)
  details *= weights[:, NUM_BODY:]
  known = tf.reduce_max(evidence.weights[:, :NUM_BODY], axis=-1)
  size = tf.asinh((scale[:, 0] - 1.0) / _SIZE_SCALE) * known
  flat = tf.reshape(whole, [-1, 3 * NUM_BODY])
  return (
    tf.concat([flat, size[:, None]], axis=-1),
    tf.reshape(details, [-1, DETAIL_SIZE]),
  )
