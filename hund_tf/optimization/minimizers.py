"""What a minimiser is, and where those of users are found.

A minimiser descends a function of one vector from a start, and tells its
iterates; starts, timing, tables and plots are the library's. Steepest descent
is one:

    def steepest(function, start, max_iterations, record):
      point = start
      for _ in range(max_iterations):
        value, gradient = function(point)
        point = point - 1e-4 * gradient
        record(point)
"""

import importlib
import importlib.metadata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, cast

import numpy as np
import scipy.optimize

ENTRY_POINTS = "hund_tf.optimizers"
_SCIPY_METHODS = {"bfgs": "BFGS", "lbfgs": "L-BFGS-B"}

# A point [204] -> the value there and its gradient [204], float64. Where L_u
# is not finite the value is 1e6 and the gradient zero.
Function = Callable[[np.ndarray], tuple[float, np.ndarray]]


class Minimizer(Protocol):
  """Descends a function; any callable of this form is one."""

  def __call__(
    self,
    function: Function,
    start: np.ndarray,
    max_iterations: int,
    record: Callable[[np.ndarray], None],
  ) -> None:
    """Goes down from `start`.

    Args:
      function: L_u of one person, in the coordinates of `parameters`.
      start: `[204]` float64.
      max_iterations: at most so many iterations.
      record: to be called with the point `[204]` after every iteration, in
        their order; the last one is the result, and the start where none is
        recorded. A point is cheap if it is the last that `function` was called
        with, or one since the last record.
    """
    ...


@dataclass(frozen=True)
class ScipyMinimizer:
  """BFGS or L-BFGS of scipy, a `Minimizer`."""

  method: str  # "bfgs" or "lbfgs"
  gradient_tolerance: float

  def __call__(
    self,
    function: Function,
    start: np.ndarray,
    max_iterations: int,
    record: Callable[[np.ndarray], None],
  ) -> None:
    """See `Minimizer`."""
    scipy.optimize.minimize(
      function,
      start,
      jac=True,
      method=_SCIPY_METHODS[self.method],
      callback=record,
      options={"maxiter": max_iterations, "gtol": self.gradient_tolerance},
    )


def find_minimizers(names: Sequence[str]) -> dict[str, Minimizer]:
  """Minimisers of users by their names.

  Args:
    names: each `package.module:name`, of anything that can be imported, or the
      name of an entry point of the group `hund_tf.optimizers` of an installed
      package.

  Raises:
    ValueError: if one cannot be found, or cannot be called.
  """
  return {name: _find(name) for name in names}


def _find(name: str) -> Minimizer:
  module, colon, path = name.partition(":")
  if not colon:
    return _checked(name, _installed(name))
  try:
    found = importlib.import_module(module)
  except (ImportError, ValueError, TypeError) as error:
    raise ValueError(
      f"optimizers: {name!r}: cannot import {module!r} ({error}); expected "
      "package.module:name of a module on the path of Python"
    ) from error
  for part in path.split("."):
    if not hasattr(found, part):
      raise ValueError(
        f"optimizers: {name!r}: {module!r} has no {path!r}; expected "
        "package.module:name"
      )
    found = getattr(found, part)
  return _checked(name, found)


def _installed(name: str) -> object:
  points = importlib.metadata.entry_points(group=ENTRY_POINTS)
  if name not in points.names:
    known = ", ".join(sorted(points.names)) or "none is installed"
    raise ValueError(
      f"optimizers: {name!r} is no entry point of {ENTRY_POINTS} ({known}); "
      "expected one, or package.module:name"
    )
  try:
    return points[name].load()
  except (ImportError, AttributeError) as error:
    raise ValueError(
      f"optimizers: the entry point {name!r} cannot be loaded ({error}); "
      "expected one that names a minimiser"
    ) from error


def _checked(name: str, found: Any) -> Minimizer:
  if not callable(found) or isinstance(found, type):
    raise ValueError(
      f"optimizers: {name!r} is a {type(found).__name__} that cannot be used; "
      "expected a function (function, start, max_iterations, record), or an "
      "object that can be called so"
    )
  return cast(Minimizer, found)
