"""What stands in for rare operations equals them."""

import numpy as np
import pytest

from hund_tf.compat import tf
from hund_tf.export import portable_ops

_NUMBERS = np.concatenate(
  [np.linspace(-5.0, 5.0, 2001), [-80.0, -1e-6, 0.0, 1e-6, 30.0, 1e4]]
).astype(np.float32)


@pytest.mark.parametrize(
  "ours, exact, numbers",
  [
    (portable_ops.log1p, tf.math.log1p, np.abs(_NUMBERS)),
    (portable_ops.asinh, tf.asinh, _NUMBERS),
    (portable_ops.erf, tf.math.erf, _NUMBERS),
    (portable_ops.softplus, tf.math.softplus, _NUMBERS),
  ],
)
def test_functions_of_numbers(ours, exact, numbers):
  truth = exact(tf.constant(numbers, tf.float64)).numpy()
  error = np.abs(ours(tf.constant(numbers)).numpy() - truth)
  assert (error <= 3e-7 * np.maximum(1.0, np.abs(truth))).all()


def test_finite_numbers_are_told():
  numbers = tf.constant([1.0, -3.4e38, np.inf, -np.inf, np.nan, 0.0])
  np.testing.assert_array_equal(
    portable_ops.is_finite(numbers), tf.math.is_finite(numbers)
  )


def test_cross_product():
  a, b = tf.random.stateless_normal([2, 7, 5, 3], seed=[1, 2])
  np.testing.assert_allclose(
    portable_ops.cross(a, b), tf.linalg.cross(a, b), atol=1e-6
  )
