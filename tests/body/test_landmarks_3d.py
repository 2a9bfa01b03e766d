"""The viewing frame of 3D landmarks, and their roots."""

import numpy as np

from hund_tf.body import keypoints as table
from hund_tf.body import landmarks_3d
from hund_tf.compat import tf
from hund_tf.types import Intrinsics


def _lens(center) -> Intrinsics:
  return Intrinsics(
    tf.constant([[600.0, 600.0]]), tf.constant([center], tf.float32)
  )


def test_groups_start_at_their_own_roots():
  points = tf.random.stateless_normal([2, 137, 3], [1, 2])
  found = landmarks_3d.root_relative(points).numpy()
  hips = found[:, [table.INDEX["l_hip"], table.INDEX["r_hip"]]]
  np.testing.assert_allclose(hips.mean(axis=1), 0.0, atol=1e-6)
  for name in ("l_hand_wrist", "r_hand_wrist"):
    np.testing.assert_array_equal(found[:, table.INDEX[name]], 0.0)
  np.testing.assert_allclose(found[:, 61:73].mean(axis=1), 0.0, atol=1e-6)
  for rows, _ in landmarks_3d.ROOTS:
    inner = np.diff(points.numpy()[:, rows], axis=1)
    np.testing.assert_allclose(
      np.diff(found[:, rows], axis=1), inner, atol=1e-5
    )


def test_in_the_middle_of_the_photo_the_axes_are_the_camera_s():
  points = tf.random.stateless_normal([1, 137, 3], [3, 4])
  found = landmarks_3d.viewed_landmarks(points, _lens([240.0, 240.0]))
  expected = landmarks_3d.root_relative(points)
  np.testing.assert_allclose(found, expected, atol=1e-6)


def test_who_turns_with_the_ray_is_seen_the_same():
  """A person carried around the camera to the side keeps the landmarks."""
  points = np.random.default_rng(0).normal(size=(1, 137, 3))
  angle = 0.5
  c, s = np.cos(angle), np.sin(angle)
  around_y = np.array([[c, 0.0, s], [0.0, 1.0, 0.0], [-s, 0.0, c]])
  turned = (points + [0.0, 0.0, 4.0]) @ around_y.T
  # The crop's middle looks along around_y @ z, which is at tan(angle).
  lens = _lens([240.0 - 600.0 * np.tan(angle), 240.0])
  found = landmarks_3d.viewed_landmarks(tf.constant(turned, tf.float32), lens)
  expected = landmarks_3d.root_relative(tf.constant(points, tf.float32))
  np.testing.assert_allclose(found, expected, atol=1e-5)
