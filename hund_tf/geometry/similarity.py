"""The similarity that best moves points onto others, by products of matrices.

For training losses: unlike a singular value decomposition it compiles to a few
small products on every device.
"""

from hund_tf.compat import tf

_SQUARINGS = 12  # of a matrix whose leading eigenvector is sought


def _cross_matrix(covariance: tf.Tensor) -> tf.Tensor:
  """Horn's symmetric `[B, 4, 4]` (1987), greatest for the best quaternion.

  Args:
    covariance: `[B, 3, 3]`, sums of point times truth.
  """
  trace = tf.linalg.trace(covariance)[:, None, None]
  twisted = covariance - tf.linalg.matrix_transpose(covariance)
  axis = tf.stack([twisted[:, 1, 2], twisted[:, 2, 0], twisted[:, 0, 1]], -1)
  both = covariance + tf.linalg.matrix_transpose(covariance)
  lower = both - trace * tf.eye(3)
  top = tf.concat([trace, axis[:, None]], axis=-1)
  return tf.concat([top, tf.concat([axis[..., None], lower], -1)], axis=1)


def _leading_eigenvector(matrix: tf.Tensor) -> tf.Tensor:
  """Of the greatest eigenvalue of symmetric `[B, N, N]`, `[B, N]`, length 1.

  Powers of the matrix, shifted so that no eigenvalue is negative.
  """
  size = tf.norm(matrix, axis=[-2, -1], keepdims=True) + 1e-12
  power = matrix / size + tf.eye(matrix.shape[-1])
  for _ in range(_SQUARINGS):
    power /= tf.linalg.trace(power)[:, None, None]
    power = power @ power
  longest = tf.argmax(tf.linalg.diag_part(power), axis=-1)
  column = tf.gather(power, longest, axis=2, batch_dims=1)
  return column / tf.norm(column, axis=-1, keepdims=True)


def _to_matrix(quaternion: tf.Tensor) -> tf.Tensor:
  """Rotations `[B, 3, 3]` of unit quaternions `[B, 4]`, real part first."""
  w, x, y, z = tf.unstack(quaternion, axis=-1)
  rows = [
    [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
    [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
    [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
  ]
  return tf.stack([tf.stack(row, axis=-1) for row in rows], axis=-2)


def best_similarity(
  points: tf.Tensor, truth: tf.Tensor, weights: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
  """Scale and rotation that move centred points onto centred ones best.

  They minimise sum_i w_i |s R p_i - t_i|^2 (Horn, "Closed-form solution of
  absolute orientation using unit quaternions", 1987). R is never a reflection.

  Args:
    points: `[B, N, 3]`, their weighted mean at the origin.
    truth: `[B, N, 3]`, likewise.
    weights: `[N]`, not negative.

  Returns:
    s `[B]` and R `[B, 3, 3]`.
  """
  covariance = tf.einsum("n,bni,bnj->bij", weights, points, truth)
  rotation = _to_matrix(_leading_eigenvector(_cross_matrix(covariance)))
  moment = tf.einsum("bij,bji->b", rotation, covariance)
  spread = tf.einsum("n,bni->b", weights, points * points)
  return moment / (spread + 1e-12), rotation
