"""A plain pose prior: each rotation vector is a scaled Gaussian latent."""

import numpy as np

from hund_tf import types
from hund_tf.body import skeleton
from hund_tf.compat import tf
from hund_tf.geometry import rotation

_BODY_SCALE = 0.35  # standard deviation of rotation vectors, radians
_HAND_SCALE = 0.3


class GaussianPosePrior(tf.Module):
  """Rotation vector = scale * latent, independently for every joint."""

  def __init__(self, name: str = "gaussian_pose_prior"):
    super().__init__(name=name)
    names = [
      *skeleton.BODY_JOINTS,
      *skeleton.LEFT_HAND_JOINTS,
      *skeleton.RIGHT_HAND_JOINTS,
    ]
    self._joints = [skeleton.INDEX[n] for n in names]
    body = len(skeleton.BODY_JOINTS)
    scale = np.full([len(names), 1], _HAND_SCALE, np.float32)
    scale[:body] = _BODY_SCALE
    self._scale = scale
    # Joint -> row among the moved joints, or the identity after the last row.
    self._rows = [
      self._joints.index(j) if j in self._joints else len(names)
      for j in range(len(skeleton.NAMES))
    ]

  def decode(
    self, body_pose: tf.Tensor, left_hand: tf.Tensor, right_hand: tf.Tensor
  ) -> tf.Tensor:
    """Local rotations `[B, 63, 3, 3]` of latents `[B, 69]`, 2 x `[B, 45]`."""
    latents = tf.concat([body_pose, left_hand, right_hand], axis=-1)
    batch = tf.shape(latents)[0]
    vectors = tf.reshape(latents, [batch, len(self._joints), 3]) * self._scale
    moved = rotation.from_rotation_vector(vectors)
    identity = tf.eye(3, batch_shape=[batch, 1])
    return tf.gather(tf.concat([moved, identity], axis=1), self._rows, axis=1)

  def encode(
    self, rotations: tf.Tensor
  ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Latents (body, left hand, right hand) of `[B, 63, 3, 3]`."""
    moved = tf.gather(rotations, self._joints, axis=1)
    vectors = rotation.to_rotation_vector(moved) / self._scale
    latents = tf.reshape(vectors, [tf.shape(rotations)[0], -1])
    sizes = [types.BODY_POSE_DIM, types.HAND_POSE_DIM, types.HAND_POSE_DIM]
    return tuple(tf.split(latents, sizes, axis=-1))
