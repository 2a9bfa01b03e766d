"""How the pose latents turn the joints: derivatives of the pose prior."""

import numpy as np

from hund_tf import types
from hund_tf.body import joint_limits, kinematics, pose_prior, skeleton
from hund_tf.compat import tf
from hund_tf.geometry import rotation

_LATENTS = types.BODY_POSE_DIM + 2 * types.HAND_POSE_DIM


def _turning_joints() -> tuple[np.ndarray, np.ndarray]:
  """Rows of the joints that latents turn, and which angles turn them.

  Angles are those of all groups in a row; a twist joint turns with its partner.
  """
  order = (
    skeleton.BODY_JOINTS
    + skeleton.LEFT_HAND_JOINTS
    + skeleton.RIGHT_HAND_JOINTS
  )
  turning = [*order, *kinematics.TWIST_PARTNERS]
  rows = [order.index(kinematics.TWIST_PARTNERS.get(j, j)) for j in turning]
  return np.asarray([skeleton.INDEX[j] for j in turning]), np.asarray(rows)


class PoseJacobian:
  """Local rotations of states and their derivatives by the latents.

  Attributes:
    joints: `[T]` rows of the joints that latents turn, twist joints included.
  """

  def __init__(self, prior: pose_prior.PosePrior):
    self._prior = prior
    self.joints, self._angle_rows = _turning_joints()

  def __call__(self, state: types.HumanState) -> tuple[tf.Tensor, tf.Tensor]:
    """Driven local rotations `[B, 63, 3, 3]`, and how latents turn them.

    The second is `[B, T, 3, 159]`: rotation vectors, in the parent's frame, of
    the T joints that turn.
    """
    prior = self._prior
    angles, blocks = [], []
    for latent, flow, joints in zip(
      state[:3], prior.flows, pose_prior.GROUPS, strict=True
    ):
      value, slope = flow.jacobian(latent)
      value = tf.reshape(value, [-1, latent.shape[1] // 3, 3])
      angles.append(joint_limits.squash(value, joints))
      squashed = joint_limits.squash_slopes(value, joints)
      blocks.append(slope * tf.reshape(squashed, [-1, latent.shape[1], 1]))
    by_latent = _block_diagonal(blocks)
    by_latent = tf.reshape(by_latent, [-1, _LATENTS // 3, 3, _LATENTS])
    local, by_angle = self._driven(tf.concat(angles, axis=1))
    root = rotation.from_6d(state.rotation)
    local = tf.concat([root[:, None], local[:, 1:]], axis=1)
    by_latent = tf.gather(by_latent, self._angle_rows, axis=1)
    return local, tf.matmul(by_angle, by_latent)

  def _driven(self, angles: tf.Tensor) -> tf.Tensor:
    """Driven rotations of all angles `[B, 53, 3]`, and derivatives.

    These are `[B, T, 3, 3]`: rotation vectors by the joint's three angles. No
    joint depends on another's, so one backward pass does for all joints of a
    kind: those with angles of their own, and the twist joints.
    """
    own = angles.shape[1]
    twist = np.zeros([types.NUM_JOINTS, 1], np.float32)
    twist[self.joints[own:]] = 1.0
    entries = np.eye(9, dtype=np.float32)[:, None]
    picks = np.concatenate([entries * (1.0 - twist), entries * twist])

    def rotations(values):
      groups = tf.split(values, [len(g.twist) for g in pose_prior.GROUPS], 1)
      prior = self._prior
      local = prior.to_rotations(pose_prior.PoseGroups(*groups))
      return kinematics.drive_twists(local)

    local, slopes = _pulled_back(
      rotations, angles, picks.reshape(18, types.NUM_JOINTS, 3, 3)
    )
    slopes = tf.transpose(slopes, [0, 2, 3, 1])  # [B, 53, angle, entry]
    slopes = tf.concat(
      [
        slopes[..., :9],
        tf.gather(slopes[..., 9:], self._angle_rows[own:], axis=1),
      ],
      axis=1,
    )
    slopes = tf.reshape(slopes, [-1, len(self.joints), 3, 3, 3])
    turned = tf.gather(local, self.joints, axis=1)[:, :, None]
    spin = _vector(tf.matmul(slopes, turned, transpose_b=True))
    return local, tf.linalg.matrix_transpose(spin)


def _pulled_back(
  function, inputs: tf.Tensor, picks: np.ndarray
) -> tuple[tf.Tensor, tf.Tensor]:
  """Values `[B, ...]` and gradients `[B, D, ...]` of sums of them.

  Args:
    function: maps `[N, ...]` to `[N, ...]`, row by row.
    inputs: `[B, ...]`.
    picks: `[D, ...]` weights of the sums of one row's values.
  """
  count = len(picks)
  rows = tf.repeat(inputs, count, axis=0)
  weights = tf.tile(picks, [tf.shape(inputs)[0]] + [1] * (picks.ndim - 1))
  with tf.GradientTape() as tape:
    tape.watch(rows)
    values = function(rows)
    total = tf.reduce_sum(values * weights)
  slopes = tape.gradient(total, rows)
  shape = tf.concat([[-1, count], tf.shape(inputs)[1:]], axis=0)
  return values[::count], tf.reshape(slopes, shape)


def jacobian(function, inputs: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
  """Values `[B, N]` and derivatives `[B, N, D]` of inputs `[B, D]`."""
  size = function(inputs[:1]).shape[-1]
  return _pulled_back(function, inputs, np.eye(size, dtype=np.float32))


def _block_diagonal(blocks: list[tf.Tensor]) -> tf.Tensor:
  """`[B, N, N]` with square blocks `[B, n, n]` along the diagonal."""
  total, before, rows = sum(b.shape[-1] for b in blocks), 0, []
  for block in blocks:
    size = block.shape[-1]
    rows.append(
      tf.pad(block, [[0, 0], [0, 0], [before, total - before - size]])
    )
    before += size
  return tf.concat(rows, axis=1)


def _vector(skew: tf.Tensor) -> tf.Tensor:
  """The vectors `[..., 3]` of skew-symmetric matrices `[..., 3, 3]`."""
  return tf.stack([skew[..., 2, 1], skew[..., 0, 2], skew[..., 1, 0]], axis=-1)
