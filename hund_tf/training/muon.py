"""Muon: steps along orthogonal matrices for kernels, Adam for the rest.

The momentum of a kernel, as a matrix of inputs by outputs, is replaced by the
nearest matrix whose singular values are all one, so that directions that few
examples ask for are learned as fast as those that all do. Known from
K. Jordan et al., "Muon: an optimizer for hidden layers in neural networks"
(2024); the length of the step is that of J. Liu et al., "Muon is scalable for
LLM training" (2025, arXiv 2502.16982), with which rates of Adam can be kept.
"""

import math

from hund_tf.compat import tf, tf_keras

_STEP_RMS = 0.2  # of an update's elements in units of the rate, like Adam's
# Odd polynomial that takes singular values in (0, 1] to about one (0.7 to 1.2)
# when it is applied five times; coefficients of the first reference.
_POLYNOMIAL = (3.4445, -4.7750, 2.0315)
_ITERATIONS = 5
_SMALLEST = 1e-12


def orthogonalize(matrix: tf.Tensor) -> tf.Tensor:
  """U V^T of a matrix U S V^T, nearly: its singular values become 0.7 to 1.2.

  A Newton-Schulz iteration, in bfloat16. Singular values below a hundredth of
  the matrix's norm stay smaller.

  Args:
    matrix: `[R, C]` float32; zero stays zero.

  Returns:
    `[R, C]` float32.
  """
  wide = matrix.shape[0] <= matrix.shape[1]
  x = tf.cast(matrix / (tf.norm(matrix) + _SMALLEST), tf.bfloat16)
  x = x if wide else tf.transpose(x)
  a, b, c = _POLYNOMIAL
  for _ in range(_ITERATIONS):
    square = tf.matmul(x, x, transpose_b=True)
    x = a * x + tf.matmul(b * square + c * tf.matmul(square, square), x)
  return tf.cast(x if wide else tf.transpose(x), matrix.dtype)


class Muon(tf_keras.optimizers.Adam):
  """Adam, but for kernels: variables of two or more axes, the last one outputs.

  A kernel's momentum is Adam's first moment, looked at one step ahead
  (Nesterov). Weight decay, clipping and averaged weights are those of tf_keras.
  """

  def update_step(self, gradient: tf.Tensor, variable: tf.Variable) -> None:
    """Moves one variable by its gradient."""
    if variable.shape.rank < 2:
      super().update_step(gradient, variable)
      return
    index = self._index_dict[self._var_key(variable)]
    momentum, beta = self._momentums[index], self.beta_1
    momentum.assign(beta * momentum + (1.0 - beta) * gradient)
    ahead = beta * momentum + (1.0 - beta) * gradient
    columns = variable.shape[-1]
    rows = variable.shape.num_elements() // columns
    direction = orthogonalize(tf.reshape(ahead, [rows, columns]))
    rate = tf.cast(self.learning_rate, variable.dtype)
    length = _STEP_RMS * math.sqrt(max(rows, columns))
    variable.assign_sub(rate * length * tf.reshape(direction, variable.shape))
