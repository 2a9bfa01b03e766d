"""SMPL's parameters of our people: orientations carried over, shapes fitted.

Joint orientations of one body are the other's (`adapters.smpl_rotations`). With
them given, SMPL's points are linear in its betas and translation, so these are
the solution of one linear system: the least sum of squared distances over
sigma, plus the squared norm of the betas (Eq. 6). Points are SMPL's joints as
they lie in our body (`joint_regressors`) or, with a table of correspondence,
the vertices of our mesh.
"""

import os
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from hund_tf import files
from hund_tf.body import joint_regressors
from hund_tf.body.adapters import smpl_tables
from hund_tf.body.adapters.smpl import SmplBody, SmplParameters
from hund_tf.body.model import BodyModel
from hund_tf.compat import tf
from hund_tf.geometry import rotation
from hund_tf.retargeting import point_sets
from hund_tf.retargeting.correspondence import Correspondence
from hund_tf.types import BodyOutput

_BETAS = 10  # as most programs take
_SIGMA = 0.01  # metres: error of the points
_TERMS = point_sets.JOINT_TERMS["smpl_24"]


class SmplFit(NamedTuple):
  """Parameters of a person and what is left of the distances."""

  pose: np.ndarray  # [J, 3] rotation vectors, radians, root first, absolute
  betas: np.ndarray  # [<= 10]
  translation: np.ndarray  # [3] metres, camera frame, added to the vertices
  residual_mm: float  # root mean square distance of the points


def fit_smpl(
  smpl: SmplBody,
  body_model: BodyModel,
  body: BodyOutput,
  table: Correspondence | None = None,
) -> SmplFit:
  """Poses SMPL as a person of ours.

  Args:
    smpl: the other body.
    body_model: ours.
    body: the person's full mesh, joints and rotations, without batch axis.
    table: of the other body. It tells girths too; joints only lengths.

  Raises:
    ValueError: if the table is of another mesh.
  """
  rotations = tf.constant(body.rotations[None], tf.float32)
  local = smpl.rotations.from_ours(rotations)
  target, weights = _targets(smpl, body_model, body, table)
  count = min(_BETAS, len(smpl.file.shape_basis))
  codes = np.concatenate([np.zeros([1, count]), np.eye(count)])

  def points(betas: np.ndarray) -> np.ndarray:
    """The points `[N, P, 3]` of shapes `[N, count]`, the pelvis at zero."""
    found = smpl.pose(
      tf.repeat(local, len(betas), axis=0),
      tf.constant(betas, tf.float32),
      tf.zeros([len(betas), 0]),
      tf.zeros([len(betas), 3]),
    )
    if table is not None:
      return table.points(found.vertices.numpy())
    return found.joints.numpy()[:, _shared(smpl)]

  mean, *moved = points(codes)
  basis = np.stack([m - mean for m in moved], axis=-1)  # [P, 3, count]
  shift = np.tile(np.eye(3), (len(mean), 1, 1))
  rows = np.concatenate([basis, shift], axis=-1).astype(np.float64)
  scale = np.sqrt(weights)[:, None] / _SIGMA
  # As sure as 24 points: a mesh has many, which err together.
  scale *= np.sqrt(min(1.0, len(_shared(smpl)) / weights.sum()))
  system = np.concatenate(
    [
      (rows * scale[..., None]).reshape(-1, count + 3),
      np.eye(count, count + 3),
    ]
  )
  wanted = ((target - mean) * scale).ravel()
  wanted = np.concatenate([wanted, np.zeros(count)])
  solution = np.linalg.lstsq(system, wanted, rcond=None)[0]
  left = rows @ solution - (target - mean)
  square = np.sum(weights * np.sum(left**2, axis=-1)) / weights.sum()
  betas, pelvis = solution[:count], solution[count:]
  rest = smpl.rest_joints(
    tf.constant(betas[None], tf.float32), tf.zeros([1, 0])
  )
  vectors = rotation.to_rotation_vector(local)[0].numpy()
  return SmplFit(
    vectors, betas, pelvis - rest[0, 0].numpy(), 1e3 * float(np.sqrt(square))
  )


def _shared(smpl: SmplBody) -> list[int]:
  """Numbers of the joints that all kinds of the file have."""
  return [
    k for k, n in enumerate(smpl.joint_names) if n in smpl_tables.JOINTS[24]
  ]


def _targets(
  smpl: SmplBody,
  body_model: BodyModel,
  body: BodyOutput,
  table: Correspondence | None,
) -> tuple[np.ndarray, np.ndarray]:
  """Where the points should be `[P, 3]`, and their weights `[P]`."""
  vertices = np.asarray(body.vertices)
  if table is not None:
    if table.source_vertices != len(smpl.file.template):
      raise ValueError(
        f"correspondence: is of a mesh of {table.source_vertices} vertices, "
        f"but the {smpl.kind} file has {len(smpl.file.template)}"
      )
    return vertices[body_model.mesh_ids(table.mesh)], table.weights
  names = [smpl.joint_names[k] for k in _shared(smpl)]
  top = vertices[body_model.asset.template[:, 1].argmax()]
  target = joint_regressors.regress(
    _TERMS.regressor, names, np.asarray(body.joints), top
  )
  weights = [_TERMS.reliability.get(name, 1.0) for name in names]
  return target, np.array(weights)


def write_smpl(
  path: str | os.PathLike, smpl: SmplBody, fits: Sequence[SmplFit]
) -> None:
  """Writes parameters of N people as `.npz`, by the names of `smplx`.

  Args:
    path: of the file; replaced atomically.
    smpl: whose parameters they are.
    fits: of the people, at least one.

  Raises:
    ValueError: if there is nobody.
    OutputError: if the file cannot be written.
  """
  if not fits:
    raise ValueError(f"{path}: there is nobody to write; give at least one")
  pose = np.stack([fit.pose for fit in fits])
  flat = lambda joints: joints.reshape(len(fits), -1).astype(np.float32)
  arrays = {
    "model": np.array(smpl.kind),
    "global_orient": flat(pose[:, :1]),
    "betas": np.stack([fit.betas for fit in fits]).astype(np.float32),
    "transl": np.stack([fit.translation for fit in fits]).astype(np.float32),
    "residual_mm": np.array([fit.residual_mm for fit in fits], np.float32),
  }
  body = 24 if smpl.kind == "SMPL" else 22
  arrays["body_pose"] = flat(pose[:, 1:body])
  if smpl.kind == "SMPL-X":
    for k, name in enumerate(("jaw_pose", "leye_pose", "reye_pose")):
      arrays[name] = flat(pose[:, 22 + k : 23 + k])
  if smpl.kind != "SMPL":
    arrays["left_hand_pose"] = flat(pose[:, -30:-15])
    arrays["right_hand_pose"] = flat(pose[:, -15:])
  files.write_npz(path, arrays)


def as_parameters(fit: SmplFit) -> SmplParameters:
  """A fit as `SmplBody.pose_parameters` takes it, a batch of one."""
  values = fit.pose.reshape(1, -1), fit.betas[None], fit.translation[None]
  pose, betas, translation = (tf.constant(v, tf.float32) for v in values)
  return SmplParameters(pose, betas, translation, tf.zeros([1, 0]))
