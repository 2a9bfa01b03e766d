"""Rotations: the continuous 6D representation and NaN-safe wrappers.

The 6D representation (Zhou et al., "On the Continuity of Rotation
Representations in Neural Networks") holds the first two columns of a rotation
matrix; the six numbers are the 3x2 matrix written row by row.
"""

from tensorflow_graphics.geometry.transformation import (
  axis_angle,
  quaternion,
  rotation_matrix_3d,
)

from hund_tf.compat import tf

_EPSILON = 1e-8


def _normalize(vector: tf.Tensor) -> tf.Tensor:
  """Unit vectors [..., 3]; a zero vector gives zeros, with finite gradient."""
  square = tf.reduce_sum(vector * vector, axis=-1, keepdims=True)
  return vector * tf.math.rsqrt(tf.maximum(square, _EPSILON**2))


def from_6d(rotation_6d: tf.Tensor) -> tf.Tensor:
  """Rotation matrices from the 6D representation by Gram-Schmidt.

  Args:
    rotation_6d: `[..., 6]`, a 3x2 matrix row by row, of any scale.

  Returns:
    `[..., 3, 3]` rotation matrices (determinant +1 where the two columns are
    linearly independent).
  """
  columns = tf.reshape(
    rotation_6d, tf.concat([tf.shape(rotation_6d)[:-1], [3, 2]], axis=0)
  )
  columns.set_shape(rotation_6d.shape[:-1].concatenate([3, 2]))
  first = _normalize(columns[..., 0])
  second = columns[..., 1]
  second = second - first * tf.reduce_sum(first * second, -1, keepdims=True)
  second = _normalize(second)
  third = tf.linalg.cross(first, second)
  return tf.stack([first, second, third], axis=-1)


def to_6d(matrix: tf.Tensor) -> tf.Tensor:
  """The 6D representation `[..., 6]` of rotation matrices `[..., 3, 3]`."""
  flat = tf.reshape(
    matrix[..., :2], tf.concat([tf.shape(matrix)[:-2], [6]], axis=0)
  )
  flat.set_shape(matrix.shape[:-2].concatenate([6]))
  return flat


def from_rotation_vector(vector: tf.Tensor) -> tf.Tensor:
  """Rotation matrices `[..., 3, 3]` from rotation vectors `[..., 3]` (rad).

  tensorflow_graphics takes axis and angle apart; at the zero vector the axis
  is undefined, so a tiny constant keeps value and gradient finite there.
  """
  square = tf.reduce_sum(vector * vector, axis=-1, keepdims=True)
  angle = tf.sqrt(square + 1e-14)
  return rotation_matrix_3d.from_axis_angle(vector / angle, angle)


def left_jacobian(vector: tf.Tensor) -> tf.Tensor:
  """How a rotation turns with its rotation vector, `[..., 3, 3]`.

  exp(v + dv) = exp(J dv) exp(v) to first order.

  Args:
    vector: `[..., 3]` radians.
  """
  square = tf.reduce_sum(vector * vector, -1, keepdims=True)[..., None] + 1e-8
  angle = tf.sqrt(square)
  across = (1.0 - tf.cos(angle)) / square
  # The difference of small numbers by the first terms of its series.
  third = tf.where(
    angle < 0.1,
    1.0 / 6.0 - square / 120.0,
    (angle - tf.sin(angle)) / (square * angle),
  )
  skew = cross_matrix(vector)
  return tf.eye(3) + across * skew + third * tf.matmul(skew, skew)


def cross_matrix(vector: tf.Tensor) -> tf.Tensor:
  """Matrices `[..., 3, 3]` that map w to vector x w, of vectors `[..., 3]`."""
  x, y, z = tf.unstack(vector, axis=-1)
  zero = tf.zeros_like(x)
  rows = [[zero, -z, y], [z, zero, -x], [-y, x, zero]]
  return tf.stack([tf.stack(row, axis=-1) for row in rows], axis=-2)


def to_rotation_vector(matrix: tf.Tensor) -> tf.Tensor:
  """Rotation vectors `[..., 3]` (rad) of rotation matrices `[..., 3, 3]`."""
  axis, angle = axis_angle.from_quaternion(
    quaternion.from_rotation_matrix(matrix)
  )
  return axis * angle


def geodesic_angle(first: tf.Tensor, second: tf.Tensor) -> tf.Tensor:
  """Angle in radians `[...]` between rotation matrices `[..., 3, 3]`."""
  delta = tf.linalg.matmul(first, second, transpose_a=True)
  skew = tf.stack(
    [
      delta[..., 2, 1] - delta[..., 1, 2],
      delta[..., 0, 2] - delta[..., 2, 0],
      delta[..., 1, 0] - delta[..., 0, 1],
    ],
    axis=-1,
  )
  sine = 0.5 * tf.norm(skew, axis=-1)
  cosine = 0.5 * (tf.linalg.trace(delta) - 1.0)
  return tf.atan2(sine, cosine)
