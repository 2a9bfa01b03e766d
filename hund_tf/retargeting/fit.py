"""Fits our body to measurements in 3D: meshes, joints, markers (Sec. 3).

The paper gets ground truth in its own body by fitting it to the meshes of other
models, "minimizing vertex-to-vertex distances between the two corresponding
meshes", and to markers. Here every target is a set of points of our body
(`hund_tf.retargeting.point_sets`) and where they should be. Minimised is

  sum_p w_p rho(|x_p(s) - t_p| / sigma) / 2 + pose prior / 2 + shape prior / 2

with squared norms of the latents as priors (Eq. 6), so that sigma is the error
of the targets in a maximum a posteriori estimate; rho is quadratic up to the
outlier distance and linear beyond.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from hund_tf.body import points as points_lib
from hund_tf.body.model import BodyModel
from hund_tf.compat import tf
from hund_tf.geometry import rotation
from hund_tf.optimization import least_squares
from hund_tf.options import option
from hund_tf.types import (
  BODY_POSE_DIM,
  EXPRESSION_DIM,
  HAND_POSE_DIM,
  SHAPE_DIM,
  STATE_DIMS,
  HumanState,
)

_POSE_DIM = BODY_POSE_DIM + 2 * HAND_POSE_DIM
_MILLIMETRE = 1e-3


@dataclass(frozen=True)
class RetargetingConfig:
  """How a body is fitted to points in 3D."""

  sigma_mm: float = option(
    3.0,
    "Error of the measurements, millimetres: a smaller one fits closer.",
    name="fit_sigma_mm",
    low=0.1,
    high=100.0,
  )
  start_sigma_mm: float = 40.0  # of the first descent, which finds the pose
  outlier_mm: float = 60.0  # distances beyond count linearly
  pose_prior_weight: float = 1.0
  shape_prior_weight: float = 1.0
  start_iterations: int = 12
  max_iterations: int = 20
  batch_size: int = option(
    32,
    "Number of people that are fitted together.",
    name="fit_batch_size",
    low=1,
    high=1024,
  )

  def __post_init__(self):
    for name in (
      *("sigma_mm", "start_sigma_mm", "outlier_mm"),
      *("start_iterations", "max_iterations", "batch_size"),
    ):
      if getattr(self, name) <= 0:
        raise ValueError(
          f"retargeting: {name} is {getattr(self, name)}, expected above 0"
        )


class RetargetingTarget(NamedTuple):
  """Where the points of a set should be, for N people."""

  points: np.ndarray  # [N, P, 3] metres, camera frame
  weights: np.ndarray  # [N, P] non-negative, 0 = unknown


class RetargetingResult(NamedTuple):
  """Fitted states of N people."""

  state: HumanState  # [N, ...]
  residual_mm: np.ndarray  # [N] weighted mean distance; NaN without a target
  distances_mm: np.ndarray  # [N, P] of every point; NaN where unknown


class Retargeting:
  """Fits a body to targets of one set of points; compiled once."""

  def __init__(
    self,
    body_model: BodyModel,
    point_set: points_lib.PointSet,
    config: RetargetingConfig | None = None,
  ):
    self.body_model = body_model
    self.config = config or RetargetingConfig()
    self.point_set = point_set
    self._model = points_lib.PointModel(body_model, point_set)
    self._evaluate = tf.function(
      self._normal_equations, reduce_retracing=True, autograph=False
    )
    self._points = tf.function(
      self._model.points, reduce_retracing=True, autograph=False
    )

  def __call__(
    self, target: RetargetingTarget, initial: HumanState | None = None
  ) -> RetargetingResult:
    """Fits all people.

    Args:
      target: of N people.
      initial: `[N, ...]` where to start; by default the mean pose, turned and
        placed by the torso's points.

    Returns:
      States, and what is left of the distances. A person without three known
      points keeps its start and has a residual of NaN.

    Raises:
      ValueError: if the target has not as many points as the set.
    """
    count = len(self.point_set.anchors)
    expected = (len(target.points), count)
    if target.points.shape != (*expected, 3) or (
      target.weights.shape != expected
    ):
      raise ValueError(
        f"retargeting: points of shape {target.points.shape} with weights "
        f"{target.weights.shape}, expected [N, {count}, 3] and [N, {count}]"
      )
    known = np.isfinite(target.points).all(axis=-1) & (target.weights > 0)
    points = np.where(known[..., None], target.points, 0.0).astype(np.float32)
    weights = np.where(known, target.weights, 0.0).astype(np.float32)
    if initial is None:
      initial = self._start(points, weights)
    parts = []
    size = self.config.batch_size
    for first in range(0, len(points), size):
      rows = np.arange(first, min(first + size, len(points)))
      # A batch of one size for all calls: the last is filled up.
      padded = np.resize(rows, size) if len(rows) < size else rows
      pick = lambda x, rows=padded: tf.gather(x, rows)
      state = self._fit(
        tf.nest.map_structure(pick, initial),
        tf.constant(points[padded]),
        tf.constant(weights[padded]),
      )
      parts.append([field.numpy()[: len(rows)] for field in state])
    state = HumanState(
      *(np.concatenate(fields) for fields in zip(*parts, strict=True))
    )
    return self._result(state, points, weights)

  def _fit(self, state, points, weights) -> HumanState:
    """One batch: coarse, then fine."""
    config = self.config
    for sigma, iterations in (
      (config.start_sigma_mm, config.start_iterations),
      (config.sigma_mm, config.max_iterations),
    ):
      sigma = tf.constant(sigma * _MILLIMETRE)
      state = least_squares.minimize(
        lambda s, sigma=sigma: self._evaluate(s, points, weights, sigma),
        points_lib.apply_step,
        state,
        iterations,
      ).state
    return state

  def _normal_equations(
    self, state: HumanState, points, weights, sigma
  ) -> least_squares.NormalEquations:
    posed = self._model(state)
    offset = posed.points - points
    square = tf.reduce_sum(offset**2, axis=-1)
    limit = (self.config.outlier_mm * _MILLIMETRE) ** 2
    root = tf.sqrt(1.0 + square / limit)
    value = tf.reduce_sum(weights * limit * (root - 1.0), -1) / sigma**2
    scaled = weights / root / sigma**2
    batch, size = tf.shape(offset)[0], points_lib.STEP_SIZE
    rows = tf.reshape(posed.jacobian, [batch, -1, size])
    pulled = tf.reshape(
      posed.jacobian * scaled[..., None, None], [batch, -1, size]
    )
    hessian = tf.matmul(pulled, rows, transpose_a=True)
    gradient = tf.linalg.matvec(
      pulled, tf.reshape(offset, [batch, -1]), transpose_a=True
    )
    latents = tf.concat(list(state[:5]), axis=-1)
    prior = self._prior_weights()
    value += 0.5 * tf.reduce_sum(prior[: latents.shape[1]] * latents**2, -1)
    gradient += prior * tf.pad(latents, [[0, 0], [0, size - latents.shape[1]]])
    hessian += tf.linalg.diag(prior)
    return least_squares.NormalEquations(value, gradient, hessian)

  def _prior_weights(self) -> np.ndarray:
    """Weight of every element of a step `[STEP_SIZE]`; the pose has none."""
    config = self.config
    shape = SHAPE_DIM + EXPRESSION_DIM
    return np.concatenate(
      [
        np.full([_POSE_DIM], config.pose_prior_weight, np.float32),
        np.full([shape], config.shape_prior_weight, np.float32),
        np.zeros([6], np.float32),
      ]
    )

  def _start(self, points: np.ndarray, weights: np.ndarray) -> HumanState:
    """The mean pose, turned and placed by the torso, or by all points."""
    mean = HumanState(*(tf.zeros([1, size]) for size in STATE_DIMS))
    mean = mean._replace(rotation=rotation.to_6d(tf.eye(3, batch_shape=[1])))
    model = self._points(mean).numpy()[0]
    anchors = weights * self.point_set.anchors
    enough = (anchors > 0).sum(axis=1, keepdims=True) >= 3
    turn, shift = rigid_alignment(
      model, points, np.where(enough, anchors, weights)
    )
    states = tf.nest.map_structure(
      lambda x: tf.repeat(x, len(points), axis=0), mean
    )
    return states._replace(
      rotation=rotation.to_6d(tf.constant(turn, tf.float32)),
      translation=tf.constant(shift, tf.float32),
    )

  def _result(self, state, points, weights) -> RetargetingResult:
    size = self.config.batch_size
    fitted = []
    for first in range(0, len(points), size):
      rows = np.resize(np.arange(first, min(first + size, len(points))), size)
      chosen = tf.nest.map_structure(lambda x, rows=rows: x[rows], state)
      fitted.append(self._points(chosen).numpy())
    fitted = np.concatenate(fitted)[: len(points)]
    distances = np.linalg.norm(fitted - points, axis=-1) / _MILLIMETRE
    distances[weights == 0] = np.nan
    total = weights.sum(axis=1)
    known = (weights > 0).sum(axis=1) >= 3
    summed = np.nansum(weights * distances, axis=1)
    mean = summed / np.where(total > 0, total, 1.0)
    return RetargetingResult(state, np.where(known, mean, np.nan), distances)


def rigid_alignment(
  source: np.ndarray, target: np.ndarray, weights: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
  """Rotations and translations that put points onto N targets (Kabsch).

  Args:
    source: `[P, 3]`.
    target: `[N, P, 3]`.
    weights: `[N, P]`; without any known point the identity is returned.

  Returns:
    `[N, 3, 3]` and `[N, 3]` with target = R source + t.
  """
  share = weights / np.maximum(weights.sum(axis=1, keepdims=True), 1e-9)
  source_mean = share @ source
  target_mean = np.einsum("np,npc->nc", share, target)
  covariance = np.einsum(
    "np,npi,npj->nij",
    share,
    target - target_mean[:, None],
    source - source_mean[:, None],
  )
  left, _, right = np.linalg.svd(covariance)
  left[:, :, 2] *= np.sign(np.linalg.det(left @ right))[:, None]
  turn = left @ right
  return turn, target_mean - np.einsum("nij,nj->ni", turn, source_mean)
