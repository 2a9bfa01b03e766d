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
from hund_tf.body.asset import BodyAsset
from hund_tf.body.model import BodyModel
from hund_tf.body.pose_jacobian import Turns, pose_jacobian
from hund_tf.compat import tf
from hund_tf.geometry import rotation

_LATENTS = types.BODY_POSE_DIM + 2 * types.HAND_POSE_DIM
# How a state may move: pose latents, shape, expression, a rotation vector of
# the root in the camera frame (applied last), and the translation.
STEP_SIZE = _LATENTS + types.SHAPE_DIM + types.EXPRESSION_DIM + 6
# Those of a step's numbers that move more than fingers and face.
BODY_STEP = np.concatenate(
  [
    np.arange(types.BODY_POSE_DIM),
    np.arange(_LATENTS, _LATENTS + types.SHAPE_DIM),
    np.arange(STEP_SIZE - 6, STEP_SIZE),
  ]
)
_FINGERS = [
  skeleton.INDEX[name]
  for name in skeleton.LEFT_HAND_JOINTS + skeleton.RIGHT_HAND_JOINTS
]


class PointSet(NamedTuple):
  """P points of the body, made of M vertices and the 63 joints."""

  vertex_ids: np.ndarray  # [M] int32 of the full mesh
  offsets: np.ndarray  # [M, 3] metres, added to the vertices of the template
  mix: np.ndarray | None  # [P, M + 63] weights; None: P = M + 63, as they are
  anchors: np.ndarray  # [P] 1 for points of the rigid torso, else 0


def keypoint_set(body_model: BodyModel, rows: slice = slice(None)) -> PointSet:
  """Keypoints, all 137 or the rows of some, as points of the body."""
  asset = body_model.asset
  vertices = asset.keypoint_vertex_weights[rows]
  used = np.flatnonzero(np.any(vertices != 0.0, axis=0))
  joints = asset.keypoint_joint_weights[rows]
  mix = np.concatenate([vertices[:, used], joints], axis=1)
  ids = asset.keypoint_ids[used]
  offsets = np.zeros([len(ids), 3], np.float32)
  return PointSet(ids, offsets, mix, np.zeros([len(mix)]))


class PosedPoints(NamedTuple):
  """Points of a batch of states, and how they move with them."""

  points: tf.Tensor  # [B, P, 3] metres, camera frame
  jacobian: tf.Tensor  # [B, P, 3, STEP_SIZE], or by `BODY_STEP` alone


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
  """Poses a set of points of the body, with derivatives.

  A point is a weighted sum of what few joints carry: joint j takes its place q
  at rest to T_j q, and q depends on shape and expression linearly.
  """

  def __init__(
    self, body_model: BodyModel, points: PointSet, body_only: bool = False
  ):
    """Takes the rows of the body's arrays that the points need.

    Args:
      body_model: of the states.
      points: of the body.
      body_only: derivatives by `BODY_STEP` alone, and fingers are not bent.

    Raises:
      ValueError: if fingers carry points although they are not bent.
    """
    self.point_set = points
    self._body = body_model
    self._body_only = body_only
    self._carried = _carried(body_model.asset, points)
    if body_only and np.any(
      np.isin(self._carried.joints, _FINGERS) & (self._carried.weights > 0.0)
    ):
      raise ValueError(
        "points: fingers carry some, expected none of the body alone"
      )
    self._below = _below()
    self._parents = np.maximum(skeleton.PARENTS, 0)

  def __call__(self, state: types.HumanState) -> PosedPoints:
    """Points of a batch of states, with all derivatives."""
    prior, hands = self._body.pose_prior, not self._body_only
    local, turns = pose_jacobian(prior, state, hands)
    coefficients, by_shape = self._body.shape_decoder.jacobian(state.shape)
    oriented, turned, carried, joints = self._posed(state, local, coefficients)
    points = tf.reduce_sum(carried, axis=2)
    levers = self._levers(carried, joints)
    moved = self._carried.weights.sum(axis=1)[:, None, None] * np.eye(3)
    moved = tf.constant(moved, tf.float32)
    jacobian = [
      *(self._by_latents(levers, oriented, group) for group in turns),
      self._by_shape(turned, by_shape),
      *([] if self._body_only else [self._by_expression(turned)]),
      _cross_matrix(levers[:, :, 0]),
      tf.repeat(moved[None], tf.shape(points)[0], axis=0),
    ]
    return PosedPoints(points, tf.concat(jacobian, axis=-1))

  def points(self, state: types.HumanState) -> tf.Tensor:
    """Points `[B, P, 3]` of a batch of states, without derivatives."""
    local = self._body.rotations(state)
    coefficients = self._body.shape_decoder(state.shape)
    *_, carried, _ = self._posed(state, local, coefficients)
    return tf.reduce_sum(carried, axis=2)

  def _posed(self, state, local, coefficients) -> tuple[tf.Tensor, ...]:
    """Global rotations Q and Q A (from rest), what joints carry, joints.

    The third is `[B, P, N, 3]`, times its weights.
    """
    rest_joints = self._body.rest_joints(state.shape)
    bones = rest_joints - tf.gather(rest_joints, self._parents, axis=1)
    zero_pose = self._body.asset.zero_pose
    offsets = tf.linalg.matvec(zero_pose[self._parents], bones)
    offsets = tf.concat([state.translation[:, None], offsets[:, 1:]], axis=1)
    oriented, joints = kinematics.global_transforms(local, offsets)
    turned = tf.matmul(oriented, zero_pose)
    shift = joints - tf.linalg.matvec(turned, rest_joints)
    table = self._carried
    rest = (
      table.template
      + tf.einsum("bk,kpnc->bpnc", coefficients, table.shape_basis)
      + tf.einsum("be,epnc->bpnc", state.expression, table.expression_basis)
    )
    carried = tf.linalg.matvec(tf.gather(turned, table.joints, axis=1), rest)
    carried += tf.gather(shift, table.joints, axis=1) * table.weights[..., None]
    return oriented, turned, carried, joints

  def _levers(self, carried: tf.Tensor, joints: tf.Tensor) -> tf.Tensor:
    """`[B, P, 63, 3]`: w x lever is how a turn w of a joint moves a point."""
    hung = self._below[:, self._carried.joints].transpose(1, 2, 0)
    share = np.sum(hung * self._carried.weights[..., None], axis=1)
    levers = tf.reduce_sum(carried[:, :, :, None] * hung[..., None], axis=2)
    return levers - share[..., None] * joints[:, None]

  def _by_latents(self, levers, oriented, turns: Turns) -> tf.Tensor:
    """Derivatives `[B, P, 3, D]` by the pose latents of a group."""
    above = tf.gather(oriented, self._parents[turns.joints], axis=1)
    spin = tf.matmul(above, turns.by_latent)
    levers = tf.gather(levers, turns.joints, axis=2)
    count, size = levers.shape[1], spin.shape[-1]
    spin = tf.reshape(spin, [-1, len(turns.joints) * 3, size])
    matrix = tf.transpose(_cross_matrix(levers), [0, 1, 3, 2, 4])
    matrix = tf.reshape(matrix, [-1, count * 3, spin.shape[1]])
    return tf.reshape(tf.matmul(matrix, spin), [-1, count, 3, size])

  def _by_shape(self, turned, by_shape) -> tf.Tensor:
    """Derivatives `[B, P, 3, 16]` by the code."""
    table = self._carried
    joints = tf.einsum("bki,kjc->bjci", by_shape, self._body.asset.joint_basis)
    bones = joints - tf.gather(joints, self._parents, axis=1)
    bones = tf.matmul(tf.gather(turned, self._parents, axis=1), bones)
    posed = tf.einsum("kj,bkci->bjci", self._below, bones)
    shift = tf.gather(posed - tf.matmul(turned, joints), table.joints, axis=1)
    rest = tf.einsum("bki,kpnc->bpnci", by_shape, table.shape_basis)
    moved = tf.matmul(tf.gather(turned, table.joints, axis=1), rest)
    moved += shift * table.weights[..., None, None]
    return tf.reduce_sum(moved, axis=2)

  def _by_expression(self, turned: tf.Tensor) -> tf.Tensor:
    """Derivatives `[B, P, 3, 20]` by the expression code."""
    table = self._carried
    basis = np.moveaxis(table.expression_basis, 0, -1)
    moved = tf.matmul(tf.gather(turned, table.joints, axis=1), basis)
    return tf.reduce_sum(moved, axis=2)


class _Carried(NamedTuple):
  """What up to N joints carry of P points; places are times their weights."""

  joints: np.ndarray  # [P, N] int32
  weights: np.ndarray  # [P, N], 0 where fewer joints carry the point
  template: np.ndarray  # [P, N, 3] metres, body frame, at rest
  shape_basis: np.ndarray  # [K, P, N, 3]
  expression_basis: np.ndarray  # [20, P, N, 3]


def _carried(asset: BodyAsset, points: PointSet) -> _Carried:
  ids, count = points.vertex_ids, len(points.vertex_ids)
  skin = asset.dense_skin_weights()[ids]
  mix = points.mix
  if mix is None:
    mix = np.eye(count + types.NUM_JOINTS, dtype=np.float32)
  vertices, own = mix[:, :count], mix[:, count:]
  weights = vertices @ skin + own
  number = max(int(np.count_nonzero(weights, axis=1).max()), 1)
  joints = np.argsort(weights == 0, axis=1, kind="stable")[:, :number]

  def places(of_vertices: np.ndarray, of_joints: np.ndarray) -> np.ndarray:
    """`[P, N, 3]` of `[M, 3]` and `[63, 3]`."""
    # As a product of matrices: by far the fastest order of the sums.
    carried = skin[..., None] * of_vertices[:, None]  # [M, 63, 3]
    summed = np.tensordot(vertices, carried, axes=1)
    summed += own[..., None] * of_joints
    return np.take_along_axis(summed, joints[..., None], axis=1)

  def bases(of_vertices: np.ndarray, of_joints: np.ndarray) -> np.ndarray:
    rows = zip(of_vertices, of_joints, strict=True)
    return np.stack([places(*row) for row in rows]).astype(np.float32)

  expression = asset.dense_expression_basis()[:, ids]
  still = np.zeros([len(expression), types.NUM_JOINTS, 3], np.float32)
  template = places(asset.template[ids] + points.offsets, asset.joint_template)
  return _Carried(
    joints=joints.astype(np.int32),
    weights=np.take_along_axis(weights, joints, axis=1).astype(np.float32),
    template=template.astype(np.float32),
    shape_basis=bases(asset.shape_basis[:, ids], asset.joint_basis),
    expression_basis=bases(expression, still),
  )


def _cross_matrix(vector: tf.Tensor) -> tf.Tensor:
  """Matrices `[..., 3, 3]` that map w to w x vector `[..., 3]`."""
  return rotation.cross_matrix(-vector)
