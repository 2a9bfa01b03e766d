"""Sets of points that measurements in 3D name: vertices, joints, markers."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from hund_tf import files
from hund_tf.body import asset as asset_lib
from hund_tf.body import joint_regressors, parts, skeleton
from hund_tf.body.points import PointSet
from hund_tf.json_text import is_number, shown, shown_key
from hund_tf.types import NUM_JOINTS

_FARTHEST_MM = 1000.0  # of a marker from the skin

_TORSO = (
  *("pelvis", "l_hip", "r_hip", "spine1", "spine2", "spine3", "spine4"),
  *("neck1", "l_clavicle", "r_clavicle", "l_shoulder", "r_shoulder"),
)


class JointTerms(NamedTuple):
  """What the joints of a dataset are of ours, and how well they agree."""

  regressor: str  # of `joint_regressors.NAMES`
  reliability: dict[str, float]  # weight in fits of the joints that have not 1


# Datasets define the joints of the spine, the collar bones and the head in ways
# of their own.
_SMPL_24 = {"pelvis": 0.5, "neck": 0.5, "head": 0.3}
_SMPL_24 |= dict.fromkeys(("spine1", "spine2", "spine3"), 0.1)
for _s in "lr":
  _SMPL_24 |= {f"{_s}_foot": 0.5, f"{_s}_collar": 0.1, f"{_s}_hand": 0.3}
_H36M_17 = {"spine": 0.2, "neck": 0.5, "jaw": 0.2, "head_top": 0.3}
JOINT_TERMS: dict[str, JointTerms] = {
  "hund_63": JointTerms("own", {}),
  "smpl_24": JointTerms("smpl", _SMPL_24),
  "h36m_17": JointTerms("h36m", _H36M_17),
}


class MarkerSetError(ValueError):
  """A marker file that cannot be used."""


def vertices_and_joints(
  asset: asset_lib.BodyAsset, vertex_ids: np.ndarray
) -> PointSet:
  """The vertices `[M]` of the full mesh, then the 63 joints."""
  anchors = np.concatenate(
    [
      asset.parts[vertex_ids] == parts.INDEX["torso"],
      [name in _TORSO for name in skeleton.NAMES],
    ]
  )
  return PointSet(
    vertex_ids=np.asarray(vertex_ids, np.int32),
    offsets=np.zeros([len(vertex_ids), 3], np.float32),
    mix=None,
    anchors=anchors.astype(np.float32),
  )


def joints(
  asset: asset_lib.BodyAsset, names: Sequence[str], terms: JointTerms
) -> tuple[PointSet, np.ndarray]:
  """The joints of a dataset on our body.

  Args:
    asset: of the body.
    names: of the dataset's joints.
    terms: what they are of ours.

  Returns:
    The points and their reliabilities `[P]`.

  Raises:
    ValueError: if a joint is none of ours.
  """
  weights = joint_regressors.matrix(terms.regressor, names)
  torso = np.array([name in _TORSO for name in skeleton.NAMES] + [False])
  points = PointSet(
    vertex_ids=np.array([asset.template[:, 1].argmax()], np.int32),
    offsets=np.zeros([1, 3], np.float32),
    mix=np.roll(weights, 1, axis=1),  # the top of the head comes first
    anchors=(~weights[:, ~torso].any(axis=1)).astype(np.float32),
  )
  reliability = [terms.reliability.get(name, 1.0) for name in names]
  return points, np.array(reliability, np.float32)


def markers(
  asset: asset_lib.BodyAsset, placed: Mapping[str, tuple[int, float]]
) -> PointSet:
  """Markers on the skin, in the order of their names.

  Args:
    asset: of the body.
    placed: name -> vertex of the full mesh and metres above the skin.
  """
  ids = np.asarray([vertex for vertex, _ in placed.values()], np.int32)
  heights = np.asarray([height for _, height in placed.values()])
  normals = _vertex_normals(asset.template, asset.faces)[ids]
  return PointSet(
    vertex_ids=ids,
    offsets=(normals * heights[:, None]).astype(np.float32),
    mix=np.eye(len(ids), len(ids) + NUM_JOINTS, dtype=np.float32),
    anchors=(asset.parts[ids] == parts.INDEX["torso"]).astype(np.float32),
  )


def read_markers(
  path: str | Path, num_vertices: int
) -> dict[str, tuple[int, float]]:
  """Reads where markers are: `{"C7": {"vertex": 123, "offset_mm": 9.5}, ...}`.

  Raises:
    MarkerSetError: if the file is not like that.
  """
  try:
    content = files.read_json(path)
    placed = {name: _placed(name, row) for name, row in content.items()}
  except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
    raise MarkerSetError(
      f"marker file {path}: {files.problem(error)}; expected JSON like "
      '{"C7": {"vertex": 123, "offset_mm": 9.5}}'
    ) from error
  for name, (vertex, _) in placed.items():
    if not 0 <= vertex < num_vertices:
      raise MarkerSetError(
        f"marker file {path}: {shown_key(name)} is at vertex {shown(vertex)}, "
        f"expected 0 to {num_vertices - 1}"
      )
  if not placed:
    raise MarkerSetError(f"marker file {path}: no markers")
  return placed


def _placed(name: str, row: dict) -> tuple[int, float]:
  """A marker's vertex, and how far it lies above the skin, metres."""
  vertex, offset = row["vertex"], row.get("offset_mm", 0.0)
  if type(vertex) is not int:
    raise ValueError(f"{shown_key(name)} is at vertex {shown(vertex)}")
  if not is_number(offset) or abs(offset) > _FARTHEST_MM:
    raise ValueError(
      f"{shown_key(name)} has offset_mm {shown(offset)}, expected at most "
      f"{_FARTHEST_MM:g}"
    )
  return vertex, offset / 1000


def _vertex_normals(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
  """Unit normals `[V, 3]`, outward."""
  corners = vertices[faces]
  across = np.cross(
    corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
  )
  total = np.zeros_like(vertices)
  for k in range(3):
    np.add.at(total, faces[:, k], across)
  return total / np.maximum(np.linalg.norm(total, axis=1, keepdims=True), 1e-12)
