"""Numba's compiler with a cache on disk where there is room for one."""

import functools
from collections.abc import Callable

from hund_tf.extras import load_extra


def compiled(function: Callable) -> Callable:
  """Compiles a function at its first call, for later processes as well.

  The machine code is kept beside the source or, from an install that cannot be
  written to, in the user's cache folder (NUMBA_CACHE_DIR names another one).
  Where there is neither, every process compiles anew, in seconds. Without numba
  the function raises an ImportError when it is called.
  """
  try:
    numba = load_extra("numba", "train")
  except ImportError as error:
    return _unavailable(function, error)
  try:
    return numba.njit(function, cache=True, error_model="numpy", nogil=True)
  except RuntimeError:  # numba found no folder that it may write to
    return numba.njit(function, error_model="numpy", nogil=True)


def _unavailable(function: Callable, error: ImportError) -> Callable:
  """A function in place of another one, which says what is missing."""

  @functools.wraps(function)
  def fail(*_, **__):
    raise error

  return fail
