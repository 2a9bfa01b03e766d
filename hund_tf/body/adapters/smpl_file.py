"""Files of SMPL, SMPL+H and SMPL-X, `.npz` or `.pkl`."""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from hund_tf import npz_arrays
from hund_tf.body.adapters import restricted_pickle, smpl_tables

_BETAS_OF_SMPLX = 300  # of the 400 columns of a full SMPL-X file
_REQUIRED = (
  "v_template",
  "shapedirs",
  "posedirs",
  "J_regressor",
  "kintree_table",
  "weights",
  "f",
)
_FACE = (
  "lmk_faces_idx",
  "lmk_bary_coords",
  "dynamic_lmk_faces_idx",
  "dynamic_lmk_bary_coords",
)
_HANDS = (
  "hands_meanl",
  "hands_meanr",
  "hands_componentsl",
  "hands_componentsr",
)


class SmplError(ValueError):
  """A file that is no SMPL, SMPL+H or SMPL-X model."""


class HandSpace(NamedTuple):
  """Principal components of a hand's 15 rotation vectors."""

  mean: np.ndarray  # [45] radians
  components: np.ndarray  # [C, 45] radians


class SmplFile(NamedTuple):
  """Arrays of a model with V vertices, J joints, S betas, E expressions.

  Metres, in SMPL's frame: x to the subject's left, y up, z forward.
  """

  template: np.ndarray  # [V, 3] float32, T-pose
  shape_basis: np.ndarray  # [S, V, 3] float32
  expression_basis: np.ndarray  # [E, V, 3] float32; E = 0 without a face
  pose_basis: np.ndarray  # [(J - 1) * 9, V, 3] float32
  joint_regressor: np.ndarray  # [J, V] float32
  parents: tuple[int, ...]  # [J], -1 for the root
  skin_weights: np.ndarray  # [V, J] float32
  faces: np.ndarray  # [F, 3] int32
  left_hand: HandSpace | None
  right_hand: HandSpace | None
  landmarks: tuple[np.ndarray, np.ndarray] | None  # [68, 3] vertex ids and
  # barycentric weights of iBUG's face points; the contour is the frontal one


def load(path: str | Path) -> SmplFile:
  """Reads a model as its authors distribute it.

  Of a pickle only arrays are read; it cannot run anything.

  Raises:
    SmplError: if the file is missing, damaged or no such model; one line with
      the file, what is wrong and what would be right.
  """
  try:
    arrays = _arrays(Path(path))
    return _parse(arrays)
  except (ValueError, OSError, KeyError, EOFError) as error:
    raise SmplError(
      f"body file {path}: {' '.join(str(error).split())}; expected the .npz or "
      ".pkl of SMPL, SMPL+H or SMPL-X as their authors distribute it"
    ) from error


def _arrays(path: Path) -> dict[str, np.ndarray]:
  wanted = _REQUIRED + _FACE + _HANDS
  if path.suffix == ".pkl":
    data = restricted_pickle.load(path)
    found = {
      n: restricted_pickle.to_array(data[n]) for n in wanted if n in data
    }
  else:
    try:
      found = npz_arrays.read(path, npz_arrays.NUMBERS, names=wanted)
    except (OSError, ValueError) as error:
      raise ValueError(f"cannot be read ({error})") from error
  missing = [name for name in _REQUIRED if name not in found]
  if missing:
    raise ValueError(f"lacks {', '.join(missing)}")
  for name, array in found.items():
    if array.dtype.kind not in "fiu":
      raise ValueError(f"{name} is of type {array.dtype}, not numbers")
    with np.errstate(over="ignore"):
      finite = np.isfinite(array.astype(np.float32)).all()
    if not finite:
      raise ValueError(f"{name} has values that are not finite")
  return found


def _parse(arrays: dict[str, np.ndarray]) -> SmplFile:
  joints = arrays["kintree_table"].shape[-1]
  if joints not in smpl_tables.JOINTS:
    raise ValueError(
      f"kintree_table has {joints} joints, not one of "
      f"{', '.join(map(str, smpl_tables.JOINTS))}"
    )
  vertices = len(arrays["v_template"])
  _check(arrays, "v_template", (vertices, 3))
  _check(arrays, "shapedirs", (vertices, 3, None))
  _check(arrays, "posedirs", (vertices, 3, (joints - 1) * 9))
  _check(arrays, "J_regressor", (joints, vertices))
  _check(arrays, "kintree_table", (2, joints))
  _check(arrays, "weights", (vertices, joints))
  _check(arrays, "f", (None, 3))
  faces = arrays["f"].astype(np.int64)
  if faces.size and not (0 <= faces.min() and faces.max() < vertices):
    raise ValueError(f"f names vertices outside of 0..{vertices - 1}")
  parents = arrays["kintree_table"][0].astype(np.int64)
  parents[0] = -1  # stored as the largest unsigned number
  if not all(0 <= parent < j for j, parent in enumerate(parents) if j):
    raise ValueError("kintree_table has a parent that comes after its child")
  basis = np.moveaxis(arrays["shapedirs"].astype(np.float32), 2, 0)
  shape, expression = _split(basis, joints)
  moved = np.moveaxis(arrays["posedirs"].astype(np.float32), 2, 0)
  return SmplFile(
    template=arrays["v_template"].astype(np.float32),
    shape_basis=shape,
    expression_basis=expression,
    pose_basis=np.ascontiguousarray(moved),
    joint_regressor=arrays["J_regressor"].astype(np.float32),
    parents=tuple(parents.tolist()),
    skin_weights=arrays["weights"].astype(np.float32),
    faces=faces.astype(np.int32),
    left_hand=_hand(arrays, "l"),
    right_hand=_hand(arrays, "r"),
    landmarks=_landmarks(arrays, faces),
  )


def _check(arrays, name: str, shape: tuple[int | None, ...]) -> None:
  found = arrays[name].shape
  fits = len(found) == len(shape) and all(
    size in (None, length) for size, length in zip(shape, found, strict=True)
  )
  if not fits:
    wanted = ", ".join("any" if size is None else str(size) for size in shape)
    raise ValueError(f"{name} has shape {found}, not ({wanted})")


def _split(basis: np.ndarray, joints: int) -> tuple[np.ndarray, np.ndarray]:
  """Shape and expression components; SMPL-X keeps both in `shapedirs`."""
  if smpl_tables.KINDS[joints] != "SMPL-X":
    return basis, basis[:0]
  full = len(basis) > _BETAS_OF_SMPLX
  betas = _BETAS_OF_SMPLX if full else 10  # reduced files have 10 and 10
  return basis[:betas], basis[betas:]


def _hand(arrays, side: str) -> HandSpace | None:
  names = (f"hands_mean{side}", f"hands_components{side}")
  if not all(name in arrays for name in names):
    return None
  _check(arrays, names[0], (45,))
  _check(arrays, names[1], (None, 45))
  return HandSpace(*(arrays[name].astype(np.float32) for name in names))


def _landmarks(arrays, faces) -> tuple[np.ndarray, np.ndarray] | None:
  """The 68 face points; the contour is that of a head seen from the front."""
  if not all(name in arrays for name in _FACE):
    return None
  _check(arrays, "lmk_faces_idx", (51,))
  _check(arrays, "lmk_bary_coords", (51, 3))
  _check(arrays, "dynamic_lmk_faces_idx", (None, 17))
  rows = len(arrays["dynamic_lmk_faces_idx"])
  _check(arrays, "dynamic_lmk_bary_coords", (rows, 17, 3))
  index = np.concatenate(
    [arrays["dynamic_lmk_faces_idx"][0], arrays["lmk_faces_idx"]]
  ).astype(np.int64)
  if not (0 <= index.min() and index.max() < len(faces)):
    raise ValueError(
      f"face landmarks name faces outside of 0..{len(faces) - 1}"
    )
  weights = np.concatenate(
    [arrays["dynamic_lmk_bary_coords"][0], arrays["lmk_bary_coords"]]
  )
  return faces[index].astype(np.int32), weights.astype(np.float32)
