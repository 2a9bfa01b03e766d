"""The optimisers' coordinates."""

import numpy as np

from hund_tf.compat import tf
from hund_tf.optimization import parameters
from hund_tf.types import STATE_SIZE, state_from_vector, state_to_vector


def _state(count: int = 4):
  rng = np.random.default_rng(2)
  vector = rng.normal(size=[count, STATE_SIZE]).astype(np.float32)
  vector[:, -1] = rng.uniform(0.5, 20.0, count)
  return state_from_vector(tf.constant(vector))


def test_round_trip():
  state = _state()
  back = parameters.unpack(parameters.pack(state))
  np.testing.assert_allclose(
    state_to_vector(back), state_to_vector(state), rtol=1e-5, atol=1e-6
  )


def test_translation_coordinates_are_bearing_and_log_depth():
  state = _state()
  packed = parameters.pack(state).numpy()
  x, y, z = state.translation.numpy().T
  np.testing.assert_allclose(packed[:, -3], x / z, rtol=1e-6)
  np.testing.assert_allclose(packed[:, -2], y / z, rtol=1e-6)
  np.testing.assert_allclose(packed[:, -1], np.log(z), rtol=1e-5, atol=1e-6)


def test_depth_stays_positive_and_finite():
  vector = np.zeros([3, STATE_SIZE], np.float32)
  vector[:, -1] = [-1000.0, 0.0, 1000.0]
  depth = parameters.unpack(tf.constant(vector)).translation[:, 2].numpy()
  assert np.isfinite(depth).all() and (depth > 0).all()
