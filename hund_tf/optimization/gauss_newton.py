"""Gauss-Newton on the alignment objective, damped (Levenberg-Marquardt).

Value and gradient are those of L_u, with all its terms. The Hessian is that of
its sums of squares: the priors as they are, and each distance d_k of the
keypoint term by the square that touches it from above,

  d_k(s) <= d_k / 2 + |r_k(s)|^2 / (2 d_k),   with residual r_k and d_k fixed,

so that H = lambda_k / W sum_k (w_k / d_k) J_k^T J_k + 2 diag(lambda_prior) with
J_k = dr_k / ds in closed form. Other terms, the parts and a user's own, have no
such form here: they count by their gradient, and the damping bounds what a step
makes of it.

A step has 201 numbers: the latents, a turn of the root in the camera frame, and
(x / z, y / z, log z) of the translation, as in `parameters`.
"""

import time
from collections.abc import Callable

import numpy as np

from hund_tf import types
from hund_tf.body.model import BodyModel
from hund_tf.body.points import (
  STEP_SIZE,
  PointModel,
  apply_step,
  keypoint_set,
)
from hund_tf.compat import tf
from hund_tf.geometry import camera
from hund_tf.losses.alignment import AlignmentObjective
from hund_tf.optimization import least_squares, parameters
from hund_tf.optimization.least_squares import NormalEquations
from hund_tf.optimization.paths import Path
from hund_tf.types import (
  AlignmentTarget,
  HumanState,
  Intrinsics,
)

_LEAST_GAIN = 1e-5  # share of the value; a smaller step is the last


Fixed = tuple[AlignmentTarget, Intrinsics]
# (B states, what they are compared with) -> L_u there, by the 201 numbers of a
# step; `more` are its terms
Evaluate = Callable[[HumanState, Fixed], NormalEquations]


def linearization(
  objective: AlignmentObjective, jit_compile: bool = False
) -> Evaluate:
  """The compiled L_u with gradient and Hessian.

  Raises:
    ValueError: if the objective is not of the open body.
  """
  body_model = objective.body_model
  if not isinstance(body_model, BodyModel):
    raise ValueError(
      "optimiser: gauss_newton has the derivatives of the open body alone; "
      f"got a {type(body_model).__name__}, for which bfgs would do"
    )
  keypoints = PointModel(body_model, keypoint_set(body_model))
  priors = _prior_curvatures(objective)

  def evaluate(state, fixed):
    target, intrinsics = fixed
    step = tf.zeros([tf.shape(state.shape)[0], STEP_SIZE])
    with tf.GradientTape() as tape:
      tape.watch(step)
      terms = objective(moved(state, step), target, intrinsics)
      value = terms.total
    gradient = tape.gradient(value, step)
    posed = keypoints(state)
    slopes = camera.projection_slopes(
      posed.points, by_place(posed.jacobian, state), intrinsics
    )
    error = camera.project(posed.points, intrinsics) - target.keypoints
    distance = tf.sqrt(tf.reduce_sum(error * error, axis=-1) + 1e-6)
    weights = target.keypoint_weights * objective.keypoint_shares
    total = tf.reduce_sum(weights, axis=-1, keepdims=True)
    weights = tf.math.divide_no_nan(weights / distance, total)
    weights *= objective.config.keypoint_weight
    rows = tf.reshape(slopes, [-1, types.NUM_KEYPOINTS * 2, STEP_SIZE])
    pulled = tf.reshape(slopes * weights[..., None, None], tf.shape(rows))
    hessian = tf.matmul(pulled, rows, transpose_a=True) + tf.linalg.diag(priors)
    return NormalEquations(value, gradient, hessian, terms)

  return tf.function(
    evaluate,
    jit_compile=jit_compile and objective.xla_compatible,
    reduce_retracing=True,
    autograph=False,
  )


def _prior_curvatures(objective: AlignmentObjective) -> np.ndarray:
  """Second derivatives of the priors by the numbers of a step, `[201]`."""
  config, sizes = objective.config, types.STATE_DIMS[:5]
  weights = [config.pose_prior_weight] * 3 + [config.shape_prior_weight] * 2
  latents = 2.0 * np.repeat(weights, sizes)
  return np.pad(latents, [0, 6]).astype(np.float32)


def by_place(jacobian: tf.Tensor, state: HumanState) -> tf.Tensor:
  """Derivatives `[B, P, 3, 201]` by (x / z, y / z, log z), not by metres."""
  x, y, z = tf.unstack(state.translation, axis=-1)
  zero = tf.zeros_like(z)
  columns = [tf.stack(c, -1) for c in ((z, zero, zero), (zero, z, zero))]
  across = tf.stack([*columns, tf.stack([x, y, z], -1)], axis=-1)
  shift = tf.matmul(jacobian[..., -3:], across[:, None])
  return tf.concat([jacobian[..., :-3], shift], axis=-1)


def moved(state: HumanState, step: tf.Tensor) -> HumanState:
  """States moved by steps `[B, 201]`."""
  inner, place = step[:, :-3], step[:, -3:]
  turned = apply_step(state, tf.pad(inner, [[0, 0], [0, 3]]))
  before = types.STATE_SIZE - 3
  shift = tf.pad(place, [[0, 0], [before, 0]])
  return parameters.unpack(parameters.pack(turned) + shift)


def descend(evaluate: Evaluate, fixed, start, iterations: int) -> Path:
  """Goes down from `start` `[N, 204]`, all N at once, each by its own damping.

  Args:
    evaluate: of `linearization`.
    fixed: targets and intrinsics of N people.
    start: parameters.
    iterations: at most so many steps, taken or refused.

  Returns:
    A path whose points and terms have N rows.
  """
  state = parameters.unpack(tf.constant(start))
  evaluate(state, fixed)  # compile outside of the timing
  path = Path()
  begin = time.perf_counter()

  def record(state: HumanState, now: NormalEquations) -> None:
    seconds = time.perf_counter() - begin
    terms = tf.nest.map_structure(np.asarray, now.more)
    count = len(path.points) + 1
    path.add(parameters.pack(state).numpy(), terms, seconds, count)

  least_squares.minimize(
    lambda state: evaluate(state, fixed),
    moved,
    state,
    iterations,
    _LEAST_GAIN,
    report=record,
  )
  return path
