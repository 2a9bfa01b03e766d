"""The camera against closed forms and against warping by hand (Eq. 1)."""

import numpy as np
import pytest

from hund_tf.compat import tf
from hund_tf.geometry import camera
from hund_tf.types import Intrinsics


def _random_scene(count: int = 30):
  rng = np.random.default_rng(5)
  height, width = 720, 1280
  intrinsics = Intrinsics(
    focal=rng.uniform(500, 2000, [count, 2]).astype(np.float32),
    center=([width / 2, height / 2] + rng.normal(0, 80, [count, 2])).astype(
      np.float32
    ),
  )
  depth = rng.uniform(1, 12, [count, 50, 1])
  points = np.concatenate(
    [rng.normal(0, 0.3, [count, 50, 2]) * depth, depth], 2
  )
  size = rng.uniform(40, 900, [count, 1])
  corner = rng.uniform([-200, -200], [width, height], [count, 2])
  box = np.concatenate([corner, size, size], 1)
  return intrinsics, points.astype(np.float32), box.astype(np.float32)


def test_default_intrinsics_are_those_of_the_paper():
  intrinsics = camera.default_intrinsics(height=480, width=640)
  np.testing.assert_array_equal(intrinsics.focal, [640, 640])
  np.testing.assert_array_equal(intrinsics.center, [320, 240])


def test_projecting_by_crop_intrinsics_warps_the_full_projection():
  intrinsics, points, box = _random_scene()
  full = camera.project(tf.constant(points), intrinsics).numpy()
  scale = 480.0 / box[:, None, 2:4].astype(np.float64)
  warped = (full.astype(np.float64) - box[:, None, :2]) * scale
  crop = camera.crop_intrinsics(intrinsics, tf.constant(box))
  projected = camera.project(tf.constant(points), crop).numpy()
  # float32 carries about 7 digits: compare near the crop, at full precision.
  near = (np.abs(warped - 240) < 960).all(-1)
  assert near.mean() > 0.2
  np.testing.assert_allclose(projected[near], warped[near], atol=1e-3)


def test_crop_matrix_is_eq_1():
  matrix = camera.crop_matrix(tf.constant([10.0, 20.0, 240.0, 120.0])).numpy()
  mapped = matrix @ np.array([100.0, 200.0, 50.0, 60.0, 1.0])
  np.testing.assert_allclose(mapped, [200, 800, 80, 160, 1], rtol=1e-6)


def test_depth_follows_the_users_focal_length():
  """Twice the focal length puts a person of one size twice as far."""
  height_m, height_px = 1.7, 300.0
  for focal in (500.0, 1000.0):
    intrinsics = Intrinsics(
      focal=tf.constant([focal, focal]), center=tf.constant([320.0, 240.0])
    )
    depth = focal * height_m / height_px
    points = tf.constant([[0.0, 0.0, depth], [0.0, height_m, depth]])
    pixels = camera.project(points, intrinsics).numpy()
    assert pixels[1, 1] - pixels[0, 1] == pytest.approx(height_px, abs=1e-3)


def test_field_of_view_spans_the_larger_side():
  intrinsics = camera.intrinsics_from_fov(600, 800, 90.0)
  edge = camera.project(tf.constant([[2.0, 0.0, 2.0]]), intrinsics).numpy()
  np.testing.assert_allclose(edge, [[800, 300]], atol=1e-3)


@pytest.mark.parametrize("fov", [0.0, 180.0, -5.0, float("nan")])
def test_impossible_field_of_view(fov):
  with pytest.raises(ValueError, match="inside \\(0, 180\\)"):
    camera.intrinsics_from_fov(600, 800, fov)


def test_points_behind_the_camera_stay_finite():
  points = tf.constant([[1.0, 2.0, 0.0], [1.0, 2.0, -5.0], [0.0, 0.0, 1e-9]])
  intrinsics = camera.default_intrinsics(480, 480)
  with tf.GradientTape() as tape:
    tape.watch(points)
    pixels = camera.project(points, intrinsics)
  assert np.isfinite(pixels.numpy()).all()
  assert np.isfinite(tape.gradient(pixels, points).numpy()).all()


def test_projection_compiles():
  intrinsics, points, _ = _random_scene(3)
  compiled = tf.function(camera.project, jit_compile=True)
  np.testing.assert_allclose(
    compiled(tf.constant(points), intrinsics),
    camera.project(tf.constant(points), intrinsics),
    rtol=1e-5,
  )


def test_the_viewing_frame_of_the_photo_s_middle_is_the_camera_s():
  lens = Intrinsics(tf.constant([500.0, 700.0]), tf.constant([240.0, 240.0]))
  np.testing.assert_allclose(camera.viewing_rotation(lens), np.eye(3))


def test_viewing_rotation_is_a_turn_by_the_angle_of_the_ray():
  lens = Intrinsics(
    tf.constant([[600.0, 300.0], [500.0, 500.0], [400.0, 600.0]]),
    tf.constant([[-360.0, 240.0], [240.0, 740.0], [90.0, 20.0]]),
  )
  found = camera.viewing_rotation(lens).numpy()
  h = np.sqrt(0.5)
  to_the_right = [[h, 0.0, -h], [0.0, 1.0, 0.0], [h, 0.0, h]]
  upwards = [[1.0, 0.0, 0.0], [0.0, h, h], [0.0, -h, h]]
  np.testing.assert_allclose(found[:2], [to_the_right, upwards], atol=1e-6)
  # Any: a proper rotation that takes the ray to z, about an axis across both.
  rotation = found[2].astype(float)
  ray = np.array([150.0 / 400.0, 220.0 / 600.0, 1.0])
  ray /= np.linalg.norm(ray)
  np.testing.assert_allclose(rotation @ ray, [0.0, 0.0, 1.0], atol=1e-6)
  np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-6)
  across = np.cross(ray, [0.0, 0.0, 1.0])
  np.testing.assert_allclose(rotation @ across, across, atol=1e-6)
  np.testing.assert_allclose(np.trace(rotation), 1.0 + 2.0 * ray[2], atol=1e-6)
