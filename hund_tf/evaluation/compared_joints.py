"""The 14 joints that the field compares, from every joint set and body.

Three numbers that are close but not the same: Human3.6M's joints (of the data
set itself, or regressed from the vertices of GHUM or SMPL), which the paper's
tables are on; this body's own joints, on which it is trained and which
synthetic people are compared by; SMPL's 24 joints, whose hips, neck and head
lie elsewhere. `body.joint_regressors` gives those of a dataset from this body.
"""

from typing import Literal

import numpy as np

from hund_tf.body import joint_sets, skeleton
from hund_tf.body.model import BodyModel

Root = Literal["pelvis", "mid_hip"]
ROOTS: tuple[Root, ...] = ("pelvis", "mid_hip")

PELVIS = skeleton.INDEX["pelvis"]
# Where only joints are at hand the head's stands for its top.
_LSP_NAMES = {"neck": "neck1", "head_top": "head"}
_LSP_ROWS = [
  skeleton.INDEX[_LSP_NAMES.get(name, name)] for name in joint_sets.LSP_14
]
_SMPL_NAMES = {"head_top": "head"}
_SMPL_ROWS = [
  joint_sets.SMPL_24.index(_SMPL_NAMES.get(name, name))
  for name in joint_sets.LSP_14
]
_HIPS = [joint_sets.LSP_14.index(name) for name in ("r_hip", "l_hip")]


def lsp_joints(joints: np.ndarray) -> np.ndarray:
  """LSP's 14 of this body's joints `[..., 63, 3]`, the head for its top."""
  return np.asarray(joints)[..., _LSP_ROWS, :]


def lsp_from_h36m(joints: np.ndarray) -> np.ndarray:
  """LSP's 14 of Human3.6M's 17 `[..., 17, K]`, positions or weights."""
  return np.asarray(joints)[..., list(joint_sets.H36M_17_TO_LSP_14), :]


def lsp_from_smpl(joints: np.ndarray) -> np.ndarray:
  """LSP's 14 of SMPL's 24 `[..., 24, K]`, the head for its top."""
  return np.asarray(joints)[..., _SMPL_ROWS, :]


def head_top_vertex(body_model: BodyModel, mesh: str = "full") -> int:
  """Vertex of a mesh at the top of the head: the highest one at rest.

  Raises:
    ValueError: if there is no such mesh.
  """
  template = body_model.asset.template[body_model.mesh_ids(mesh)]
  return int(template[:, 1].argmax())


def root_of(root: Root, joints: np.ndarray, pelvis: np.ndarray) -> np.ndarray:
  """Where the root is, `[..., 3]`.

  Args:
    root: "pelvis", Human3.6M's joint 0, or "mid_hip", between the hips.
    joints: `[..., 14, 3]` LSP's.
    pelvis: `[..., 3]`.

  Raises:
    ValueError: if there is no such root.
  """
  if root == "pelvis":
    return np.asarray(pelvis)
  if root == "mid_hip":
    return np.asarray(joints)[..., _HIPS, :].mean(-2)
  raise ValueError(f"root: got {root!r}, expected one of {', '.join(ROOTS)}")
