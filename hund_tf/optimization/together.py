"""Descents of many people at once: Adam, and the choice among their starts."""

import time
from collections.abc import Callable

import numpy as np

from hund_tf.compat import tf, tf_keras
from hund_tf.optimization.config import OptimizerConfig
from hund_tf.optimization.gauss_newton import Fixed
from hund_tf.optimization.paths import Path
from hund_tf.types import AlignmentTerms

# (of N people, start [N, 204], iterations) -> a path of points and terms of N
Descend = Callable[[Fixed, np.ndarray, int], Path]


def from_best_starts(
  descend: Descend, fixed: Fixed, config: OptimizerConfig, points: np.ndarray
) -> list[Path]:
  """Descends from all starts at once; the best of each person is continued.

  Args:
    descend: all people and starts.
    fixed: of B people.
    config: iterations of the search and of the descent.
    points: `[B, S, 204]` S starts of each.

  Returns:
    The path of each person.
  """
  people, starts = points.shape[:2]
  if starts == 1:
    whole = descend(fixed, points[:, 0], config.max_iterations)
    return _of_each(whole, people)
  repeat = lambda x: tf.repeat(tf.convert_to_tensor(x), starts, axis=0)
  many = tf.nest.map_structure(repeat, fixed)
  flat = points.reshape(people * starts, -1)
  first = descend(many, flat, config.start_iterations)
  values = first.terms[-1].total.reshape(people, starts)
  best = np.arange(people) * starts + values.argmin(axis=1)
  kept = Path(
    [point[best] for point in first.points],
    [tf.nest.map_structure(lambda x: x[best], t) for t in first.terms],
    first.seconds,
    [starts * n for n in first.evaluations],
  )
  rest = descend(fixed, kept.points[-1], config.max_iterations)
  return _of_each(kept.extended(rest), people)


def _of_each(whole: Path, people: int) -> list[Path]:
  """The path of each person of a path of all."""
  return [
    Path(
      [point[i] for point in whole.points],
      [AlignmentTerms(*(float(x[i]) for x in t)) for t in whole.terms],
      whole.seconds,
      whole.evaluations,
    )
    for i in range(people)
  ]


def adam(function: Callable, learning_rate: float) -> Descend:
  """Adam, its rate falling as a cosine.

  Args:
    function: compiled (parameters [N, 204], target, intrinsics) -> (terms [N],
      gradient [N, 204]).
    learning_rate: of the first step.
  """
  return lambda fixed, start, iterations: _adam_descent(
    function, fixed, start, iterations, learning_rate
  )


def _adam_descent(function, fixed, start, iterations: int, rate) -> Path:
  """Adam from `start` `[N, 204]`; points and terms of the path have N rows."""
  variable = tf.Variable(start)
  schedule = tf_keras.optimizers.schedules.CosineDecay(
    rate, iterations, alpha=0.05
  )
  optimizer = tf_keras.optimizers.Adam(schedule, jit_compile=False)
  function(variable.value(), *fixed)  # compile outside of the timing
  path = Path()
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
