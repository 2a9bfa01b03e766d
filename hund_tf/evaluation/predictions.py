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
import zipfile
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from hund_tf.data.datasets.joint_sets import H36M_17, LSP_14, SMPL_24
from hund_tf.data.output_folder import atomic_path
from hund_tf.evaluation import compared_joints

_LARGEST = 20.0  # metres from the middle of a person; else not metres
_PELVIS = {"joints_17": H36M_17, "joints_24": SMPL_24}
_TO_LSP = {
  "joints_14": lambda joints: joints,
  "joints_17": compared_joints.lsp_from_h36m,
  "joints_24": compared_joints.lsp_from_smpl,
}
_NUMBERS = {
  "joints_14": len(LSP_14),
  "joints_17": len(H36M_17),
  "joints_24": len(SMPL_24),
}


class PredictionError(ValueError):
  """A file of predictions that cannot be used; one line that names it."""


class Predictions(NamedTuple):
  """What a system predicts for N people; float64, metres, camera frame."""

  keys: tuple[str, ...]  # N, of the records; no two are the same
  joints: np.ndarray  # [N, 14, 3] LSP's; NaN where the person was not found
  pelvis: np.ndarray  # [N, 3]; NaN where it is not known
  joints_17: np.ndarray  # [N, 17, 3] Human3.6M's, NaN likewise; [0, 17, 3]
  # where they are not known
  source: str  # array that the 14 joints are of

  @property
  def found(self) -> np.ndarray:
    """Which people were found, `[N]` bool."""
    return np.isfinite(self.joints).all((-1, -2))


def of_h36m_joints(keys: Sequence[str], joints: np.ndarray) -> Predictions:
  """Predictions of Human3.6M's joints `[N, 17, 3]`, NaN for nobody."""
  joints = np.asarray(joints, np.float64).reshape(-1, len(H36M_17), 3)
  return Predictions(
    tuple(keys),
    compared_joints.lsp_from_h36m(joints),
    joints[:, H36M_17.index("pelvis")],
    joints,
    "joints_17",
  )


def save(predictions: Predictions, path: str | os.PathLike) -> None:
  """Writes predictions atomically, in float64; `load` reads the same.

  Raises:
    OutputError: if the file cannot be written.
  """
  arrays = {"joints_14": predictions.joints, "pelvis": predictions.pelvis}
  if len(predictions.joints_17):
    arrays["joints_17"] = predictions.joints_17
  keys = np.array(predictions.keys, np.str_)
  with atomic_path(path) as temporary, temporary.open("wb") as file:
    np.savez_compressed(file, keys=keys, **arrays)


def load(
  path: str | os.PathLike,
  regressor: np.ndarray | None = None,
  prefer: str = "",
) -> Predictions:
  """Reads a file of predictions.

  Args:
    path: .npz, see above.
    regressor: `[17, V]` for `vertices`, which are then used.
    prefer: array whose joints are taken if the file has it; else the first of
      joints_14, joints_17, joints_24.

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
      joints = compared_joints.regress_joints(vertices, regressor)
    except ValueError as error:
      raise PredictionError(f"predictions {path}: {error}") from error
    return of_h36m_joints(keys, joints)._replace(source="vertices")
  names = [name for name in _TO_LSP if name in content]
  if not names:
    hint = "; give the regressor" if "vertices" in content else ""
    raise PredictionError(
      f"predictions {path}: have {', '.join(content)}, expected one of "
      f"{', '.join(_TO_LSP)}{hint}"
    )
  source = prefer if prefer in names else names[0]
  arrays = {name: _checked(content, name, path, len(keys)) for name in names}
  pelvis = np.full([len(keys), 3], np.nan)
  if "pelvis" in content:
    pelvis = _checked(content, "pelvis", path, len(keys), (3,))
  else:
    known = (
      [source] if source in _PELVIS else [n for n in names if n in _PELVIS]
    )
    for name in known[:1]:
      pelvis = arrays[name][:, _PELVIS[name].index("pelvis")]
  return Predictions(
    keys,
    _TO_LSP[source](arrays[source]),
    pelvis,
    arrays.get("joints_17", np.zeros([0, len(H36M_17), 3])),
    source,
  )


def _read(path: str | os.PathLike) -> dict[str, np.ndarray]:
  remedy = "expected an .npz with keys and joints (docs/evaluation.md)"
  try:
    with np.load(path, allow_pickle=False) as file:
      return {name: file[name] for name in file.files}
  except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
    raise PredictionError(
      f"predictions {path}: cannot be read ({error}); {remedy}"
    ) from error
  except (AttributeError, TypeError) as error:  # a single array, .npy
    raise PredictionError(
      f"predictions {path}: are no .npz; {remedy}"
    ) from error


def _keys(
  content: dict[str, np.ndarray], path: str | os.PathLike
) -> tuple[str, ...]:
  keys = content.get("keys")
  if keys is None or keys.ndim != 1 or keys.dtype.kind not in "US":
    found = "are missing" if keys is None else f"are {keys.dtype} {keys.shape}"
    raise PredictionError(
      f"predictions {path}: keys {found}, expected [N] texts"
    )
  if keys.dtype.kind == "S":
    keys = np.char.decode(keys, "utf-8")
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
  tail: tuple[int, ...] | None = None,
) -> np.ndarray:
  """An array of the file, of the right shape and in metres.

  Vertices stay as they are, since they may be many; others become float64.
  """
  array = content[name]
  middle = _NUMBERS.get(name, array.shape[1] if array.ndim > 1 else -1)
  expected = (count, *((middle, 3) if tail is None else tail))
  if array.dtype.kind not in "fiu" or array.shape != expected:
    raise PredictionError(
      f"predictions {path}: {name} is {array.dtype} {array.shape}, expected "
      f"numbers {expected}"
    )
  if array.ndim == 3 and count:
    extent = np.ptp(array[np.isfinite(array).all((-1, -2))], axis=1)
    if extent.size and np.median(extent.max(-1)) > _LARGEST:
      raise PredictionError(
        f"predictions {path}: {name} spans {np.median(extent.max(-1)):.0f} in "
        "most people, expected metres (not millimetres)"
      )
  return array if name == "vertices" else array.astype(np.float64)
