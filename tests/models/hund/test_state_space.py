"""Network coordinates: round trips, independence of the camera, bounds."""

import numpy as np
import pytest

from hund_tf.compat import tf
from hund_tf.geometry import camera, placement
from hund_tf.models.hund import state_space
from hund_tf.types import (
  STATE_SIZE,
  Intrinsics,
  state_from_vector,
  state_to_vector,
)


def _cameras(count: int, seed: int = 0) -> Intrinsics:
  rng = np.random.default_rng(seed)
  return Intrinsics(
    tf.constant(rng.uniform(200, 4000, [count, 2]), tf.float32),
    tf.constant(rng.uniform(-900, 1400, [count, 2]), tf.float32),
  )


def test_decode_undoes_encode():
  rng = np.random.default_rng(1)
  state = state_from_vector(
    tf.constant(rng.normal(size=[40, STATE_SIZE]), tf.float32)
  )
  translation = rng.uniform([-3, -2, 0.5], [3, 2, 20], [40, 3])
  state = state._replace(translation=tf.constant(translation, tf.float32))
  intrinsics = _cameras(40)
  back = state_space.decode(state_space.encode(state, intrinsics), intrinsics)
  np.testing.assert_allclose(
    state_to_vector(back), state_to_vector(state), rtol=1e-4, atol=1e-4
  )


def test_encode_undoes_decode():
  rng = np.random.default_rng(2)
  coordinates = rng.normal(size=[40, STATE_SIZE]).astype(np.float32)
  intrinsics = _cameras(40, 3)
  state = state_space.decode(tf.constant(coordinates), intrinsics)
  np.testing.assert_allclose(
    state_space.encode(state, intrinsics), coordinates, atol=2e-4
  )


def test_depth_is_positive_and_finite_everywhere():
  extremes = tf.constant([[9.0, -9.0, -1e9], [0.0, 0.0, 1e9]])
  decoded = placement.decode(extremes, _cameras(2)).numpy()
  assert np.isfinite(decoded).all() and (decoded[:, 2] > 0).all()


def test_coordinates_of_the_pelvis_are_where_it_projects():
  coordinates = np.zeros([5, STATE_SIZE], np.float32)
  coordinates[:, -3:-1] = np.random.default_rng(4).uniform(-1, 1, [5, 2])
  intrinsics = _cameras(5, 5)
  state = state_space.decode(tf.constant(coordinates), intrinsics)
  pixels = camera.project(state.translation[:, None], intrinsics)[:, 0]
  np.testing.assert_allclose(
    pixels / 240.0 - 1.0, coordinates[:, -3:-1], atol=1e-4
  )


def test_the_mean_state_stands_in_the_middle_of_any_crop(body_model):
  """An A-pose, head up, about 0.8 crops high, whatever the focal length."""
  mean = state_space.mean_coordinates(body_model)
  for focal in (500.0, 2500.0):
    intrinsics = Intrinsics(tf.fill([1, 2], focal), tf.fill([1, 2], 240.0))
    state = state_space.decode(tf.constant(mean[None]), intrinsics)
    body = body_model.decode(state, mesh="proxy_1500")
    pixels = camera.project(body.vertices, intrinsics)[0].numpy()
    assert 330 < np.ptp(pixels[:, 1]) < 430
    np.testing.assert_allclose(pixels[:, 0].mean(), 240, atol=15)
    keypoints = camera.project(body.keypoints, intrinsics)[0].numpy()
    nose, right_wrist, left_wrist, left_toe = keypoints[[0, 4, 7, 19]]
    assert nose[1] < left_toe[1]
    assert right_wrist[0] < left_wrist[0]  # facing the camera


def test_bounds_hold_likely_states_only():
  normal = np.random.default_rng(0).normal(size=[9, STATE_SIZE])
  likely = tf.constant(np.clip(normal, -2.5, 2.5), tf.float32)
  np.testing.assert_array_equal(state_space.bound(likely), likely)
  wild = state_space.bound(1e3 * tf.ones([1, STATE_SIZE])).numpy()
  assert wild[0, :69].max() == 15.0 and wild[0, 69:-9].max() == 6.0
  assert wild[0, -3:].max() == 3.0


def test_wrong_size():
  with pytest.raises(ValueError, match="expected 204"):
    state_space.decode(tf.zeros([1, 203]), _cameras(1))
