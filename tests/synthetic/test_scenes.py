"""People in photos: inside the border, upright, mostly facing the camera."""

import numpy as np
import pytest

from hund_tf.body import keypoints as table
from hund_tf.compat import tf
from hund_tf.draws import Draws
from hund_tf.geometry import rotation
from hund_tf.motion import pose_library
from hund_tf.synthetic import orientations, scenes


def test_nothing_outside_the_photo_has_weight(body_model):
  config = scenes.SceneConfig(close_ups=1.0)
  scene = tf.function(
    lambda: scenes.sample_scene(
      Draws(0, 0), body_model, pose_library.empty(), 32, config, "proxy_1500"
    ),
    autograph=False,
  )()
  points, size = scene.keypoints.numpy(), scene.photo_size.numpy()[:, None]
  inside = ((points >= 0) & (points < size)).all(-1)
  np.testing.assert_array_equal(scene.inside, inside)
  assert 0.05 < 1.0 - inside.mean() < 0.8
  assert (inside[:, table.BODY].sum(-1) >= config.min_body_keypoints).mean() > (
    0.9
  )


def test_people_stand_upright_and_face_the_camera_more_often(body_model):
  scene = tf.function(
    lambda: scenes.sample_scene(
      Draws(5, 0),
      body_model,
      pose_library.empty(),
      200,
      scenes.SceneConfig(),
      "proxy_1500",
    ),
    autograph=False,
  )()
  matrix = rotation.from_6d(scene.state.rotation).numpy()
  upright = -matrix[:, 1, 1]  # the body's up along the image's up
  assert np.mean(upright > 0.8) > 0.8
  assert np.mean(upright < 0.5) > 0.01  # some lie or stand on their hands
  towards = -matrix[:, 2, 2]
  assert 0.6 < np.mean(towards > 0) < 0.9
  focal = scene.intrinsics.focal.numpy()[:, 0] / 640.0
  assert 0.4 < np.mean(np.abs(focal - 1.0) < 1e-6) < 0.8
  assert focal.min() >= 0.7 and focal.max() <= 1.8
  for latent in (scene.state.shape, scene.state.expression):
    assert np.abs(latent).max() <= 2.5
    assert 0.8 < np.std(latent) < 1.1


def test_up_turns_upright():
  up = tf.math.l2_normalize(
    tf.constant(np.random.default_rng(0).normal(size=(50, 3)), tf.float32), -1
  )
  matrix = orientations.stand_up(tf.concat([up, [[0.0, 0.0, 1.0]]], 0)).numpy()
  eye = np.tile(np.eye(3), (51, 1, 1))
  np.testing.assert_allclose(matrix @ matrix.swapaxes(1, 2), eye, atol=1e-5)
  np.testing.assert_allclose(np.linalg.det(matrix), 1.0, atol=1e-5)
  turned = np.einsum("bij,bj->bi", matrix[:50], up)
  np.testing.assert_allclose(turned, np.tile([0.0, 1, 0], (50, 1)), atol=1e-5)


def _looking_down(body_model, **settings) -> np.ndarray:
  """Degrees by which cameras look down on 400 people who stand level."""
  config = scenes.SceneConfig(
    any_orientation=0.0, lean_degrees=0.0, roll_degrees=0.0, **settings
  )
  scene = scenes.sample_scene(
    Draws(2, 0), body_model, pose_library.empty(), 400, config, "proxy_1500"
  )
  up = rotation.from_6d(scene.state.rotation).numpy()[:, :, 1]
  return np.degrees(np.arcsin(-up[:, 2]))


def test_steep_views_are_from_far_above_and_from_below(body_model):
  level = _looking_down(body_model)
  assert np.std(level) == pytest.approx(12.0, abs=1.5)
  low, high = scenes.SceneConfig().steep_degrees
  steep = _looking_down(body_model, steep_views=1.0)
  assert steep.min() >= low - 1e-3 and steep.max() <= high + 1e-3
  assert steep.mean() == pytest.approx((low + high) / 2.0, abs=4.0)
