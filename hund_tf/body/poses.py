"""Named poses of the body."""

import math

import numpy as np

from hund_tf.body import skeleton
from hund_tf.body.interface import Body
from hund_tf.compat import tf
from hund_tf.geometry import rotation
from hund_tf.types import NUM_JOINTS, STATE_DIMS, HumanState

# Body frame (y up, z forward) to camera frame (y down, z forward), facing it.
FACING = ((1.0, 0.0, 0.0), (0.0, -1.0, 0.0), (0.0, 0.0, -1.0))
_ARM_DROP = math.radians(50.0)  # from the T-pose down to the A-pose


def a_pose(body_model: Body) -> HumanState:
  """The A-pose facing the camera, 3 m away, mean shape; batch of one."""
  rotations = np.tile(np.eye(3, dtype=np.float32), [1, NUM_JOINTS, 1, 1])
  for name, angle in (("l_shoulder", -_ARM_DROP), ("r_shoulder", _ARM_DROP)):
    vector = tf.constant([0.0, 0.0, angle])
    rotations[0, skeleton.INDEX[name]] = rotation.from_rotation_vector(vector)
  latents = body_model.encode_pose(tf.constant(rotations))
  zeros = HumanState(*(tf.zeros([1, size]) for size in STATE_DIMS))
  return zeros._replace(
    body_pose=latents[0],
    left_hand=latents[1],
    right_hand=latents[2],
    rotation=rotation.to_6d(tf.constant([FACING])),
    translation=tf.constant([[0.0, 0.0, 3.0]]),
  )
