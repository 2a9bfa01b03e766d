"""Operations that TensorFlow Lite and ONNX lack, by those that they have.

Each function takes the inputs and the attributes of one TensorFlow operation
and gives its output, to the last digits of float32. Sizes of matrices have to
be known; batch sizes need not be.
"""

from collections.abc import Callable, Mapping

import numpy as np

from hund_tf.compat import tf

# erf(x) = x P(x^2) / Q(x^2) for |x| <= 4, where it has become 1 in float32:
# the coefficients of Eigen's and XLA's erf, highest power first.
_ERF_LIMIT = 4.0
_ERF_P = (
  -2.72614225801306e-10,
  2.77068142495902e-08,
  -2.10102402082508e-06,
  -5.69250639462346e-05,
  -7.34990630326855e-04,
  -2.95459980854025e-03,
  -1.60960333262415e-02,
)
_ERF_Q = (
  -1.45660718464996e-05,
  -2.13374055278905e-04,
  -1.68282697438203e-03,
  -7.37332916720468e-03,
  -1.42647390514189e-02,
)
_LARGEST = float(np.finfo(np.float32).max)


def log1p(x: tf.Tensor) -> tf.Tensor:
  """log(1 + x) of x that need not be told from 0 below 1e-7."""
  return tf.math.log(1.0 + x)


def asinh(x: tf.Tensor) -> tf.Tensor:
  """sign(x) log(|x| + sqrt(x^2 + 1)), within 1e-7."""
  size = tf.abs(x)
  return tf.sign(x) * tf.math.log(size + tf.sqrt(size * size + 1.0))


def erf(x: tf.Tensor) -> tf.Tensor:
  """The error function."""
  x = tf.clip_by_value(x, -_ERF_LIMIT, _ERF_LIMIT)
  square = x * x
  return x * _polynomial(_ERF_P, square) / _polynomial(_ERF_Q, square)


def _polynomial(coefficients: tuple[float, ...], x: tf.Tensor) -> tf.Tensor:
  value = coefficients[0] * tf.ones_like(x)
  for coefficient in coefficients[1:]:
    value = value * x + coefficient
  return value


def softplus(x: tf.Tensor) -> tf.Tensor:
  """log(1 + exp(x)), for x of any size."""
  return tf.maximum(x, 0.0) + tf.math.log(1.0 + tf.exp(-tf.abs(x)))


def is_finite(x: tf.Tensor) -> tf.Tensor:
  """False where x is infinite or no number."""
  return tf.abs(x) <= _LARGEST


def cross(a: tf.Tensor, b: tf.Tensor) -> tf.Tensor:
  """a x b of vectors `[..., 3]`."""
  a, b = tf.unstack(a, axis=-1), tf.unstack(b, axis=-1)
  return tf.stack(
    [
      a[1] * b[2] - a[2] * b[1],
      a[2] * b[0] - a[0] * b[2],
      a[0] * b[1] - a[1] * b[0],
    ],
    axis=-1,
  )


def inverse_factor(matrix: tf.Tensor) -> tf.Tensor:
  """L^-1 of positive definite matrices M = L L^T, both `[..., N, N]`.

  By halves: with W_1 = L_11^-1 and L_21 = M_21 W_1^T, W_2 is that of
  M_22 - L_21 L_21^T, and the lower left block is -W_2 L_21 W_1.
  """
  size = matrix.shape[-1]
  if size == 1:
    return tf.math.rsqrt(matrix)
  halves = [size // 2, size - size // 2]
  above, below = tf.split(matrix, halves, axis=-2)
  corner, rest = tf.split(below, halves, axis=-1)
  first = inverse_factor(above[..., : halves[0]])
  factor = tf.matmul(corner, first, transpose_b=True)
  last = inverse_factor(rest - tf.matmul(factor, factor, transpose_b=True))
  left = tf.matmul(last, tf.matmul(-factor, first))
  beside = [[0, 0]] * (len(matrix.shape) - 1) + [[0, halves[1]]]
  return tf.concat(
    [tf.pad(first, beside), tf.concat([left, last], axis=-1)], axis=-2
  )


def _solve(attributes, inverse: tf.Tensor, right: tf.Tensor) -> tf.Tensor:
  """The triangular solution, given the inverse in place of the triangle."""
  return tf.matmul(inverse, right, transpose_a=attributes["adjoint"].b)


def new_axes(operation: tf.Operation) -> list[int] | None:
  """Where a slice adds axes, if it does that alone; otherwise None.

  TensorFlow Lite has such slices only of tensors whose sizes are known.
  """
  begin, end, new, dropped, others = (
    operation.get_attr(f"{name}_mask")
    for name in ("begin", "end", "new_axis", "shrink_axis", "ellipsis")
  )
  strides = tf.get_static_value(operation.inputs[3])
  rank = operation.inputs[0].shape.rank
  if not new or dropped or strides is None or rank is None:
    return None
  skipped = rank - (len(strides) - new.bit_count() - others.bit_count())
  axes, axis = [], 0
  for i, stride in enumerate(strides):
    bit = 1 << i
    if others & bit:
      axis += skipped
      continue
    if new & bit:
      axes.append(axis)
    elif not (begin & bit and end & bit and stride == 1):
      return None
    axis += 1
  return axes


def _plain(function: Callable[..., tf.Tensor]) -> Callable[..., tf.Tensor]:
  return lambda attrs, *inputs: function(*inputs)


def _flat_segments(reduce: Callable[..., tf.Tensor]):
  """Segments numbered by a list, as ONNX has them, in place of an array."""

  def reduced(attributes, data, ids, number):
    rank = ids.shape.rank
    if rank == 1:
      return reduce(data, ids, number)
    rows = tf.concat([[-1], tf.shape(data)[rank:]], axis=0)
    return reduce(tf.reshape(data, rows), tf.reshape(ids, [-1]), number)

  return reduced


# By the operation's type: from its attributes and inputs to its output. Lower
# factors serve solutions alone (`portable` sees to it), so that their inverses
# stand in for them.
REPLACED: Mapping[str, Callable[..., tf.Tensor]] = {
  "Asinh": _plain(asinh),
  "Cholesky": _plain(inverse_factor),
  "Cross": _plain(cross),
  "Erf": _plain(erf),
  "IsFinite": _plain(is_finite),
  "Log1p": _plain(log1p),
  "MatrixTriangularSolve": _solve,
  "Softplus": _plain(softplus),
  "UnsortedSegmentMax": _flat_segments(tf.math.unsorted_segment_max),
  "UnsortedSegmentSum": _flat_segments(tf.math.unsorted_segment_sum),
}
