"""Poses of our body as poses of SMPL's, and back.

Both families rest in a T-pose with joint frames aligned with the body (x left,
y up, z forward), so an orientation of one is that of the other. Where we have
more joints than they (fourth spine joint, second neck joint, twist joints)
theirs takes the product of ours.
"""

from collections.abc import Sequence

import numpy as np

from hund_tf import types
from hund_tf.body import kinematics, skeleton
from hund_tf.body.adapters import smpl_tables
from hund_tf.compat import tf
from hund_tf.geometry import rotation


class SmplRotations:
  """Maps between our 63 local rotations and the J of a SMPL model."""

  def __init__(self, joint_names: Sequence[str], parents: Sequence[int]):
    """Takes the model's joints and the joint above each, -1 for the root."""
    self._names = list(joint_names)
    self._parents = np.maximum(parents, 0)
    self._orientations = [
      skeleton.INDEX[smpl_tables.ORIENTATION.get(joint, joint)]
      for joint in joint_names
    ]

  def from_ours(self, rotations: tf.Tensor) -> tf.Tensor:
    """SMPL's local rotations `[B, J, 3, 3]` of ours `[B, 63, 3, 3]`."""
    turned, _ = kinematics.global_transforms(
      rotations, tf.zeros_like(rotations[..., 0])
    )
    turned = tf.gather(turned, self._orientations, axis=1)
    above = tf.gather(turned, self._parents, axis=1)
    local = tf.matmul(above, turned, transpose_a=True)
    return tf.concat([turned[:, :1], local[:, 1:]], axis=1)

  def to_ours(self, rotations: tf.Tensor) -> tf.Tensor:
    """Our local rotations `[B, 63, 3, 3]` of SMPL's `[B, J, 3, 3]`.

    Where we have two joints for one, each takes half of the rotation; joints
    that SMPL lacks do not turn. Orientations of all common joints are kept.
    """
    identity = tf.eye(3, batch_shape=[tf.shape(rotations)[0]])
    ours = [identity] * types.NUM_JOINTS
    for k, joint in enumerate(skeleton.NAMES):
      name = smpl_tables.ROTATION.get(joint, joint)
      if name in self._names:
        ours[k] = rotations[:, self._names.index(name)]
    for name, pair in smpl_tables.SHARED.items():
      whole = rotations[:, self._names.index(name)]
      vector = rotation.to_rotation_vector(whole)
      half = rotation.from_rotation_vector(0.5 * vector)
      for joint in pair:
        ours[skeleton.INDEX[joint]] = half
    return kinematics.drive_twists(tf.stack(ours, axis=1))
