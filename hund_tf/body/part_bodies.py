"""A hand and a face by themselves: from their states to posed points.

They are the same skin, joints and pose prior as the whole body's
(`body.model`), cut off at the wrist and at the head, and cost a fraction of it.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from hund_tf.body import gaze, kinematics, skeleton
from hund_tf.body import keypoints as keypoint_table
from hund_tf.body.landmarks_3d import EYES
from hund_tf.body.model import BodyModel
from hund_tf.compat import tf
from hund_tf.geometry import rotation
from hund_tf.types import (
  EXPRESSION_DIM,
  HAND_POSE_DIM,
  SHAPE_DIM,
  FaceState,
  HandState,
)

HAND, FACE = "hand", "face"
KINDS = (HAND, FACE)
_MESH = "lite"  # whose vertices the parts have
_SIZE_UNIT = 0.1  # of the log of a hand's size


class PartOutput(NamedTuple):
  """Posed parts in the camera frame."""

  points: tf.Tensor  # [B, n, 3] metres: keypoints, in their order
  vertices: tf.Tensor  # [B, V, 3] metres, of the lite mesh
  rotations: tf.Tensor  # [B, J, 3, 3] local, the first one to the camera


class _Skin(NamedTuple):
  """Vertices of a part at rest, and what moves them."""

  template: np.ndarray  # [V, 3] metres
  shape_basis: np.ndarray  # [K, V * 3]
  expression_basis: np.ndarray  # [20, V * 3]
  skin_weights: np.ndarray  # [V, J] of the part's joints, rows sum to one


class _PartBody:
  """A cut-off piece of the body; see `HandBody` and `FaceBody`."""

  def __init__(self, body_model: BodyModel, joints: Sequence[str], rows: slice):
    """Cuts it off.

    Args:
      body_model: the whole.
      joints: names of the part's joints, its root first, parents before
        children.
      rows: of its keypoints among the 137.
    """
    asset = body_model.asset
    self._model = body_model
    self.joint_ids = np.array([skeleton.INDEX[name] for name in joints])
    place = {joint: i for i, joint in enumerate(self.joint_ids)}
    self._parents = [
      place.get(skeleton.PARENTS[joint], -1) for joint in self.joint_ids
    ]
    self._zero_pose = asset.zero_pose[self.joint_ids]
    weights = asset.dense_skin_weights()[:, self.joint_ids]
    ids = body_model.mesh_ids(_MESH)
    self.vertex_ids = ids[weights[ids].sum(axis=1) > 0.5]
    used = np.any(asset.keypoint_vertex_weights[rows] != 0.0, axis=0)
    self._skins = tuple(
      self._skin(rows_of, weights)
      for rows_of in (self.vertex_ids, asset.keypoint_ids[used])
    )
    self._point_vertices = asset.keypoint_vertex_weights[rows][:, used]
    self._point_joints = asset.keypoint_joint_weights[rows][:, self.joint_ids]
    self.num_points = rows.stop - rows.start

  def _skin(self, ids: np.ndarray, weights: np.ndarray) -> _Skin:
    asset = self._model.asset
    own = np.maximum(weights[ids], 1e-6)
    return _Skin(
      asset.template[ids],
      asset.shape_basis[:, ids].reshape(-1, len(ids) * 3),
      asset.dense_expression_basis()[:, ids].reshape(-1, len(ids) * 3),
      own / own.sum(axis=1, keepdims=True),
    )

  def _posed(
    self,
    rotations: tf.Tensor,
    translation: tf.Tensor,
    rest_joints: tf.Tensor,
    rest_skins: Sequence[tf.Tensor],
  ) -> PartOutput:
    """Poses the part; see `BodyModel.pose_driven`.

    Args:
      rotations: `[B, J, 3, 3]` local, the first one to the camera.
      translation: `[B, 3]` metres, camera frame, of the first joint.
      rest_joints: `[B, J, 3]`.
      rest_skins: `[B, V, 3]` of the mesh and of the keypoints' vertices.
    """
    above = np.maximum(self._parents, 0)
    bones = (rest_joints - tf.gather(rest_joints, above, axis=1))[..., None]
    offsets = tf.matmul(self._zero_pose[above], bones)[..., 0]
    offsets = tf.concat([translation[:, None], offsets[:, 1:]], axis=1)
    chained, joints = kinematics.global_transforms(
      rotations, offsets, self._parents
    )
    turned = tf.matmul(chained, self._zero_pose)
    shift = joints - tf.matmul(turned, rest_joints[..., None])[..., 0]
    transforms = tf.concat([turned, shift[..., None]], axis=-1)
    vertices, corners = (
      kinematics.skin(skin.skin_weights, transforms, rest)
      for skin, rest in zip(self._skins, rest_skins, strict=True)
    )
    points = tf.matmul(self._point_vertices, corners)
    points += tf.matmul(self._point_joints, joints)
    return PartOutput(points, vertices, rotations)


class HandBody(_PartBody):
  """A right hand of the mean shape, of any size.

  Attributes:
    kind: "hand".
    roots: rows of its points whose mean is their root: the wrist.
    dims: sizes of the fields of a state.
  """

  kind = HAND
  roots = (0,)
  dims = HandState(pose=HAND_POSE_DIM, size=1, rotation=6, translation=3)

  def __init__(self, body_model: BodyModel):
    """Cuts the hand off a body."""
    names = ("r_wrist", *skeleton.RIGHT_HAND_JOINTS)
    super().__init__(body_model, names, keypoint_table.RIGHT_HAND)
    mean = tf.zeros([1, SHAPE_DIM])
    self._rest = body_model.rest_joints(mean).numpy()[:, self.joint_ids]
    coefficients = body_model.shape_decoder(mean).numpy()
    self._rest_skins = [
      skin.template + (coefficients @ skin.shape_basis).reshape(1, -1, 3)
      for skin in self._skins
    ]
    wrist = self._rest[:, :1]
    self._rest_skins = [rest - wrist for rest in self._rest_skins]
    self._rest = self._rest - wrist

  def decode(self, state: HandState) -> PartOutput:
    """Poses hands.

    Args:
      state: fields `[B, ...]`.

    Returns:
      21 points, vertices, and 16 rotations: to the camera that of the wrist.
    """
    fingers = self._model.pose_prior.right_hand_rotations(state.pose)
    wrist = rotation.from_6d(state.rotation)[:, None]
    size = tf.exp(_SIZE_UNIT * state.size)[..., None]
    return self._posed(
      tf.concat([wrist, fingers], axis=1),
      state.translation,
      size * self._rest,
      [size * rest for rest in self._rest_skins],
    )


class FaceBody(_PartBody):
  """A head with its face.

  Attributes:
    kind: "face".
    roots: rows of its points whose mean is their root: the eyes' contours.
    dims: sizes of the fields of a state.
  """

  kind = FACE
  roots = tuple(row - keypoint_table.FACE.start for row in EYES)
  dims = FaceState(
    expression=EXPRESSION_DIM,
    shape=SHAPE_DIM,
    gaze=2,
    rotation=6,
    translation=3,
  )

  def __init__(self, body_model: BodyModel):
    """Cuts the head off a body."""
    names = ("head", "jaw", "l_eye", "r_eye")
    super().__init__(body_model, names, keypoint_table.FACE)

  def decode(self, state: FaceState) -> PartOutput:
    """Poses faces.

    Args:
      state: fields `[B, ...]`.

    Returns:
      70 points, vertices, and 4 rotations: to the camera that of the head.
    """
    coefficients = self._model.shape_decoder(state.shape)
    joints = tf.gather(
      self._model.rest_joints(state.shape), self.joint_ids, axis=1
    )
    skins = []
    for skin in self._skins:
      moved = tf.matmul(coefficients, skin.shape_basis)
      moved += tf.matmul(state.expression, skin.expression_basis)
      skins.append(
        skin.template + tf.reshape(moved, [-1, *skin.template.shape])
      )
    head = rotation.from_6d(state.rotation)[:, None]
    jaw = tf.broadcast_to(tf.eye(3), tf.shape(head))
    rotations = [head, jaw, gaze.eye_rotations(state.gaze)]
    return self._posed(
      tf.concat(rotations, axis=1), state.translation, joints, skins
    )


PartBody = HandBody | FaceBody


def part_body(kind: str, body_model: BodyModel) -> PartBody:
  """The body of a kind of part.

  Raises:
    ValueError: if there is no such kind.
  """
  if kind not in KINDS:
    raise ValueError(f"part: got {kind!r}, expected one of {', '.join(KINDS)}")
  return (HandBody if kind == HAND else FaceBody)(body_model)
