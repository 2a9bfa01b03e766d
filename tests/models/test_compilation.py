"""Programs with fixed variables: what they return, and that they are fixed."""

from typing import NamedTuple

import numpy as np

from hund_tf.compat import tf
from hund_tf.models.compilation import fixed_program


class _Pair(NamedTuple):
  first: tf.Tensor
  second: tf.Tensor


def test_a_fixed_program_keeps_structures_and_its_variables():
  """For any batch, with a loop that reads a variable."""
  weight = tf.Variable([2.0, 3.0])

  def function(pair, offset):
    _, raised = tf.while_loop(
      lambda i, _: i < 3,
      lambda i, x: (i + 1, x * weight),
      (tf.constant(0), pair.first),
    )
    # Not in the order of the inputs, and one of them as it is.
    return {"b": _Pair(pair.second - offset, raised), "a": pair.first}

  spec = tf.TensorSpec([None, 2])
  run = fixed_program(function, (_Pair(spec, spec), tf.TensorSpec([2])))
  weight.assign([0.0, 0.0])
  for batch in (1, 4):
    pair = _Pair(tf.ones([batch, 2]), tf.fill([batch, 2], 5.0))
    found = run(pair, tf.constant([1.0, 2.0]))
    assert set(found) == {"a", "b"}
    assert isinstance(found["b"], _Pair)
    np.testing.assert_array_equal(found["a"], np.ones([batch, 2]))
    np.testing.assert_array_equal(found["b"].first, [[4.0, 3.0]] * batch)
    np.testing.assert_array_equal(found["b"].second, [[8.0, 27.0]] * batch)
