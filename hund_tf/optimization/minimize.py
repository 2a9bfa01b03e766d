"""Fits body states to images by minimising the alignment objective.

BFGS and L-BFGS run scipy's minimisers, and users' run theirs (`minimizers`),
person by person, on one compiled value-and-gradient of the objective; Adam and
Gauss-Newton step the whole batch. All return the same trace type.
"""

import functools
import time
from collections.abc import Callable

import numpy as np

from hund_tf.compat import tf
from hund_tf.losses.alignment import AlignmentObjective
from hund_tf.optimization import (
  gauss_newton,
  initialization,
  parameters,
  together,
)
from hund_tf.optimization.config import OptimizerConfig
from hund_tf.optimization.minimizers import Minimizer, ScipyMinimizer
from hund_tf.optimization.paths import Path, as_trace
from hund_tf.types import (
  STATE_SIZE,
  AlignmentTarget,
  AlignmentTerms,
  HumanState,
  Intrinsics,
  RefinementState,
)

_HUGE = 1e6  # returned in place of a value that is not finite


def minimize(
  objective: AlignmentObjective,
  target: AlignmentTarget,
  intrinsics: Intrinsics,
  config: OptimizerConfig | None = None,
  initial: HumanState | None = None,
) -> RefinementState:
  """Fits states to a batch of targets: the trace of `counted`."""
  return counted(objective, target, intrinsics, config, initial)[0]


def counted(
  objective: AlignmentObjective,
  target: AlignmentTarget,
  intrinsics: Intrinsics,
  config: OptimizerConfig | None = None,
  initial: HumanState | None = None,
  minimizer: Minimizer | None = None,
) -> tuple[RefinementState, np.ndarray]:
  """Fits states to a batch of targets, and counts evaluations.

  Args:
    objective: what to minimise.
    target: batch of B targets.
    intrinsics: of the crops, fields `[B, 2]`, crop pixels.
    config: method and iteration counts.
    initial: `[B, ...]` where to start; without it, A-poses placed by the
      keypoints, at several yaws, of which the best is continued.
    minimizer: of a user, in place of the method of `config`.

  Returns:
    Trace with fields `[B, M+1, ...]`: the start and every iterate. A descent
    that stopped early repeats its last state to the longest one's length.
    `seconds` are cumulative and include the search over the yaws. Beside it,
    how often the objective had been evaluated by then: `[B, M+1]`, cumulative,
    with those of the search.

  Raises:
    ValueError: if `minimizer` records a point of another shape.
  """
  config = config or OptimizerConfig()
  if initial is None:
    starts = initialization.starts_from_keypoints(
      objective.body_model, target, intrinsics, config.num_yaw_starts
    )
  else:
    starts = tf.nest.map_structure(lambda x: x[:, None], initial)
  points = parameters.pack(starts).numpy()
  if minimizer is None and config.method in ("adam", "gauss_newton"):
    descend = _batch_descent(objective, config)
    paths = together.from_best_starts(
      descend, (target, intrinsics), config, points
    )
  else:
    minimizer = minimizer or ScipyMinimizer(
      config.method, config.gradient_tolerance
    )
    paths = _one_by_one(
      objective, target, intrinsics, config, points, minimizer
    )
  return as_trace(paths)


def _value_and_gradient(
  objective: AlignmentObjective, jit_compile: bool
) -> Callable:
  """Compiled (parameters [B, 204], ...) -> (terms [B], gradient [B, 204])."""

  @tf.function(jit_compile=jit_compile, reduce_retracing=True, autograph=False)
  def function(point, target, intrinsics):
    with tf.GradientTape() as tape:
      tape.watch(point)
      terms = objective(parameters.unpack(point), target, intrinsics)
    return terms, tape.gradient(terms.total, point)

  return function


def _select(structure, index: int):
  """Row `index` of every tensor of a structure, kept as a batch of one."""
  return tf.nest.map_structure(
    lambda x: tf.convert_to_tensor(x)[index : index + 1], structure
  )


def _one_by_one(
  objective, target, intrinsics, config, points, minimizer
) -> list[Path]:
  """The path of each person by a minimiser of one vector."""
  function = _compiled(objective, config)
  function(points[:1, 0], _select(target, 0), _select(intrinsics, 0))
  paths = []
  for i in range(len(points)):
    fixed = (_select(target, i), _select(intrinsics, i))
    descend = lambda start, iterations, fixed=fixed: _descent(
      function, fixed, start, iterations, minimizer
    )
    if len(points[i]) == 1:
      paths.append(descend(points[i, 0], config.max_iterations))
      continue
    begin = time.perf_counter()
    tries = [descend(x, config.start_iterations) for x in points[i]]
    best = min(tries, key=lambda path: path.value)
    searched = time.perf_counter() - begin - best.seconds[-1]
    others = sum(path.evaluations[-1] for path in tries if path is not best)
    rest = descend(best.points[-1], config.max_iterations)
    paths.append(best.later(searched, others).extended(rest))
  return paths


def _batch_descent(
  objective: AlignmentObjective, config: OptimizerConfig
) -> together.Descend:
  """The method that goes down with all people at once."""
  if config.method == "adam":
    return together.adam(_compiled(objective, config), config.learning_rate)
  evaluate = _made_once(
    objective, "_linearizations", config, gauss_newton.linearization
  )
  return functools.partial(gauss_newton.descend, evaluate)


def _compiled(objective: AlignmentObjective, config: OptimizerConfig):
  """The objective's compiled value-and-gradient."""
  return _made_once(
    objective, "_compiled_gradients", config, _value_and_gradient
  )


def _made_once(objective, name: str, config: OptimizerConfig, make: Callable):
  """What `make` compiles of an objective, kept with it."""
  jit_compile = config.jit_compile and objective.xla_compatible
  cache = objective.__dict__.setdefault(name, {})
  if jit_compile not in cache:
    cache[jit_compile] = make(objective, jit_compile)
  return cache[jit_compile]


def _descent(function, fixed, start, iterations: int, minimizer) -> Path:
  """One person's descent from `start` `[204]` by a minimiser."""
  path, evaluations = Path(), 0
  begin = time.perf_counter()
  evaluated: dict[bytes, AlignmentTerms] = {}  # since the last iterate

  def value_and_gradient(point):
    nonlocal evaluations
    evaluations += 1
    point = _vector(point)
    terms, gradient = function(tf.constant(point[None], tf.float32), *fixed)
    terms = AlignmentTerms(*(float(term[0]) for term in terms))
    gradient = gradient.numpy()[0]
    evaluated[point.tobytes()] = terms
    if not (np.isfinite(terms.total) and np.isfinite(gradient).all()):
      return _HUGE, np.zeros_like(point)
    return terms.total, gradient.astype(np.float64)

  def record(point):
    point = _vector(point)
    if point.tobytes() not in evaluated:
      value_and_gradient(point)
    seconds = time.perf_counter() - begin
    path.add(point, evaluated[point.tobytes()], seconds, evaluations)
    evaluated.clear()

  start = start.astype(np.float64)
  record(start)
  minimizer(value_and_gradient, start, iterations, record)
  return path


def _vector(point) -> np.ndarray:
  point = np.asarray(point, np.float64)
  if point.shape != (STATE_SIZE,):
    raise ValueError(
      f"optimiser: got a point of shape {point.shape}, expected "
      f"({STATE_SIZE},), as its start has"
    )
  return point
