"""Predictions of joints in a file, so that any system is scored the same way.

An .npz with `keys` [N], the keys of the person records in any order, and at
least one of

  joints_14  [N, 14, 3]  LSP's joints, in the order of `joint_sets.LSP_14`
  joints_17  [N, 17, 3]  Human3.6M's, in the order of `joint_sets.H36M_17`
  joints_24  [N, 24, 3]  SMPL's, in the order of `joint_sets.SMPL_24`
  vertices   [N, V, 3]   of a mesh, with a regressor [17, V] of Human3.6M's

in metres, in the camera frame (x right, y down, z forward). `pelvis` [N, 3]
goes with `joints_14`, which have none. A row with numbers that are not finite
is a person that was not found.
"""

import os
from typing import NamedTuple

import numpy as np

from hund_tf import npz_arrays
from hund_tf.body.adapters import joint_regressor
from hund_tf.body.joint_sets import H36M_17, LSP_14, SMPL_24
from hund_tf.evaluation import compared_joints
from hund_tf.files import write_npz

_LARGEST = 20.0  # metres that a person spans; else they are not metres
_TO_LSP = {
  "joints_14": lambda joints: joints,
  "joints_17": compared_joints.lsp_from_h36m,
  "joints_24": compared_joints.lsp_from_smpl,
}
_NAMES = {"joints_14": LSP_14, "joints_17": H36M_17, "joints_24": SMPL_24}
_SHAPES = {name: (len(joints), 3) for name, joints in _NAMES.items()}
_SHAPES["pelvis"] = (3,)


class PredictionError(ValueError):
  """A file of predictions that cannot be used; one line that names it."""


class Predictions(NamedTuple):
  """What a system predicts for N people, NaN for those it did not find."""

  keys: tuple[str, ...]  # N, of the records; no two are the same
  arrays: dict[str, np.ndarray]  # joints_14, joints_17, joints_24, pelvis, as
  # many as are known; float64, metres, camera frame


class Compared(NamedTuple):
  """The joints of predictions that are compared with a truth."""

  joints: np.ndarray  # [N, 14, 3] LSP's
  pelvis: np.ndarray  # [N, 3]; NaN where it is not known
  source: str  # array that the joints are of


def compared(predictions: Predictions, joint_set: str) -> Compared:
  """The 14 joints that are nearest in meaning to those of a truth.

  Args:
    predictions: with at least one set of joints.
    joint_set: of the truth, "h36m_17" or "smpl_24".
  """
  order = ["joints_14", "joints_17", "joints_24"]
  if joint_set == "smpl_24":
    order = ["joints_24", "joints_14", "joints_17"]
  arrays = predictions.arrays
  source = next(name for name in order if name in arrays)
  pelvis = arrays.get("pelvis")
  if source != "joints_14" or pelvis is None:
    pelvis = np.full([len(predictions.keys), 3], np.nan)
    for name in (source, *order):
      if name in arrays and "pelvis" in _NAMES[name]:
        pelvis = arrays[name][:, _NAMES[name].index("pelvis")]
        break
  return Compared(_TO_LSP[source](arrays[source]), pelvis, source)


def save(predictions: Predictions, path: str | os.PathLike) -> None:
  """Writes predictions atomically; `load` reads the same.

  Raises:
    OutputError: if the file cannot be written.
  """
  keys = np.array(predictions.keys, np.str_)
  write_npz(path, {"keys": keys, **predictions.arrays})


def load(
  path: str | os.PathLike, regressor: np.ndarray | None = None
) -> Predictions:
  """Reads a file of predictions.

  Args:
    path: .npz, see above.
    regressor: `[17, V]` for `vertices`; other joints of the file are then not
      used.

  Raises:
    PredictionError: if the file cannot be read or used.
  """
  content = _read(path)
  keys = _keys(content, path)
  if regressor is not None:
    if "vertices" not in content:
      raise PredictionError(
        f"predictions {path}: have no vertices, which a regressor needs; they "
        f"have {', '.join(content)}"
      )
    vertices = _checked(content, "vertices", path, len(keys))
    try:
      joints = joint_regressor.regress(vertices, regressor)
    except ValueError as error:
      raise PredictionError(f"predictions {path}: {error}") from error
    return Predictions(keys, {"joints_17": joints})
  if not set(_TO_LSP) & set(content):
    hint = "; give the regressor" if "vertices" in content else ""
    raise PredictionError(
      f"predictions {path}: have {', '.join(content)}, expected one of "
      f"{', '.join(_TO_LSP)}{hint}"
    )
  return Predictions(
    keys,
    {
      name: _checked(content, name, path, len(keys)).astype(np.float64)
      for name in _SHAPES
      if name in content
    },
  )


def _read(path: str | os.PathLike) -> dict[str, np.ndarray]:
  remedy = "expected an .npz with keys and joints (docs/guide/evaluation.md)"
  try:
    return npz_arrays.read(
      path,
      npz_arrays.NUMBERS,
      names=["keys", "vertices", *_SHAPES],
      lists=["keys"],
      only_finite=False,
    )
  except (OSError, ValueError) as error:
    raise PredictionError(
      f"predictions {path}: cannot be read ({error}); {remedy}"
    ) from error


def _keys(
  content: dict[str, np.ndarray], path: str | os.PathLike
) -> tuple[str, ...]:
  keys = content.get("keys")
  if keys is None:
    raise PredictionError(
      f"predictions {path}: keys are missing, expected [N] texts"
    )
  unique, counts = np.unique(keys, return_counts=True)
  if len(unique) != len(keys):
    double = unique[counts > 1]
    raise PredictionError(
      f"predictions {path}: {len(double)} keys occur twice, the first is "
      f"{double[0]!r}; expected one prediction for each"
    )
  return tuple(keys.tolist())


def _checked(
  content: dict[str, np.ndarray],
  name: str,
  path: str | os.PathLike,
  count: int,
) -> np.ndarray:
  """An array of the file, of the right shape and in metres."""
  array = content[name]
  vertices = array.shape[1] if array.ndim == 3 else -1
  expected = (count, *_SHAPES.get(name, (vertices, 3)))
  if array.dtype.kind not in "fiu" or array.shape != expected:
    raise PredictionError(
      f"predictions {path}: {name} is {array.dtype} {array.shape}, expected "
      f"numbers {expected}"
    )
  if array.ndim == 3 and count:
    finite = array[np.isfinite(array).all((-1, -2))]
    extent = np.median(np.ptp(finite, axis=1).max(-1)) if len(finite) else 0.0
    if extent > _LARGEST:
      raise PredictionError(
        f"predictions {path}: {name} spans {extent:.0f} in most people, "
        "expected metres (not millimetres)"
      )
  return array
