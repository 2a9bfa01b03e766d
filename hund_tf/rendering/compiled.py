"""Numba's compiler with a cache on disk where there is room for one."""

from collections.abc import Callable

import numba


def compiled(function: Callable) -> Callable:
  """Compiles a function at its first call, for later processes as well.

  The machine code is kept beside the source or, from an install that cannot be
  written to, in the user's cache folder (NUMBA_CACHE_DIR names another one).
  Where there is neither, every process compiles anew, in seconds.
  """
  try:
    return numba.njit(function, cache=True, error_model="numpy", nogil=True)
  except RuntimeError:  # numba found no folder that it may write to
    return numba.njit(function, error_model="numpy", nogil=True)
