"""The anchored polish: a Gauss-Newton fit that stays near the descent's end.

The last state s_M of a descent is the network's mean guess; what is seen of a
person says more where it is exact. From s_M, with pi the projection, two steps
go down

  sum_k w_k rho(|pi(J_k(s)) - j_k|^2 / sigma^2)
    + sum_k v_k rho(|L_k(s) - l_k|^2 / tau^2) + (s - s_M)^T Lambda (s - s_M)

over keypoints j_k of weights w_k and 3D landmarks l_k of weights v_k, these up
to a scale. Lambda is the inverse covariance of (truth - s_M) on examples, so
that what is known badly moves most, and depth is not given away for the
picture. rho(x) = c^2 log(1 + x / c^2) hardly hears points that are far off.

Steps are in the pose, shape and expression latents, a turn of the root in the
camera frame, and the placement (u, v, w): 201 numbers.
"""

from typing import NamedTuple

import numpy as np

from hund_tf.body import keypoints as keypoint_table
from hund_tf.body import landmarks_3d, skeleton
from hund_tf.body.model import BodyModel
from hund_tf.body.points import STEP_SIZE, PointModel, PointSet, apply_step
from hund_tf.compat import tf
from hund_tf.geometry import camera, placement, rotation
from hund_tf.models.compilation import compiled
from hund_tf.models.hund import evidence_3d, state_space
from hund_tf.models.hund.evidence_3d import NUM_BODY, Evidence
from hund_tf.models.hund.polish_anchor import Anchor
from hund_tf.types import (
  NUM_JOINTS,
  NUM_KEYPOINTS,
  AlignmentTarget,
  HumanState,
  ImageFeatures,
  Intrinsics,
)

NUM_STEPS = 2
_PELVIS = skeleton.INDEX["pelvis"]
_MM = 1e3


class Seen(NamedTuple):
  """What is seen of B people."""

  keypoints: tf.Tensor  # [B, 137, 2] crop pixels
  weights: tf.Tensor  # [B, 137] in [0, 1]
  evidence: Evidence  # 3D landmarks


def seen_in(
  features: ImageFeatures, target: AlignmentTarget, intrinsics: Intrinsics
) -> Seen:
  """What crops show, of their features and the target made of these."""
  evidence = evidence_3d.evidence_of(features, intrinsics)
  return Seen(target.keypoints, target.keypoint_weights, evidence)


def known_share(seen: Seen) -> tf.Tensor:
  """Mean confidence of the keypoints of the body, `[B]`."""
  return tf.reduce_mean(seen.weights[:, keypoint_table.BODY], axis=-1)


def step_between(
  start: HumanState, end: HumanState, intrinsics: Intrinsics
) -> tf.Tensor:
  """The steps `[B, 201]` of the polish that lead from states to others."""
  inner = [b - a for a, b in zip(start[:5], end[:5], strict=True)]
  turned = tf.matmul(
    rotation.from_6d(end.rotation),
    rotation.from_6d(start.rotation),
    transpose_b=True,
  )
  places = [placement.encode(s.translation, intrinsics) for s in (start, end)]
  turn = rotation.to_rotation_vector(turned)
  return tf.concat([*inner, turn, places[1] - places[0]], axis=-1)


class _Posed(NamedTuple):
  """Points of B states and how they move."""

  points: tf.Tensor  # [B, P, 3] metres, camera frame
  slopes: tf.Tensor  # [B, P, 3, 201]


class Polish:
  """Fits the ends of descents to what is seen."""

  def __init__(
    self, body_model: BodyModel, anchor: Anchor, jit_compile: bool = False
  ):
    """Prepares the derivatives of the body's keypoints and joints.

    Args:
      body_model: of the states.
      anchor: Lambda, and how far what is seen is trusted.
      jit_compile: XLA for all but the solution of the linear equations, which
        it is slow at.
    """
    self.anchor = anchor
    self._precisions = anchor.precisions()
    self._keypoints = PointModel(body_model, _keypoint_set(body_model))
    joints = PointSet(
      np.zeros([0], np.int32), np.zeros([0, 3]), None, np.zeros([NUM_JOINTS])
    )
    self._joints = PointModel(body_model, joints)
    self._equations = compiled(self._normal_equations, jit_compile)
    self._known = compiled(self._precision, jit_compile)
    self._move = compiled(_moved, jit_compile)

  def __call__(
    self, state: HumanState, seen: Seen, intrinsics: Intrinsics
  ) -> HumanState:
    """The polished states.

    Args:
      state: s_M, fields `[B, ...]`.
      seen: of the same people.
      intrinsics: of the crops (C_c), fields `[B, 2]`, crop pixels.

    Returns:
      States `[B, ...]`; a person whose fit is not finite keeps s_M.
    """
    precision = self._known(seen)
    step = tf.zeros_like(precision[:, 0])
    polished = state
    for _ in range(NUM_STEPS):
      hessian, gradient = self._equations(
        polished, step, seen, precision, intrinsics
      )
      factor = tf.linalg.cholesky(hessian)
      change = -tf.linalg.cholesky_solve(factor, gradient[..., None])[..., 0]
      step += change
      polished = self._move(polished, change, intrinsics)
    finite = tf.reduce_all(tf.math.is_finite(step), axis=-1, keepdims=True)
    return tf.nest.map_structure(
      lambda new, old: tf.where(finite, new, old), polished, state
    )

  def uncertainty(
    self, state: HumanState, seen: Seen, intrinsics: Intrinsics
  ) -> tf.Tensor:
    """Expected errors of the joints, `[B, 63]` millimetres.

    Of the distance to the truth with the pelvises together, by the posterior
    covariance (J^T W J + Lambda)^-1 and a factor that makes it right on
    examples.

    Args:
      state: polished.
      seen: of the same people.
      intrinsics: of the crops, fields `[B, 2]`, crop pixels.
    """
    precision = self._precision(seen)
    still = tf.zeros_like(precision[:, 0])
    hessian, _ = self._equations(state, still, seen, precision, intrinsics)
    slopes = _placed(self._joints(state), state, intrinsics).slopes
    slopes -= slopes[:, _PELVIS : _PELVIS + 1]
    rows = tf.reshape(slopes, [-1, NUM_JOINTS * 3, STEP_SIZE])
    factor = tf.linalg.cholesky(hessian)
    spread = tf.linalg.triangular_solve(
      factor, tf.linalg.matrix_transpose(rows)
    )
    variance = tf.reduce_sum(spread * spread, axis=1)
    variance = tf.reduce_sum(tf.reshape(variance, [-1, NUM_JOINTS, 3]), axis=-1)
    return _MM * self.anchor.uncertainty_scale * tf.sqrt(variance)

  def _precision(self, seen: Seen) -> tf.Tensor:
    """Lambda `[B, 201, 201]` of people of whom so much is known."""
    known = known_share(seen)[:, None]
    above = tf.cast(known > self.anchor.edges, tf.int32)
    return tf.gather(self._precisions, tf.reduce_sum(above, axis=-1))

  def _normal_equations(
    self,
    state: HumanState,
    step: tf.Tensor,
    seen: Seen,
    precision: tf.Tensor,
    intrinsics: Intrinsics,
  ) -> tuple[tf.Tensor, tf.Tensor]:
    """Half the Hessian `[B, 201, 201]` and half the gradient `[B, 201]`.

    Args:
      state: where the derivatives are taken.
      step: from s_M to there.
      seen: of the people.
      precision: Lambda.
      intrinsics: of the crops.
    """
    posed = _placed(self._keypoints(state), state, intrinsics)
    hessian = precision
    gradient = tf.linalg.matvec(precision, step)
    for error, slopes, weights in (
      self._keypoint_rows(posed, seen, intrinsics),
      self._landmark_rows(posed, seen.evidence),
    ):
      size = error.shape[1] * error.shape[2]
      rows = tf.reshape(slopes, [-1, size, STEP_SIZE])
      pulled = tf.reshape(slopes * weights[..., None, None], tf.shape(rows))
      hessian += tf.matmul(pulled, rows, transpose_a=True)
      gradient += tf.linalg.matvec(
        pulled, tf.reshape(error, [-1, size]), transpose_a=True
      )
    return hessian, gradient

  def _keypoint_rows(
    self, posed: _Posed, seen: Seen, intrinsics: Intrinsics
  ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Errors `[B, 137, 2]` pixels, their derivatives and their weights."""
    depth = tf.maximum(posed.points[..., 2:], camera.MIN_DEPTH)
    ratio = posed.points[..., :2] / depth
    error = camera.project(posed.points, intrinsics) - seen.keypoints
    slopes = posed.slopes[:, :, :2] - ratio[..., None] * posed.slopes[:, :, 2:]
    slopes *= (intrinsics.focal[:, None] / depth)[..., None]
    return error, slopes, _robust(error, seen.weights, *self.anchor.keypoints)

  def _landmark_rows(
    self, posed: _Posed, evidence: Evidence
  ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Errors of the body's landmarks `[B, 25, 3]` metres, likewise."""
    points = landmarks_3d.root_relative(posed.points)
    ratios = evidence_3d.ratios(points, evidence)
    error = points - ratios[..., None] * evidence.landmarks
    rows, roots = landmarks_3d.ROOTS[0]
    slopes = posed.slopes[:, rows]
    slopes -= tf.reduce_mean(
      tf.gather(slopes, roots, axis=1), axis=1, keepdims=True
    )
    error, weights = error[:, :NUM_BODY], evidence.weights[:, :NUM_BODY]
    return error, slopes, _robust(error, weights, *self.anchor.landmarks)


def _robust(
  error: tf.Tensor, weights: tf.Tensor, sigma: float, cut: float
) -> tf.Tensor:
  """Weights `[B, P]` of squared errors `[B, P, C]`: w rho' / sigma^2."""
  square = tf.reduce_sum(error * error, axis=-1) / sigma**2
  return weights / (sigma**2 * (1.0 + square / cut**2))


def _keypoint_set(body_model: BodyModel) -> PointSet:
  """The 137 keypoints as points of the body."""
  asset = body_model.asset
  mix = np.concatenate(
    [asset.keypoint_vertex_weights, asset.keypoint_joint_weights], axis=1
  )
  offsets = np.zeros([len(asset.keypoint_ids), 3], np.float32)
  return PointSet(asset.keypoint_ids, offsets, mix, np.zeros([NUM_KEYPOINTS]))


def _placed(posed, state: HumanState, intrinsics: Intrinsics) -> _Posed:
  """`PosedPoints` with derivatives by the placement, not the translation."""
  others, shift = posed.jacobian[..., :-3], posed.jacobian[..., -3:]
  placed = placement.slopes(state.translation, intrinsics)
  slopes = tf.concat([others, tf.matmul(shift, placed[:, None])], axis=-1)
  return _Posed(posed.points, slopes)


def _moved(
  state: HumanState, step: tf.Tensor, intrinsics: Intrinsics
) -> HumanState:
  """States moved by steps `[B, 201]`, inside the range of likely ones."""
  inner = tf.concat([step[:, :-3], tf.zeros_like(step[:, -3:])], axis=-1)
  coordinates = state_space.encode(apply_step(state, inner), intrinsics)
  moved = tf.concat(
    [coordinates[:, :-3], coordinates[:, -3:] + step[:, -3:]], axis=-1
  )
  return state_space.decode(state_space.bound(moved), intrinsics)
