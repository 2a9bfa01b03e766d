"""Fits body states to images by minimising the alignment objective.

BFGS and L-BFGS run scipy's minimisers, and users' run theirs (`minimizers`),
person by person, on one compiled value-and-gradient of the objective; Adam
steps the whole batch. All return the same trace type.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from hund_tf.compat import tf, tf_keras
from hund_tf.losses.alignment import AlignmentObjective
from hund_tf.optimization import initialization, parameters
from hund_tf.optimization.config import OptimizerConfig
from hund_tf.optimization.minimizers import Minimizer, ScipyMinimizer
from hund_tf.types import (
  STATE_SIZE,
  AlignmentTarget,
  AlignmentTerms,
  HumanState,
  Intrinsics,
  RefinementState,
)

_HUGE = 1e6  # returned in place of a value that is not finite


@dataclass
class _Path:
  """Iterates of one descent: parameters, and what they took."""

  points: list[np.ndarray] = field(default_factory=list)
  terms: list[AlignmentTerms] = field(default_factory=list)
  seconds: list[float] = field(default_factory=list)
  evaluations: list[int] = field(default_factory=list)

  def add(self, point, terms: AlignmentTerms, seconds, evaluations) -> None:
    """Appends an iterate and the value of its terms."""
    self.points.append(np.array(point, np.float32))
    self.terms.append(terms)
    self.seconds.append(seconds)
    self.evaluations.append(evaluations)

  @property
  def value(self) -> float:
    """The objective at the end; not finite counts as infinite."""
    total = self.terms[-1].total
    return total if np.isfinite(total) else np.inf

  def later(self, seconds: float, evaluations: int) -> "_Path":
    """This path, begun after so many seconds and evaluations."""
    return _Path(
      self.points,
      self.terms,
      [seconds + s for s in self.seconds],
      [evaluations + n for n in self.evaluations],
    )

  def extended(self, other: "_Path") -> "_Path":
    """This path continued by `other`, whose first point is our last."""
    rest = other.later(self.seconds[-1], self.evaluations[-1])
    return _Path(
      self.points + rest.points[1:],
      self.terms + rest.terms[1:],
      self.seconds + rest.seconds[1:],
      self.evaluations + rest.evaluations[1:],
    )


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
  if minimizer is None and config.method == "adam":
    paths = _adam(objective, target, intrinsics, config, points)
  else:
    minimizer = minimizer or ScipyMinimizer(
      config.method, config.gradient_tolerance
    )
    paths = _one_by_one(
      objective, target, intrinsics, config, points, minimizer
    )
  return _as_trace(paths)


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
) -> list[_Path]:
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


def _compiled(objective: AlignmentObjective, config: OptimizerConfig):
  """The objective's compiled value-and-gradient, made once for each."""
  jit_compile = config.jit_compile and objective.xla_compatible
  cache = objective.__dict__.setdefault("_compiled_gradients", {})
  if jit_compile not in cache:
    cache[jit_compile] = _value_and_gradient(objective, jit_compile)
  return cache[jit_compile]


def _descent(function, fixed, start, iterations: int, minimizer) -> _Path:
  """One person's descent from `start` `[204]` by a minimiser."""
  path, evaluations = _Path(), 0
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


def _adam(objective, target, intrinsics, config, points) -> list[_Path]:
  """Adam on all people and starts at once; the best start of each is kept."""
  people, starts = points.shape[:2]
  function = _compiled(objective, config)
  descend = lambda fixed, start, iterations: _adam_descent(
    function, fixed, start, iterations, config
  )
  if starts == 1:
    fixed = (target, intrinsics)
    whole = descend(fixed, points[:, 0], config.max_iterations)
    return _adam_paths(whole, people)
  repeat = lambda x: tf.repeat(tf.convert_to_tensor(x), starts, axis=0)
  many = tf.nest.map_structure(repeat, (target, intrinsics))
  flat = points.reshape(people * starts, -1)
  first = descend(many, flat, config.start_iterations)
  values = first.terms[-1].total.reshape(people, starts)
  best = np.arange(people) * starts + values.argmin(axis=1)
  kept = _Path(
    [point[best] for point in first.points],
    [tf.nest.map_structure(lambda x: x[best], t) for t in first.terms],
    first.seconds,
    [starts * n for n in first.evaluations],
  )
  rest = descend((target, intrinsics), kept.points[-1], config.max_iterations)
  return _adam_paths(kept.extended(rest), people)


def _adam_paths(whole: _Path, people: int) -> list[_Path]:
  """The path of each person of a path of all."""
  return [
    _Path(
      [point[i] for point in whole.points],
      [AlignmentTerms(*(float(x[i]) for x in t)) for t in whole.terms],
      whole.seconds,
      whole.evaluations,
    )
    for i in range(people)
  ]


def _adam_descent(function, fixed, start, iterations: int, config) -> _Path:
  """Adam from `start` `[N, 204]`; points and terms of the path have N rows."""
  variable = tf.Variable(start)
  schedule = tf_keras.optimizers.schedules.CosineDecay(
    config.learning_rate, iterations, alpha=0.05
  )
  optimizer = tf_keras.optimizers.Adam(schedule, jit_compile=False)
  function(variable.value(), *fixed)  # compile outside of the timing
  path = _Path()
  begin = time.perf_counter()
  for i in range(iterations):
    terms, gradient = function(variable.value(), *fixed)
    terms = tf.nest.map_structure(np.asarray, terms)
    path.add(variable.numpy(), terms, time.perf_counter() - begin, i + 1)
    gradient = tf.where(tf.math.is_finite(gradient), gradient, 0.0)
    optimizer.apply_gradients([(gradient, variable)])
  terms, _ = function(variable.value(), *fixed)
  terms = tf.nest.map_structure(np.asarray, terms)
  path.add(variable.numpy(), terms, time.perf_counter() - begin, iterations + 1)
  return path


def _as_trace(paths: list[_Path]) -> tuple[RefinementState, np.ndarray]:
  """Stacks the paths of all people to one trace, and their evaluations."""
  length = max(len(path.points) for path in paths)
  pad = lambda rows: np.array(
    rows + [rows[-1]] * (length - len(rows)), np.float32
  )
  points = np.stack([pad(path.points) for path in paths])
  terms = np.stack([pad(path.terms) for path in paths])
  trace = RefinementState(
    state=parameters.unpack(tf.constant(points)),
    terms=AlignmentTerms(*tf.unstack(tf.constant(terms), axis=-1)),
    memory=tf.zeros([len(paths), length, 0]),
    seconds=tf.constant(np.stack([pad(path.seconds) for path in paths])),
  )
  return trace, np.stack([pad(path.evaluations) for path in paths]).astype(int)
