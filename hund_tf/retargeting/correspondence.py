"""Which point of another mesh each vertex of our body is at.

Meshes of licensed models may not be passed on, and neither may tables made by
hand for them be needed: the table is computed from the user's own file. Our
body is fitted to the other's resting mesh, by its joints and then by closest
points, and each of our vertices takes the closest point of the other surface
whose normal agrees.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import trimesh
from scipy.spatial import cKDTree

from hund_tf import files, npz_arrays
from hund_tf.body.adapters import smpl_tables
from hund_tf.body.adapters.smpl import SmplBody
from hund_tf.body.model import BodyModel
from hund_tf.compat import tf
from hund_tf.geometry import rotation
from hund_tf.retargeting import point_sets
from hund_tf.retargeting.fit import (
  Retargeting,
  RetargetingConfig,
  RetargetingTarget,
)
from hund_tf.types import STATE_DIMS, HumanState

_NEAREST = 8  # vertices whose faces are tried
_AGREEMENT = 0.5  # least cosine between normals
_ROUNDS = 4  # of closest points and fit
_JOINT_WEIGHT = 3.0  # of a joint, relative to a vertex, in these fits
_FORMAT = "hund_tf correspondence 1"


class CorrespondenceError(ValueError):
  """A correspondence file that cannot be used."""


class Correspondence(NamedTuple):
  """Points of another mesh at N vertices of our body."""

  mesh: str  # of our body; its vertices in their order
  source_vertices: int  # number of vertices of the other mesh
  corners: np.ndarray  # [N, 3] int32 vertices of the other mesh
  barycentric: np.ndarray  # [N, 3] float32
  weights: np.ndarray  # [N] float32 in [0, 1]; 0 where there is no counterpart
  distance_mm: np.ndarray  # [N] float32 left when the table was made

  def points(self, vertices: np.ndarray) -> np.ndarray:
    """Where our vertices should be `[B, N, 3]`.

    Args:
      vertices: `[B, V, 3]` of the other mesh.

    Raises:
      CorrespondenceError: if it has another number of vertices.
    """
    if vertices.shape[1] != self.source_vertices:
      raise CorrespondenceError(
        f"correspondence: the mesh has {vertices.shape[1]} vertices, expected "
        f"{self.source_vertices}; make a correspondence for this model"
      )
    corners = vertices[:, self.corners]
    return np.einsum("bnkc,nk->bnc", corners, self.barycentric)


def save(path: str | Path, table: Correspondence) -> None:
  """Writes the table as a compressed `.npz`, atomically."""
  files.write_npz(path, {"format": _FORMAT, **table._asdict()})


def load(path: str | Path) -> Correspondence:
  """Reads a table.

  Raises:
    CorrespondenceError: if the file is missing or no such table.
  """
  try:
    found = npz_arrays.read(path, npz_arrays.NUMBERS, ("format", "mesh"))
    if str(found["format"]) != _FORMAT:
      raise ValueError(f"format {str(found['format'])[:40]!r}")
    arrays = {name: found[name] for name in Correspondence._fields}
    _check(arrays)
  except (OSError, ValueError, KeyError) as error:
    raise CorrespondenceError(
      f"correspondence {path}: cannot be read ({error}); expected the .npz "
      "that tools/make_correspondence.py writes"
    ) from error
  return Correspondence(
    **arrays
    | {
      "mesh": str(arrays["mesh"]),
      "source_vertices": int(arrays["source_vertices"]),
    }
  )


def _check(arrays: dict[str, np.ndarray]) -> None:
  """Raises ValueError unless the arrays of a file go together."""
  count, known = len(arrays["weights"]), arrays["source_vertices"]
  sizes = {"corners": (3,), "barycentric": (3,), "weights": ()}
  for name, size in (sizes | {"distance_mm": ()}).items():
    if arrays[name].shape != (count, *size):
      raise ValueError(f"{name} has shape {list(arrays[name].shape)}")
  corners = arrays["corners"]
  if corners.dtype.kind not in "iu" or known.dtype.kind not in "iu":
    raise ValueError("corners and source_vertices are not whole numbers")
  if known.shape or ((corners < 0) | (corners >= known)).any():
    raise ValueError("corners are not among source_vertices")


def closest_points(
  mesh: trimesh.Trimesh, points: np.ndarray, normals: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
  """Closest points of a surface that face the same way.

  Args:
    mesh: the surface.
    points: `[N, 3]`.
    normals: `[N, 3]` unit.

  Returns:
    Faces `[N]` int, barycentric coordinates `[N, 3]` and distances `[N]`,
    infinite where no face near by faces the same way.
  """
  _, near = cKDTree(mesh.vertices).query(points, k=_NEAREST)
  around = mesh.vertex_faces[near].reshape(len(points), -1)  # -1: no more
  rows, columns = np.nonzero(around >= 0)
  faces = around[rows, columns]
  found = trimesh.triangles.closest_point(mesh.triangles[faces], points[rows])
  distances = np.linalg.norm(found - points[rows], axis=1)
  facing = np.einsum("nc,nc->n", mesh.face_normals[faces], normals[rows])
  distances[facing < _AGREEMENT] = np.inf
  table = np.full(around.shape, np.inf)
  table[rows, columns] = distances
  best = table.argmin(axis=1)
  chosen = np.zeros(around.shape, np.int64)
  chosen[rows, columns] = np.arange(len(rows))
  index = chosen[np.arange(len(points)), best]
  barycentric = trimesh.triangles.points_to_barycentric(
    mesh.triangles[faces[index]], found[index]
  )
  return faces[index], barycentric, table.min(axis=1)


def mesh_retargeting(
  body_model: BodyModel, mesh: str, config: RetargetingConfig | None = None
) -> Retargeting:
  """Fits to the vertices of a mesh of our body, then to its joints."""
  points = point_sets.vertices_and_joints(
    body_model.asset, body_model.mesh_ids(mesh)
  )
  return Retargeting(body_model, points, config)


def compute(
  retargeting: Retargeting,
  source: SmplBody,
  mesh: str,
  max_distance_mm: float = 30.0,
) -> Correspondence:
  """Makes the table for a SMPL(-X) model.

  Args:
    retargeting: of `mesh`, see `mesh_retargeting`.
    source: the other model; its resting T-pose of the mean shape is used.
    mesh: of our body, whose vertices get counterparts.
    max_distance_mm: vertices farther from the other surface get weight 0.
  """
  vertices, joints = _at_rest(source)
  surface = trimesh.Trimesh(vertices, source.faces(), process=False)
  body_model = retargeting.body_model
  ids = body_model.mesh_ids(mesh)
  targets = np.concatenate([np.zeros([len(ids), 3]), joints])[None]
  reliable = source.joint_exists * _JOINT_WEIGHT
  weights = np.concatenate([np.zeros(len(ids)), reliable])[None]
  state = retargeting(RetargetingTarget(targets, weights)).state
  for _ in range(_ROUNDS):
    ours = body_model.decode(_tensors(state), mesh).vertices.numpy()[0]
    skin = trimesh.Trimesh(ours, body_model.faces(mesh), process=False)
    faces, barycentric, distances = closest_points(
      surface, ours, skin.vertex_normals
    )
    known = distances * 1e3 <= max_distance_mm
    corners = source.faces()[faces]
    targets[0, : len(ids)] = np.einsum(
      "nkc,nk->nc", vertices[corners], barycentric
    )
    weights[0, : len(ids)] = known
    weights[0, len(ids) :] = 0.1 * reliable
    state = retargeting(RetargetingTarget(targets, weights), _tensors(state))
    state = state.state
  return Correspondence(
    mesh=mesh,
    source_vertices=len(vertices),
    corners=corners.astype(np.int32),
    barycentric=barycentric.astype(np.float32),
    weights=known.astype(np.float32),
    distance_mm=(np.minimum(distances, 1.0) * 1e3).astype(np.float32),
  )


def _tensors(state: HumanState) -> HumanState:
  return HumanState(*(tf.constant(field) for field in state))


def _at_rest(source: SmplBody) -> tuple[np.ndarray, np.ndarray]:
  """Vertices and our 63 joints of the mean shape in its T-pose."""
  count = len(source.joint_names)
  posed = source.pose(
    tf.eye(3, batch_shape=[1, count]),
    tf.zeros([1, STATE_DIMS.shape]),
    tf.zeros([1, STATE_DIMS.expression]),
    tf.zeros([1, 3]),
  )
  table, _ = smpl_tables.joint_table(source.joint_names)
  return posed.vertices.numpy()[0], table @ posed.joints.numpy()[0]


def state_from_parameters(
  body_model: BodyModel, source: SmplBody, pose: tf.Tensor, pelvis: tf.Tensor
) -> HumanState:
  """Our state with the orientations of a SMPL(-X) pose: where a fit starts.

  Args:
    body_model: ours.
    source: the other model.
    pose: `[B, J * 3]` rotation vectors, root first.
    pelvis: `[B, 3]` metres.
  """
  count = len(source.joint_names)
  local = rotation.from_rotation_vector(tf.reshape(pose, [-1, count, 3]))
  latents = body_model.encode_pose(source.rotations.to_ours(local))
  zeros = lambda size: tf.zeros([tf.shape(pose)[0], size])
  # Poses outside of the anatomical limits have far latents: start nearer.
  near = [tf.clip_by_value(latent, -3.0, 3.0) for latent in latents]
  return HumanState(
    *near,
    zeros(STATE_DIMS.shape),
    zeros(STATE_DIMS.expression),
    rotation.to_6d(local[:, 0]),
    pelvis,
  )
