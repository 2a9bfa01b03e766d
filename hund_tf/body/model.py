"""The body model: from the state s to posed vertices, joints and keypoints."""

import dataclasses
from typing import NamedTuple

import numpy as np

from hund_tf import types
from hund_tf.body import asset as asset_lib
from hund_tf.body import kinematics, skeleton
from hund_tf.body.pose_prior import PosePrior
from hund_tf.body.shape import ShapeDecoderKind, make_shape_decoder
from hund_tf.compat import tf
from hund_tf.geometry import rotation
from hund_tf.options import check, option

_KEYPOINTS = "keypoints"  # the set of vertices that keypoints depend on


@dataclasses.dataclass(frozen=True)
class BodyConfig:
  """Choices of the body model."""

  shape_decoder: ShapeDecoderKind = option(
    "vae",
    "How the 16 shape values become a body: the decoder of the variational "
    "auto-encoder, or linear principal components.",
  )

  def __post_init__(self):
    check(self)


class TextureCoordinates(NamedTuple):
  """UVs of a mesh; seams give a vertex several."""

  coordinates: np.ndarray  # [T, 2] in [0, 1], v upwards
  faces: np.ndarray  # [F, 3] rows of coordinates, aligned with the mesh's faces


class _VertexSet(NamedTuple):
  """A subset of the vertices with all that poses it."""

  template: np.ndarray  # [V, 3]
  shape_basis: np.ndarray  # [K, V * 3]
  expression_basis: np.ndarray  # [20, V * 3]
  skin_weights: np.ndarray  # [V, 63]


class BodyModel(tf.Module):
  """A skinned body with 63 joints (Sec. 2.1).

  Frames: body x left, y up, z forward; camera x right, y down, z forward;
  metres. Bodies rest in an A-pose and stand in a T-pose when all joint
  rotations are the identity.

  Attributes:
    asset: the arrays, see `asset.BodyAsset`.
    shape_decoder: maps codes `[B, 16]` to component coefficients `[B, K]`.
    pose_prior: maps pose latents to local rotations and back.
  """

  def __init__(
    self,
    asset: asset_lib.BodyAsset | None = None,
    shape_decoder: ShapeDecoderKind = "vae",
    pose_prior: tf.Module | None = None,
    name: str = "body_model",
  ):
    """Creates the model; nothing in it is trainable.

    Args:
      asset: the arrays; by default the open body model.
      shape_decoder: 'vae' or 'pca'.
      pose_prior: an object with `decode(body_pose, left_hand, right_hand)` and
        `encode(rotations)`, by default the one shipped with the model.
      name: module name.

    Raises:
      ValueError: if there is no such shape decoder.
    """
    super().__init__(name=name)
    self.asset = asset or asset_lib.load()
    self.shape_decoder = make_shape_decoder(shape_decoder, self.asset)
    self.pose_prior = pose_prior or PosePrior.load()
    expression = self.asset.dense_expression_basis()
    weights = self.asset.dense_skin_weights()
    self._vertex_sets = {
      mesh: self._vertex_set(self.mesh_ids(mesh), expression, weights)
      for mesh in asset_lib.MESHES
    }
    ids = self.asset.keypoint_ids
    self._vertex_sets[_KEYPOINTS] = self._vertex_set(ids, expression, weights)

  def _vertex_set(
    self, ids: np.ndarray, expression: np.ndarray, weights: np.ndarray
  ) -> _VertexSet:
    return _VertexSet(
      self.asset.template[ids],
      self.asset.shape_basis[:, ids].reshape(-1, len(ids) * 3),
      expression[:, ids].reshape(-1, len(ids) * 3),
      weights[ids],
    )

  # Meshes -------------------------------------------------------------------

  def mesh_ids(self, mesh: str = asset_lib.FULL_MESH) -> np.ndarray:
    """Vertices `[V]` int32 of the full mesh that make up `mesh`.

    Raises:
      ValueError: if there is no such mesh.
    """
    return self.asset.mesh_ids(mesh)

  def faces(self, mesh: str = asset_lib.FULL_MESH) -> np.ndarray:
    """Triangles `[F, 3]` int32, counter-clockwise from outside in body frame.

    Raises:
      ValueError: if there is no such mesh.
    """
    return self.asset.mesh_faces(mesh)

  def part_labels(self, mesh: str = asset_lib.FULL_MESH) -> np.ndarray:
    """Part of every vertex `[V]` int32, 1..14 in the order of `parts.NAMES`.

    Raises:
      ValueError: if there is no such mesh.
    """
    return self.asset.parts[self.mesh_ids(mesh)].astype(np.int32)

  @property
  def keypoint_exists(self) -> np.ndarray:
    """1 for each keypoint that the body has `[137]`: for all of them."""
    return np.ones([types.NUM_KEYPOINTS], np.float32)

  def uv(self) -> TextureCoordinates:
    """Texture coordinates of the full mesh."""
    return TextureCoordinates(
      self.asset.uv, self.asset.faces_uv.astype(np.int32)
    )

  # Posing -------------------------------------------------------------------

  def decode(
    self, state: types.HumanState, mesh: str = asset_lib.FULL_MESH
  ) -> types.BodyOutput:
    """Poses the body of a state.

    Args:
      state: `[B, ...]` latents, rotation 6D and translation (where the pelvis
        is, metres, camera frame); tensors or numpy arrays, float32.
      mesh: 'full', 'lite', 'proxy_3000' or 'proxy_1500'.

    Returns:
      Vertices of `mesh`, joints, keypoints (these never depend on `mesh`) and
      local rotations, all in the camera frame.

    Raises:
      ValueError: if there is no such mesh.
    """
    state = types.HumanState(*map(tf.convert_to_tensor, state))
    rotations = self.pose_prior.decode(
      state.body_pose, state.left_hand, state.right_hand
    )
    return self.pose(
      rotations,
      state.shape,
      state.expression,
      rotation.from_6d(state.rotation),
      state.translation,
      mesh,
    )

  def pose(
    self,
    local_rotations: tf.Tensor,
    shape: tf.Tensor,
    expression: tf.Tensor,
    root_rotation: tf.Tensor,
    translation: tf.Tensor,
    mesh: str = asset_lib.FULL_MESH,
  ) -> types.BodyOutput:
    """Poses the body by joint rotations.

    Args:
      local_rotations: `[B, 63, 3, 3]` child to parent; the root's is not read,
        and the twist joints' are joined to their partners and driven anew.
      shape: `[B, 16]` code.
      expression: `[B, 20]` code.
      root_rotation: `[B, 3, 3]` body to camera.
      translation: `[B, 3]` metres, camera frame: where the pelvis is.
      mesh: 'full', 'lite', 'proxy_3000' or 'proxy_1500'.

    Returns:
      Vertices of `mesh`, joints, keypoints and local rotations.

    Raises:
      ValueError: if there is no such mesh.
    """
    driven = kinematics.drive_twists(local_rotations)
    driven = tf.concat([root_rotation[:, None], driven[:, 1:]], axis=1)
    return self.pose_driven(driven, shape, expression, translation, mesh)

  def rotations(self, state: types.HumanState) -> tf.Tensor:
    """Local rotations `[B, 63, 3, 3]` of a state, as `BodyOutput` has them."""
    local = self.pose_prior.decode(
      state.body_pose, state.left_hand, state.right_hand
    )
    root = rotation.from_6d(state.rotation)
    return tf.concat(
      [root[:, None], kinematics.drive_twists(local)[:, 1:]], axis=1
    )

  def pose_driven(
    self,
    rotations: tf.Tensor,
    shape: tf.Tensor,
    expression: tf.Tensor,
    translation: tf.Tensor,
    mesh: str = asset_lib.FULL_MESH,
  ) -> types.BodyOutput:
    """Poses the body by all 63 rotations as they are, twist joints included.

    Args:
      rotations: `[B, 63, 3, 3]` child to parent, the root's from body to
        camera, as in `BodyOutput.rotations`.
      shape: `[B, 16]` code.
      expression: `[B, 20]` code.
      translation: `[B, 3]` metres, camera frame: where the pelvis is.
      mesh: 'full', 'lite', 'proxy_3000' or 'proxy_1500'.

    Returns:
      Vertices of `mesh`, joints, keypoints and `rotations`.

    Raises:
      ValueError: if there is no such mesh.
    """
    self.mesh_ids(mesh)  # raises
    coefficients = self.shape_decoder(shape)
    transforms, joints = self._joint_transforms(
      rotations, translation, self._rest_joints(coefficients)
    )

    def skin(name: str) -> tf.Tensor:
      vertices = self._vertex_sets[name]
      rest = self._rest_vertices(vertices, coefficients, expression)
      return kinematics.skin(vertices.skin_weights, transforms, rest)

    keypoints = tf.matmul(
      self.asset.keypoint_vertex_weights, skin(_KEYPOINTS)
    ) + tf.matmul(self.asset.keypoint_joint_weights, joints)
    return types.BodyOutput(skin(mesh), joints, keypoints, rotations)

  def encode_pose(
    self, rotations: tf.Tensor
  ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Pose latents of joint rotations, the inverse of the pose prior.

    Args:
      rotations: `[B, 63, 3, 3]` local rotations, driven or not.

    Returns:
      `body_pose [B, 69]`, `left_hand [B, 45]`, `right_hand [B, 45]`.
    """
    return self.pose_prior.encode(kinematics.undrive_twists(rotations))

  # The body at rest ---------------------------------------------------------

  def rest_joints(self, shape: tf.Tensor) -> tf.Tensor:
    """Joints `[B, 63, 3]` of the resting A-pose, metres, body frame."""
    return self._rest_joints(self.shape_decoder(shape))

  def rest_vertices(
    self,
    shape: tf.Tensor,
    expression: tf.Tensor,
    mesh: str = asset_lib.FULL_MESH,
  ) -> tf.Tensor:
    """Vertices `[B, V, 3]` of the resting A-pose, metres, body frame.

    Raises:
      ValueError: if there is no such mesh.
    """
    self.mesh_ids(mesh)  # raises
    return self._rest_vertices(
      self._vertex_sets[mesh], self.shape_decoder(shape), expression
    )

  def _rest_joints(self, coefficients: tf.Tensor) -> tf.Tensor:
    count = len(skeleton.NAMES)
    basis = self.asset.joint_basis.reshape(-1, count * 3)
    moved = tf.reshape(tf.matmul(coefficients, basis), [-1, count, 3])
    return self.asset.joint_template + moved

  def _rest_vertices(
    self, vertices: _VertexSet, coefficients: tf.Tensor, expression: tf.Tensor
  ) -> tf.Tensor:
    moved = tf.matmul(coefficients, vertices.shape_basis)
    moved += tf.matmul(expression, vertices.expression_basis)
    return vertices.template + tf.reshape(moved, [-1, *vertices.template.shape])

  def _joint_transforms(
    self, rotations: tf.Tensor, translation: tf.Tensor, rest: tf.Tensor
  ) -> tuple[tf.Tensor, tf.Tensor]:
    """Maps from resting to posed space `[B, 63, 3, 4]` and posed joints."""
    parents = np.maximum(skeleton.PARENTS, 0)
    bones = (rest - tf.gather(rest, parents, axis=1))[..., None]
    offsets = tf.matmul(self.asset.zero_pose[parents], bones)[..., 0]
    offsets = tf.concat([translation[:, None], offsets[:, 1:]], axis=1)
    chained, joints = kinematics.global_transforms(rotations, offsets)
    turned = tf.matmul(chained, self.asset.zero_pose)
    shift = joints - tf.matmul(turned, rest[..., None])[..., 0]
    return tf.concat([turned, shift[..., None]], axis=-1), joints
