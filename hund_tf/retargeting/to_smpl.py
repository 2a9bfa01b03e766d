"""SMPL's parameters of our people: orientations carried over, shapes fitted.

Joint orientations of one body are nearly the other's (`adapters.
smpl_rotations`), so a fit begins with them. Gauss-Newton steps then find betas,
place and turns of the joints that minimise the sum of squared distances over
sigma, plus the squared norms of the betas (Eq. 6) and of the turns. Points are
SMPL's joints as they lie in our body (`joint_regressors`) or, with a table of
correspondence, the vertices of our mesh.
"""

import os
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.spatial.transform import Rotation

from hund_tf import files
from hund_tf.body import joint_regressors
from hund_tf.body.adapters import smpl_tables
from hund_tf.body.adapters.smpl import SmplBody, SmplParameters
from hund_tf.body.model import BodyModel
from hund_tf.compat import tf
from hund_tf.retargeting import point_sets
from hund_tf.retargeting.correspondence import Correspondence
from hund_tf.types import BodyOutput

_BETAS = 10  # as most programs take
_SIGMA, _SIGMA_OF_JOINTS = 0.004, 0.01  # metres: errors of the points
_TURN, _TURN_BY_JOINTS = 0.2, 0.1  # radians: how far orientations may be off
_STEPS = 4
_SMALL = 1e-2  # of betas, metres, radians: differences of derivatives
_TOGETHER = 32  # bodies that are posed together
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
  target, weights = _targets(smpl, body_model, body, table)
  sigma, most = (
    (_SIGMA, _TURN)
    if table is not None
    else (_SIGMA_OF_JOINTS, _TURN_BY_JOINTS)
  )
  # As sure as its joints: a mesh has many points, which err together.
  shared = len(_shared(smpl))
  scale = np.sqrt(weights * min(1.0, shared / weights.sum())) / sigma
  turned = smpl.rotations.from_ours(tf.constant(body.rotations[None]))[0]
  count = min(_BETAS, len(smpl.file.shape_basis))
  pelvis = np.array(body.joints[0], np.float64)
  point = _Point(turned.numpy(), np.zeros(count), pelvis)
  turn = np.zeros(3 * len(turned))  # of the joints, since the start
  for step in range(_STEPS + 1):
    # The first and the last only choose betas and place.
    free = 0 < step < _STEPS
    places, slopes = _linearised(smpl, point, table, free)
    rows = slopes.reshape(-1, slopes.shape[-1]) * np.repeat(scale, 3)[:, None]
    left = ((target - places) * scale[:, None]).ravel()
    known = np.concatenate([point.betas, np.zeros(3), turn / most])
    size = np.concatenate(
      [np.ones(count), np.zeros(3), np.full_like(turn, 1 / most)]
    )
    n = rows.shape[1]
    system = np.concatenate([rows, np.diag(size[:n])])
    wanted = np.concatenate([left, -known[:n]])
    change = np.linalg.lstsq(system, wanted, rcond=None)[0]
    turn[: n - count - 3] += change[count + 3 :]
    point = _moved(point, change)
  off = np.sum((_points(smpl, [point], table)[0] - target) ** 2, axis=-1)
  residual = 1e3 * float(np.sqrt(np.sum(weights * off) / weights.sum()))
  rest = smpl.rest_joints(
    tf.constant(point.betas[None], tf.float32), tf.zeros([1, 0])
  )
  vectors = Rotation.from_matrix(point.rotations).as_rotvec()
  translation = point.pelvis - rest[0, 0].numpy()
  return SmplFit(vectors, point.betas, translation, residual)


class _Point(NamedTuple):
  """Where a fit is."""

  rotations: np.ndarray  # [J, 3, 3] local
  betas: np.ndarray  # [count]
  pelvis: np.ndarray  # [3] metres


def _moved(point: _Point, change: np.ndarray) -> _Point:
  """The point after changes of betas, place and, if they are there, turns."""
  count = len(point.betas)
  turns = np.zeros((len(point.rotations), 3))
  turns.flat[: len(change) - count - 3] = change[count + 3 :]
  return _Point(
    point.rotations @ Rotation.from_rotvec(turns).as_matrix(),
    point.betas + change[:count],
    point.pelvis + change[count : count + 3],
  )


def _points(
  smpl: SmplBody, at: Sequence[_Point], table: Correspondence | None
) -> np.ndarray:
  """The points `[N, P, 3]` of SMPL's body."""
  rotations, betas, pelvis = (
    tf.constant(np.stack(x), tf.float32) for x in zip(*at, strict=True)
  )
  found = smpl.pose(rotations, betas, tf.zeros([len(at), 0]), pelvis)
  if table is not None:
    return table.points(found.vertices.numpy())
  return found.joints.numpy()[:, _shared(smpl)]


def _linearised(
  smpl: SmplBody, point: _Point, table: Correspondence | None, free: bool
) -> tuple[np.ndarray, np.ndarray]:
  """Points `[P, 3]` and derivatives `[P, 3, D]` by betas, place and turns.

  The turns are left out unless they are free.
  """
  size = len(point.betas) + 3 + (3 * len(point.rotations) if free else 0)
  at = [point]
  at += [_moved(point, row) for row in _SMALL * np.eye(size)]
  found = [
    _points(smpl, at[i : i + _TOGETHER], table)
    for i in range(0, len(at), _TOGETHER)
  ]
  places, *moved = np.concatenate(found).astype(np.float64)
  return places, np.stack([m - places for m in moved], axis=-1) / _SMALL


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
