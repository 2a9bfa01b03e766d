"""The alignment objective of hands and faces (Eq. 3 for a part).

Keypoints and priors as for the whole body; the front end's 3D landmarks take
the place of the part maps, in which a hand has a few cells at most.
"""

import dataclasses
from typing import NamedTuple

import numpy as np

from hund_tf.body.part_bodies import PartBody, PartOutput
from hund_tf.compat import tf
from hund_tf.geometry import camera
from hund_tf.losses.alignment import keypoint_loss, negative_log_prior
from hund_tf.options import check, option
from hund_tf.types import FaceState, HandState, Intrinsics

_SMALLEST = 1e-6  # square metres


class PartTerms(NamedTuple):
  """Values of L_u of a part and of its terms, unweighted, each [B]."""

  total: tf.Tensor  # [B] weighted sum
  keypoint: tf.Tensor  # [B] L_k, crop pixels (Eq. 4)
  landmark: tf.Tensor  # [B] mean distance to the 3D landmarks, millimetres
  pose_prior: tf.Tensor  # [B] of the hand's pose, or of the gaze (Eq. 6)
  shape_prior: tf.Tensor  # [B] of the hand's size; of shape and expression


class PartTarget(NamedTuple):
  """What a part's state is compared with."""

  keypoints: tf.Tensor  # [B, n, 2] crop pixels
  weights: tf.Tensor  # [B, n] in [0, 1]
  landmarks: tf.Tensor  # [B, n, 3] metres, camera frame, from the root
  landmark_weights: tf.Tensor  # [B, n] in [0, 1]


@dataclasses.dataclass(frozen=True)
class PartObjectiveConfig:
  """Weights of the objective of hands and faces."""

  keypoint_weight: float = option(
    1.0,
    "Weight of the keypoint term of a part, per crop pixel.",
    name="part_keypoint_weight",
    low=0.0,
  )
  landmark_weight: float = option(
    1.0,
    "Weight of the 3D landmarks' term of a part, per millimetre.",
    name="part_landmark_weight",
    low=0.0,
  )
  pose_prior_weight: float = option(
    0.1,
    "Weight of the prior of a hand's pose, or of a gaze.",
    name="part_pose_prior_weight",
    low=0.0,
  )
  shape_prior_weight: float = option(
    0.1,
    "Weight of the prior of a hand's size, or of a face's shape and "
    "expression.",
    name="part_shape_prior_weight",
    low=0.0,
  )

  def __post_init__(self):
    check(self)


def root_relative(points: tf.Tensor, body: PartBody) -> tf.Tensor:
  """Points `[B, n, 3]` less their root."""
  root = tf.gather(points, np.array(body.roots), axis=1)
  return points - tf.reduce_mean(root, axis=1, keepdims=True)


def landmark_scale(points: tf.Tensor, target: PartTarget) -> tf.Tensor:
  """How much larger points `[B, n, 3]` are than the landmarks, `[B, 1, 1]`.

  Within a factor of 2; 1 where nothing is known.
  """
  shares = target.landmark_weights[..., None]
  both = tf.reduce_sum(
    shares * target.landmarks * points, axis=[1, 2], keepdims=True
  )
  own = tf.reduce_sum(shares * target.landmarks**2, axis=[1, 2], keepdims=True)
  ratio = (both + _SMALLEST) / (own + _SMALLEST)
  return tf.clip_by_value(ratio, 0.5, 2.0)


class PartObjective:
  """L_u of a part's state."""

  def __init__(self, body: PartBody, config: PartObjectiveConfig | None = None):
    """Keeps the body and the weights."""
    self.body = body
    self.config = config or PartObjectiveConfig()

  def evaluate(
    self,
    output: PartOutput,
    state: HandState | FaceState,
    target: PartTarget,
    intrinsics: Intrinsics,
  ) -> PartTerms:
    """The terms of states whose parts are already posed.

    Args:
      output: of the states.
      state: fields `[B, ...]`.
      target: what the crops show.
      intrinsics: of the crops, fields `[B, 2]`, crop pixels.
    """
    config = self.config
    keypoint = keypoint_loss(
      camera.project(output.points, intrinsics),
      target.keypoints,
      target.weights,
    )
    points = root_relative(output.points, self.body)
    error = points - landmark_scale(points, target) * target.landmarks
    distance = tf.sqrt(tf.reduce_sum(error**2, axis=-1) + 1e-10)
    weights = target.landmark_weights
    landmark = 1e3 * tf.math.divide_no_nan(
      tf.reduce_sum(weights * distance, axis=-1),
      tf.reduce_sum(weights, axis=-1),
    )
    if isinstance(state, HandState):
      pose_prior = negative_log_prior(state.pose)
      shape_prior = negative_log_prior(state.size)
    else:
      pose_prior = negative_log_prior(state.gaze)
      shape_prior = negative_log_prior(state.shape, state.expression)
    total = (
      config.keypoint_weight * keypoint
      + config.landmark_weight * landmark
      + config.pose_prior_weight * pose_prior
      + config.shape_prior_weight * shape_prior
    )
    return PartTerms(total, keypoint, landmark, pose_prior, shape_prior)
