"""Functions of saved graphs."""

import numpy as np

from hund_tf.compat import tf
from hund_tf.export.in_graph.networks import Shared

_LARGE = np.random.default_rng(0).normal(size=[64, 32]).astype(np.float32)


def _made(function, path):
  shared = Shared(function, tf.TensorSpec([None, 64]))
  module = tf.Module()
  module.run = tf.function(shared, input_signature=[tf.TensorSpec([None, 64])])
  tf.saved_model.save(module, str(path))
  return shared, tf.saved_model.load(str(path))


def test_large_constants_are_not_in_functions(tmp_path):
  inner = Shared(lambda x: tf.matmul(x, _LARGE), tf.TensorSpec([None, 64]))

  def outer(x):
    return inner(x) + tf.matmul(2.0 * x, _LARGE.copy()) + tf.constant(1.0)

  shared, loaded = _made(outer, tmp_path / "model")
  for function in (inner.concrete, shared.concrete):
    # Equal arrays are one.
    (captured,) = function.captured_inputs
    np.testing.assert_array_equal(captured, _LARGE)
    assert function.function_def.ByteSize() < 2000 < _LARGE.nbytes
  x = tf.constant(np.random.default_rng(1).normal(size=[3, 64]), tf.float32)
  expected = 3.0 * x.numpy() @ _LARGE + 1.0
  for found in (shared(x), loaded.run(x)):
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)
