"""Points of the body and their derivatives: joints, vertices, markers.

Fits to measurements in 3D compare many points with their targets, and the
normal equations of least squares need all their derivatives. Automatic
differentiation would run through the whole body once for each of them; these
are in closed form: a turn w of joint k moves a point by w x (lever of the point
about k), so one table of levers gives the derivatives by every angle.
"""

from typing import NamedTuple

import numpy as np

from hund_tf import types
from hund_tf.body import kinematics, skeleton
from hund_tf.body.model import BodyModel
from hund_tf.compat import tf
from hund_tf.geometry import rotation
from hund_tf.retargeting import pose_jacobian

_LATENTS = types.BODY_POSE_DIM + 2 * types.HAND_POSE_DIM
# How a state may move: pose latents, shape, expression, a rotation vector of
# the root in the camera frame (applied last), and the translation.
STEP_SIZE = _LATENTS + types.SHAPE_DIM + types.EXPRESSION_DIM + 6


class PointSet(NamedTuple):
  """P points of the body, made of M vertices and the 63 joints."""

  vertex_ids: np.ndarray  # [M] int32 of the full mesh
  offsets: np.ndarray  # [M, 3] metres, added to the vertices of the template
  mix: np.ndarray | None  # [P, M + 63] weights; None: P = M + 63, as they are
  anchors: np.ndarray  # [P] 1 for points of the rigid torso, else 0


class PosedPoints(NamedTuple):
  """Points of a batch of states, and how they move with them."""

  points: tf.Tensor  # [B, P, 3] metres, camera frame
  jacobian: tf.Tensor  # [B, P, 3, STEP_SIZE]


def apply_step(state: types.HumanState, step: tf.Tensor) -> types.HumanState:
  """The state `[B, ...]` moved by a step `[B, STEP_SIZE]`."""
  sizes = [*types.STATE_DIMS[:5], 3, 3]
  *latents, turn, shift = tf.split(step, sizes, axis=-1)
  moved = [a + b for a, b in zip(state[:5], latents, strict=True)]
  turned = tf.matmul(
    rotation.from_rotation_vector(turn), rotation.from_6d(state.rotation)
  )
  return types.HumanState(
    *moved, rotation.to_6d(turned), state.translation + shift
  )


def _below() -> np.ndarray:
  """`[63, 63]`: 1 where the joint of the column hangs on that of the row."""
  table = np.zeros([types.NUM_JOINTS, types.NUM_JOINTS], np.float32)
  for joint in range(types.NUM_JOINTS):
    above = joint
    while above >= 0:
      table[above, joint] = 1.0
      above = skeleton.PARENTS[above]
  return table


class PointModel:
  """Poses a set of points of the body, with derivatives."""

  def __init__(self, body_model: BodyModel, points: PointSet):
    """Takes the rows of the body's arrays that the points need."""
    asset = body_model.asset
    ids = points.vertex_ids
    self.point_set = points
    self._body = body_model
    self._template = asset.template[ids] + points.offsets.astype(np.float32)
    self._shape_basis = asset.shape_basis[:, ids]
    self._expression_basis = asset.dense_expression_basis()[:, ids]
    self._weights = asset.dense_skin_weights()[ids]
    self._below = _below()
    self._parents = np.maximum(skeleton.PARENTS, 0)
    self._poses = pose_jacobian.PoseJacobian(body_model.pose_prior)

  def __call__(self, state: types.HumanState) -> PosedPoints:
    """Points of a batch of states, with all derivatives."""
    local, turns = self._poses(state)
    coefficients, by_shape = pose_jacobian.jacobian(
      self._body.shape_decoder, state.shape
    )
    oriented, turned, rest_joints, carried, joints = self._carried(
      state, local, coefficients
    )
    points = tf.concat([tf.reduce_sum(carried, axis=2), joints], axis=1)
    levers = self._levers(carried, joints)
    jacobian = [
      self._by_latents(levers, oriented, turns),
      self._by_shape(turned, by_shape, rest_joints),
      self._by_expression(turned),
    ]
    jacobian = tf.concat(
      [jacobian[0], self._mixed(tf.concat(jacobian[1:], axis=-1))], axis=-1
    )
    ones = tf.ones_like(points[:, :, :1, None])
    moved = self._mixed(ones * tf.eye(3))
    root_turn = _cross_matrix(levers[:, :, 0])
    return PosedPoints(
      self._mixed(points),
      tf.concat([jacobian, root_turn, moved], axis=-1),
    )

  def points(self, state: types.HumanState) -> tf.Tensor:
    """Points `[B, P, 3]` of a batch of states, without derivatives."""
    prior = self._body.pose_prior
    local = kinematics.drive_twists(prior.decode(*state[:3]))
    root = rotation.from_6d(state.rotation)
    local = tf.concat([root[:, None], local[:, 1:]], axis=1)
    *_, carried, joints = self._carried(
      state, local, self._body.shape_decoder(state.shape)
    )
    vertices = tf.reduce_sum(carried, axis=2)
    return self._mixed(tf.concat([vertices, joints], axis=1))

  def _carried(self, state, local, coefficients) -> tuple[tf.Tensor, ...]:
    """Global rotations Q and Q A, resting joints, what each joint carries.

    That is the vertices as each joint moves them, times their skin weights,
    `[B, M, 63, 3]`; last are the posed joints `[B, 63, 3]`.
    """
    rest_joints = self._body.rest_joints(state.shape)
    rest = (
      self._template
      + tf.einsum("bk,kmc->bmc", coefficients, self._shape_basis)
      + tf.einsum("be,emc->bmc", state.expression, self._expression_basis)
    )
    oriented, turned, joints = self._chain(
      local, rest_joints, state.translation
    )
    shift = joints - tf.linalg.matvec(turned, rest_joints)
    carried = tf.einsum("bjcd,bmd->bmjc", turned, rest) + shift[:, None]
    carried *= self._weights[..., None]
    return oriented, turned, rest_joints, carried, joints

  def _mixed(self, values: tf.Tensor) -> tf.Tensor:
    """`[B, P, ...]` of values `[B, M + 63, ...]` at vertices and joints."""
    if self.point_set.mix is None:
      return values
    return tf.einsum("pm,bm...->bp...", self.point_set.mix, values)

  def _chain(
    self, local: tf.Tensor, rest_joints: tf.Tensor, translation: tf.Tensor
  ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Global rotations Q, Q A (from the resting pose) and joints."""
    bones = rest_joints - tf.gather(rest_joints, self._parents, axis=1)
    zero_pose = self._body.asset.zero_pose
    offsets = tf.linalg.matvec(zero_pose[self._parents], bones)
    offsets = tf.concat([translation[:, None], offsets[:, 1:]], axis=1)
    oriented, joints = kinematics.global_transforms(local, offsets)
    return oriented, tf.matmul(oriented, zero_pose), joints

  def _levers(self, carried: tf.Tensor, joints: tf.Tensor) -> tf.Tensor:
    """`[B, P, 63, 3]`: w x lever is how a turn w of a joint moves a point."""
    hung = tf.einsum("bmjc,kj->bmkc", carried, self._below)
    share = self._weights @ self._below.T
    hung -= share[..., None] * joints[:, None]
    gaps = joints[:, :, None] - joints[:, None]
    gaps *= self._below.T[..., None]
    return self._mixed(tf.concat([hung, gaps], axis=1))

  def _by_latents(self, levers, oriented, turns) -> tf.Tensor:
    """Derivatives `[B, P, 3, 159]` by the pose latents."""
    above = tf.gather(oriented, self._parents[self._poses.joints], axis=1)
    spin = tf.reshape(
      tf.matmul(above, turns), [-1, len(self._poses.joints) * 3, _LATENTS]
    )
    levers = tf.gather(levers, self._poses.joints, axis=2)
    count = levers.shape[1]
    matrix = tf.reshape(
      tf.transpose(_cross_matrix(levers), [0, 1, 3, 2, 4]),
      [-1, count * 3, len(self._poses.joints) * 3],
    )
    return tf.reshape(tf.matmul(matrix, spin), [-1, count, 3, _LATENTS])

  def _by_shape(self, turned, by_shape, rest_joints) -> tf.Tensor:
    """Derivatives `[B, M + 63, 3, 16]` of vertices and joints by the code."""
    basis = self._body.asset.joint_basis
    joints = tf.einsum("bki,kjc->bjci", by_shape, basis)
    vertices = tf.einsum("bki,kmc->bmci", by_shape, self._shape_basis)
    bones = joints - tf.gather(joints, self._parents, axis=1)
    bones = tf.matmul(tf.gather(turned, self._parents, axis=1), bones)
    posed = tf.einsum("kj,bkci->bjci", self._below, bones)
    shift = posed - tf.matmul(turned, joints)
    vertices = tf.matmul(self._blended(turned), vertices)
    vertices += tf.einsum("mj,bjci->bmci", self._weights, shift)
    return tf.concat([vertices, posed], axis=1)

  def _by_expression(self, turned: tf.Tensor) -> tf.Tensor:
    """Derivatives `[B, M + 63, 3, 20]` by the expression code."""
    basis = np.moveaxis(self._expression_basis, 0, 2)
    vertices = tf.matmul(self._blended(turned), basis)
    still = tf.zeros([1, types.NUM_JOINTS, 3, types.EXPRESSION_DIM])
    still = tf.repeat(still, tf.shape(turned)[0], axis=0)
    return tf.concat([vertices, still], axis=1)

  def _blended(self, turned: tf.Tensor) -> tf.Tensor:
    """Linear part of the skinning `[B, M, 3, 3]`."""
    return tf.einsum("mj,bjcd->bmcd", self._weights, turned)


def _cross_matrix(vector: tf.Tensor) -> tf.Tensor:
  """Matrices `[..., 3, 3]` that map w to w x vector `[..., 3]`."""
  x, y, z = tf.unstack(vector, axis=-1)
  zero = tf.zeros_like(x)
  rows = [[zero, z, -y], [-z, zero, x], [y, -x, zero]]
  return tf.stack([tf.stack(row, axis=-1) for row in rows], axis=-2)
