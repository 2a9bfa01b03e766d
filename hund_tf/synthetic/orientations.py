"""How bodies stand in the world, and cameras before them."""

from hund_tf.compat import tf
from hund_tf.geometry import rotation


def stand_up(up: tf.Tensor) -> tf.Tensor:
  """Rotations `[B, 3, 3]` that take `up [B, 3]` to +y and keep +z ahead."""
  along = tf.abs(up[:, 2:]) > 0.9  # lying: the head points ahead instead
  ahead = tf.where(along, [[0.0, 1.0, 0.0]], [[0.0, 0.0, 1.0]])
  ahead = horizontal(ahead, up)
  return tf.stack([tf.linalg.cross(up, ahead), up, ahead], axis=1)


def about(axis: int, angle: tf.Tensor) -> tf.Tensor:
  """Rotations `[B, 3, 3]` by `angle [B]` radians about a coordinate axis."""
  vector = angle[:, None] * tf.one_hot(axis, 3)
  return rotation.from_rotation_vector(vector)


def horizontal(vector: tf.Tensor, up: tf.Tensor) -> tf.Tensor:
  """Unit vectors `[B, 3]` along what of `vector` is normal to `up`, unit."""
  vector -= up * tf.reduce_sum(up * vector, axis=-1, keepdims=True)
  return tf.math.l2_normalize(vector, axis=-1)
