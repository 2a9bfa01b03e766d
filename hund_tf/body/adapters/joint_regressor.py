"""Regressors: joints as weighted means of the vertices of a licensed body.

Human3.6M's 17 joints of GHUM's and of SMPL's vertices, on which the field's
tables are, come from such files (`J_regressor_h36m`).
"""

import os

import numpy as np

from hund_tf import npz_arrays

_REGRESSED = 17  # Human3.6M's joints


def load(path: str | os.PathLike) -> np.ndarray:
  """A regressor of Human3.6M's 17 joints from vertices, `[17, V]` float64.

  Args:
    path: .npy, [17, V], with joints in the order of `joint_sets.H36M_17`, as
      the files `J_regressor_h36m` for SMPL and for GHUM are.

  Raises:
    ValueError: if it cannot be read or is not one.
  """
  try:
    regressor = npz_arrays.read_single(path)
  except (OSError, ValueError) as error:
    raise ValueError(
      f"regressor {path}: cannot be read ({error}); expected .npy [17, V]"
    ) from error
  if regressor.ndim != 2 or regressor.shape[0] != _REGRESSED:
    raise ValueError(
      f"regressor {path}: holds {regressor.shape}, expected .npy [17, V]"
    )
  regressor = regressor.astype(np.float64)
  if not np.allclose(regressor.sum(1), 1.0, atol=0.02):
    raise ValueError(
      f"regressor {path}: rows sum to {regressor.sum(1).round(3).tolist()}, "
      "expected 1: joints are weighted means of vertices"
    )
  return regressor


def regress(vertices: np.ndarray, regressor: np.ndarray) -> np.ndarray:
  """Joints `[N, 17, 3]` float64 of vertices `[N, V, 3]`.

  Raises:
    ValueError: if the regressor is of another mesh.
  """
  if vertices.ndim != 3 or vertices.shape[1:] != (regressor.shape[1], 3):
    raise ValueError(
      f"vertices: shape is {vertices.shape}, expected "
      f"[N, {regressor.shape[1]}, 3] as the regressor has them"
    )
  # Regressors are sparse: only the columns that are used are converted.
  used = np.flatnonzero(regressor.any(0))
  chosen = vertices[:, used].astype(np.float64)
  return np.einsum("jv,nvc->njc", regressor[:, used], chosen, optimize=True)
