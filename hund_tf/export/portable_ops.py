"""Operations that TensorFlow Lite or ONNX lack, by those that they have.

Each function takes the inputs of one TensorFlow operation and gives its output,
to the last digits of float32.
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


def segment_sum(
  data: tf.Tensor, ids: tf.Tensor, number: tf.Tensor
) -> tf.Tensor:
  """Sums of values `[I..., X...]` by segments `[I...]` -> `[number, X...]`."""
  zeros, ids, rows = _segment_rows(data, ids, number)
  return tf.tensor_scatter_nd_add(zeros, ids, rows)


def segment_max(
  data: tf.Tensor, ids: tf.Tensor, number: tf.Tensor
) -> tf.Tensor:
  """Largest values of segments; -3.4e38 where one is empty.

  Args:
    data: `[I..., X...]` float32.
    ids: `[I...]` segments, of which none is negative.
    number: of segments.
  """
  zeros, ids, rows = _segment_rows(data, ids, number)
  return tf.tensor_scatter_nd_max(zeros - _LARGEST, ids, rows)


def _segment_rows(data, ids, number):
  """Zeros `[number, X...]`, segments `[N, 1]` and their values `[N, X...]`."""
  rest = tf.shape(data)[ids.shape.rank :]
  rows = tf.reshape(data, tf.concat([[-1], rest], axis=0))
  size = tf.concat([tf.reshape(number, [1]), rest], axis=0)
  zeros = tf.zeros(size, data.dtype)
  return zeros, tf.reshape(ids, [-1, 1]), rows


def matrix_diag(diagonal: tf.Tensor, k: tf.Tensor, *_) -> tf.Tensor:
  """Square matrices `[..., N, N]` of their main diagonals `[..., N]`."""
  _check_main(k)
  return diagonal[..., tf.newaxis] * np.eye(diagonal.shape[-1])


def matrix_set_diag(
  matrix: tf.Tensor, diagonal: tf.Tensor, k: tf.Tensor
) -> tf.Tensor:
  """Matrices `[..., R, C]` with other main diagonals `[..., min(R, C)]`."""
  _check_main(k)
  rows, columns = matrix.shape[-2:]
  chosen = np.eye(rows, columns, dtype=bool)
  axis = -1 if rows <= columns else -2
  return tf.where(chosen, tf.expand_dims(diagonal, axis), matrix)


def _check_main(k: tf.Tensor) -> None:
  if tf.get_static_value(k) != 0:
    raise ValueError(f"diagonals: got {k}, expected the main one alone")


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


# By the operation's type: from its inputs to its output.
REPLACED: Mapping[str, Callable[..., tf.Tensor]] = {
  "Asinh": asinh,
  "Cross": cross,
  "Erf": erf,
  "IsFinite": is_finite,
  "Log1p": log1p,
  "Softplus": softplus,
}
# Of ONNX, which has no segments either; tf2onnx 1.17 converts diagonals of
# batches to tensors of a wrong rank.
REPLACED_IN_ONNX: Mapping[str, Callable[..., tf.Tensor]] = {
  **REPLACED,
  "MatrixDiagV3": matrix_diag,
  "MatrixSetDiagV3": matrix_set_diag,
  "UnsortedSegmentMax": segment_max,
  "UnsortedSegmentSum": segment_sum,
}
