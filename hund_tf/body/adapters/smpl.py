"""SMPL, SMPL+H and SMPL-X behind the interface of the open body model.

How poses of ours become theirs is in `smpl_rotations`, which keypoints they
have in `smpl_tables`.
"""

import os
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from hund_tf import types
from hund_tf.body import asset as asset_lib
from hund_tf.body import kinematics, parts
from hund_tf.body.adapters import smpl_file, smpl_tables
from hund_tf.body.adapters.smpl_rotations import SmplRotations
from hund_tf.body.pose_prior import PosePrior
from hund_tf.compat import tf
from hund_tf.geometry import rotation


class SmplParameters(NamedTuple):
  """A pose and shape in SMPL's own parameters."""

  pose: tf.Tensor  # [B, J * 3] rotation vectors, radians, root first, absolute
  # (that is, with the mean of the hands already added)
  betas: tf.Tensor  # [B, <= S] coefficients; the others are zero
  translation: tf.Tensor  # [B, 3] metres, added to the posed vertices
  expression: tf.Tensor  # [B, <= E] coefficients; the others are zero


class SmplOutput(NamedTuple):
  """A posed SMPL body."""

  vertices: tf.Tensor  # [B, V, 3] metres
  joints: tf.Tensor  # [B, J, 3] metres


class SmplBody(tf.Module):
  """A SMPL, SMPL+H or SMPL-X body that our states pose too.

  It has one mesh: every mesh name means the full one.

  Attributes:
    file: the arrays.
    kind: 'SMPL', 'SMPL+H' or 'SMPL-X'.
    joint_names: names of its J joints in their order.
    vertex_ids: ids of the vertices that keypoints name.
    pose_prior: maps our pose latents to our local rotations and back.
    rotations: maps between our local rotations and the file's.
  """

  def __init__(
    self,
    file: smpl_file.SmplFile,
    pose_prior: PosePrior | None = None,
    vertex_ids: Mapping[str, int] | None = None,
    name: str = "smpl_body",
  ):
    """Creates the model; nothing in it is trainable.

    Args:
      file: see `smpl_file.load`.
      pose_prior: of our body's poses, by default the one that comes with it.
      vertex_ids: id of each of `smpl_tables.VERTEX_NAMES`, by default those of
        the public topologies (6,890 and 10,475 vertices); with other
        topologies, keypoints whose vertex is not named do not exist.
      name: module name.

    Raises:
      ValueError: if `vertex_ids` has an unknown name or an id out of range.
    """
    super().__init__(name=name)
    self.file = file
    self.joint_names = smpl_tables.JOINTS[len(file.parents)]
    self.kind = smpl_tables.KINDS[len(file.parents)]
    self.pose_prior = pose_prior or PosePrior.load()
    vertices = len(file.template)
    if vertex_ids is None:
      vertex_ids = smpl_tables.VERTEX_IDS.get(vertices, {})
    for key, vertex in vertex_ids.items():
      if key not in smpl_tables.VERTEX_NAMES or not 0 <= vertex < vertices:
        raise ValueError(
          f"vertex_ids: {key} = {vertex}, expected one of "
          f"{', '.join(smpl_tables.VERTEX_NAMES)} and an id below {vertices}"
        )
    self.vertex_ids = dict(vertex_ids)
    self._joint_template = file.joint_regressor @ file.template
    regress = lambda basis: np.einsum(
      "jv,kvc->kjc", file.joint_regressor, basis, optimize=True
    )
    self._joint_basis = regress(file.shape_basis)
    self._joint_expressions = regress(file.expression_basis)
    self._joint_table, self._joint_exists = smpl_tables.joint_table(
      self.joint_names
    )
    self._keypoints = smpl_tables.keypoint_table(
      self.joint_names, self.vertex_ids, file.landmarks
    )
    self.rotations = SmplRotations(self.joint_names, file.parents)

  @classmethod
  def load(cls, path: str | os.PathLike) -> "SmplBody":
    """Reads an `.npz` or `.pkl`.

    Raises:
      SmplError: if it is no such file.
    """
    return cls(smpl_file.load(path))

  @property
  def keypoint_exists(self) -> np.ndarray:
    """1 for each keypoint that the body has, else 0: `[137]` float32."""
    return self._keypoints.exists

  @property
  def joint_exists(self) -> np.ndarray:
    """1 for each of our joints that the body has, else 0: `[63]` float32."""
    return self._joint_exists

  # Meshes -------------------------------------------------------------------

  def mesh_ids(self, mesh: str = asset_lib.FULL_MESH) -> np.ndarray:
    """All vertices `[V]` int32, whatever the mesh's name.

    Raises:
      ValueError: if there is no such name.
    """
    if mesh not in asset_lib.MESHES:
      raise ValueError(
        f"mesh: {mesh!r} is not one of {', '.join(asset_lib.MESHES)}"
      )
    return np.arange(len(self.file.template), dtype=np.int32)

  def faces(self, mesh: str = asset_lib.FULL_MESH) -> np.ndarray:
    """Triangles `[F, 3]` int32; raises as `mesh_ids`."""
    self.mesh_ids(mesh)
    return self.file.faces

  def part_labels(self, mesh: str = asset_lib.FULL_MESH) -> np.ndarray:
    """Part of every vertex `[V]` int32: that of the joint that moves it most.

    Raises as `mesh_ids`.
    """
    self.mesh_ids(mesh)
    labels = [parts.INDEX[smpl_tables.part(j)] for j in self.joint_names]
    return np.asarray(labels, np.int32)[self.file.skin_weights.argmax(axis=1)]

  # Posing by our state ------------------------------------------------------

  def decode(
    self, state: types.HumanState, mesh: str = asset_lib.FULL_MESH
  ) -> types.BodyOutput:
    """Poses the body by a state of ours.

    Pose latents are those of the pose prior; shape and expression are the
    first coefficients of the file's components, as many as both have.

    Args:
      state: `[B, ...]`; the translation is where the pelvis is.
      mesh: any of the mesh names.

    Returns:
      Vertices `[B, V, 3]`, our 63 joints (see `joint_exists`), the keypoints
      (see `keypoint_exists`) and our local rotations, all in the camera frame.

    Raises:
      ValueError: if there is no such mesh name.
    """
    self.mesh_ids(mesh)
    local = self.pose_prior.decode(
      state.body_pose, state.left_hand, state.right_hand
    )
    root = rotation.from_6d(state.rotation)
    driven = kinematics.drive_twists(local)
    driven = tf.concat([root[:, None], driven[:, 1:]], axis=1)
    own = self.pose(
      self.rotations.from_ours(driven),
      state.shape,
      state.expression,
      state.translation,
    )
    return self._as_body_output(own, driven)

  def _as_body_output(
    self, own: SmplOutput, rotations: tf.Tensor
  ) -> types.BodyOutput:
    table = self._keypoints
    picked = tf.gather(own.vertices, table.vertex_ids, axis=1)
    keypoints = tf.matmul(table.vertex_weights, picked)
    keypoints += tf.matmul(table.joint_weights, own.joints)
    joints = tf.matmul(self._joint_table, own.joints)
    return types.BodyOutput(own.vertices, joints, keypoints, rotations)

  def encode_pose(
    self, rotations: tf.Tensor
  ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Pose latents of our joint rotations `[B, 63, 3, 3]`, driven or not."""
    return self.pose_prior.encode(kinematics.undrive_twists(rotations))

  # Posing by SMPL's parameters ----------------------------------------------

  def pose_parameters(self, parameters: SmplParameters) -> SmplOutput:
    """Poses the body by SMPL's own parameters.

    Raises:
      ValueError: if the pose has not three values for each joint.
    """
    count = len(self.joint_names)
    if parameters.pose.shape[-1] != 3 * count:
      raise ValueError(
        f"{self.kind} pose: {parameters.pose.shape[-1]} values, expected "
        f"{3 * count}"
      )
    local = rotation.from_rotation_vector(
      tf.reshape(parameters.pose, [-1, count, 3])
    )
    # SMPL's translation is added to the vertices of a body that turns about its
    # resting pelvis; ours is where the pelvis is.
    rest = self.rest_joints(parameters.betas, parameters.expression)
    return self.pose(
      local,
      parameters.betas,
      parameters.expression,
      parameters.translation + rest[:, 0],
    )

  def hand_pose(
    self, left: tf.Tensor, right: tf.Tensor
  ) -> tuple[tf.Tensor, tf.Tensor]:
    """Rotation vectors `[B, 45]` of hands given by principal components.

    Args:
      left: `[B, C]` coefficients of the file's first C components.
      right: `[B, C]`.

    Raises:
      ValueError: if the file has no such components, or fewer.
    """
    result = []
    for side, values in (("left", left), ("right", right)):
      space = getattr(self.file, f"{side}_hand")
      count = values.shape[-1]
      if space is None or count > len(space.components):
        raise ValueError(
          f"{side} hand: {count} coefficients, but the file has "
          f"{0 if space is None else len(space.components)} components"
        )
      result.append(space.mean + tf.matmul(values, space.components[:count]))
    return result[0], result[1]

  def pose(
    self,
    rotations: tf.Tensor,
    betas: tf.Tensor,
    expression: tf.Tensor,
    translation: tf.Tensor,
  ) -> SmplOutput:
    """Poses the body by local rotations.

    Args:
      rotations: `[B, J, 3, 3]` child to parent, the root's to the camera.
      betas: `[B, n]` coefficients; unused where the file has fewer.
      expression: `[B, m]` coefficients; unused where the file has fewer.
      translation: `[B, 3]` metres: where the pelvis is.
    """
    file = self.file
    joints = self.rest_joints(betas, expression)
    rest = (
      file.template
      + _blend(betas, file.shape_basis)
      + _blend(expression, file.expression_basis)
    )
    bent = rotations[:, 1:] - tf.eye(3)
    bent = tf.reshape(bent, [-1, len(file.pose_basis)])
    rest += _blend(bent, file.pose_basis)
    above = tf.gather(joints, np.maximum(file.parents, 0), axis=1)
    offsets = tf.concat([translation[:, None], (joints - above)[:, 1:]], axis=1)
    turned, posed = kinematics.global_transforms(
      rotations, offsets, file.parents
    )
    shift = posed - tf.matmul(turned, joints[..., None])[..., 0]
    transforms = tf.concat([turned, shift[..., None]], axis=-1)
    vertices = kinematics.skin(file.skin_weights, transforms, rest)
    return SmplOutput(vertices, posed)

  def rest_joints(self, betas: tf.Tensor, expression: tf.Tensor) -> tf.Tensor:
    """Joints `[B, J, 3]` of the resting T-pose, metres, body frame.

    Args:
      betas: `[B, n]` coefficients; unused where the file has fewer.
      expression: `[B, m]` coefficients; unused where the file has fewer.
    """
    return (
      self._joint_template
      + _blend(betas, self._joint_basis)
      + _blend(expression, self._joint_expressions)
    )


def _blend(coefficients: tf.Tensor, basis: np.ndarray) -> tf.Tensor:
  """Sum of the components `[K, N, 3]` that both have: `[B, N, 3]`."""
  count = min(coefficients.shape[-1], len(basis))
  flat = basis[:count].reshape(count, basis.shape[1] * 3)
  moved = tf.matmul(coefficients[:, :count], flat)
  return tf.reshape(moved, [-1, *basis.shape[1:]])
