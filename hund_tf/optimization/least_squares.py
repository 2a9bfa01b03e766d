"""Levenberg-Marquardt for many independent small problems at once."""

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import numpy as np

from hund_tf.compat import tf

State = TypeVar("State")
_FASTER, _SLOWER = 0.3, 5.0  # what a good and a bad step do to the damping
_MAX_DAMPING = 1e7


class NormalEquations(NamedTuple):
  """An objective of N problems near their states, to second order."""

  value: tf.Tensor  # [N]
  gradient: tf.Tensor  # [N, D]
  hessian: tf.Tensor  # [N, D, D] positive semi-definite (Gauss-Newton)
  more: Any = ()  # tensors [N, ...] to be reported


def _nothing(*_: object) -> None:
  pass


class Descent(NamedTuple):
  """Where a descent ended."""

  state: object  # of the same structure as the start
  value: np.ndarray  # [N]


def minimize(
  evaluate: Callable[[State], NormalEquations],
  apply_step: Callable[[State, tf.Tensor], State],
  start: State,
  max_iterations: int = 20,
  tolerance: float = 1e-3,
  damping: float = 1e-2,
  report: Callable[[State, NormalEquations], None] = _nothing,
) -> Descent:
  """Descends until no problem improves by more than a share of its value.

  Each problem has its own damping, and keeps its state where a step would not
  lower its value, so problems do not influence each other.

  Args:
    evaluate: the objective at a structure of tensors `[N, ...]`.
    apply_step: moves states by steps `[N, D]`.
    start: structure of tensors `[N, ...]`.
    max_iterations: number of evaluations after the first.
    tolerance: share of the value; smaller improvements end a problem.
    damping: of the first step, relative to the Hessian's diagonal.
    report: called with the states and what `evaluate` gave for them: at the
      start and after each iteration.
  """
  state, now = start, evaluate(start)
  report(state, now)
  factor = np.full(now.value.shape, damping, np.float32)
  active = np.ones(now.value.shape, bool)
  for _ in range(max_iterations):
    step = _step(now, tf.constant(factor))
    candidate = apply_step(state, step)
    after = evaluate(candidate)
    before, value = now.value.numpy(), after.value.numpy()
    better = active & (value < before) & np.isfinite(value)
    gain = np.where(better, before - value, 0.0)
    factor = np.where(better, factor * _FASTER, factor * _SLOWER)
    factor = np.clip(factor, 1e-6, _MAX_DAMPING).astype(np.float32)
    select = lambda new, old, keep=better: tf.where(
      tf.reshape(keep, [-1] + [1] * (new.shape.rank - 1)), new, old
    )
    state = tf.nest.map_structure(select, candidate, state)
    now = tf.nest.map_structure(select, after, now)
    report(state, now)
    done = np.where(better, gain < tolerance * before, factor >= _MAX_DAMPING)
    active &= ~done
    if not active.any():
      break
  return Descent(state, now.value.numpy())


@tf.function(reduce_retracing=True, autograph=False)
def _step(equations: NormalEquations, damping: tf.Tensor) -> tf.Tensor:
  """The damped Newton step `[N, D]`."""
  diagonal = tf.linalg.diag_part(equations.hessian)
  floor = 1e-6 * tf.reduce_max(diagonal, axis=-1, keepdims=True) + 1e-9
  scale = damping[:, None] * (diagonal + floor) + floor
  system = tf.linalg.set_diag(equations.hessian, diagonal + scale)
  factor = tf.linalg.cholesky(system)
  step = tf.linalg.cholesky_solve(factor, -equations.gradient[..., None])
  return step[..., 0]
