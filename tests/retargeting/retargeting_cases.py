"""States whose own points are the targets of fits."""

import numpy as np

from hund_tf.body import poses
from hund_tf.compat import tf
from hund_tf.geometry import rotation
from hund_tf.retargeting.fit import RetargetingConfig

CONFIG = RetargetingConfig(batch_size=3)


def states(body_model, seed: int = 0):
  """Three bent bodies of other shapes, turned any way."""
  random = np.random.default_rng(seed)
  normal = lambda size, scale: tf.constant(
    random.normal(0, scale, (3, size)), tf.float32
  )
  state = tf.nest.map_structure(
    lambda x: tf.repeat(x, 3, axis=0), poses.a_pose(body_model)
  )
  return state._replace(
    body_pose=state.body_pose + normal(69, 0.6),
    left_hand=normal(45, 0.5),
    right_hand=normal(45, 0.5),
    shape=normal(16, 1.0),
    rotation=rotation.to_6d(rotation.from_rotation_vector(normal(3, 1.5))),
    translation=state.translation + normal(3, 1.0),
  )
