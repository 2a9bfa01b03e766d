"""Rotations against numpy, scipy and closed forms."""

import numpy as np
from scipy.spatial.transform import Rotation

from hund_tf.compat import tf
from hund_tf.geometry import rotation


def _random_rotations(count: int) -> np.ndarray:
  return Rotation.random(count, random_state=3).as_matrix().astype(np.float32)


def test_6d_round_trip():
  matrices = _random_rotations(50)
  back = rotation.from_6d(rotation.to_6d(tf.constant(matrices)))
  np.testing.assert_allclose(back, matrices, atol=2e-6)


def test_6d_is_the_3x2_matrix_row_by_row():
  matrix = _random_rotations(1)[0]
  expected = [matrix[i, j] for i in range(3) for j in range(2)]
  np.testing.assert_array_equal(rotation.to_6d(tf.constant(matrix)), expected)


def test_any_6d_vector_gives_a_rotation():
  values = np.random.default_rng(0).normal(size=[100, 6]).astype(np.float32)
  matrices = rotation.from_6d(tf.constant(values * 5.0)).numpy()
  identity = np.broadcast_to(np.eye(3), [100, 3, 3])
  np.testing.assert_allclose(
    matrices @ matrices.transpose(0, 2, 1), identity, atol=1e-5
  )
  np.testing.assert_allclose(np.linalg.det(matrices), 1.0, atol=1e-5)


def test_degenerate_6d_is_finite_with_finite_gradient():
  values = tf.constant([[0.0] * 6, [1, 1, 0, 0, 0, 0], [1e-12] * 6])
  with tf.GradientTape() as tape:
    tape.watch(values)
    total = tf.reduce_sum(rotation.from_6d(values))
  assert np.isfinite(total.numpy())
  assert np.isfinite(tape.gradient(total, values).numpy()).all()


def test_rotation_vectors_agree_with_scipy():
  vectors = np.random.default_rng(1).normal(size=[40, 3]).astype(np.float32)
  vectors[0] = 0.0
  expected = Rotation.from_rotvec(vectors).as_matrix()
  matrices = rotation.from_rotation_vector(tf.constant(vectors))
  np.testing.assert_allclose(matrices, expected, atol=2e-6)
  back = rotation.to_rotation_vector(matrices)
  again = rotation.from_rotation_vector(back)
  np.testing.assert_allclose(again, expected, atol=1e-5)


def test_gradient_at_the_zero_rotation_vector():
  vector = tf.zeros([3])
  with tf.GradientTape() as tape:
    tape.watch(vector)
    corner = rotation.from_rotation_vector(vector)[0, 1]
  np.testing.assert_allclose(
    tape.gradient(corner, vector), [0, 0, -1], atol=1e-6
  )


def test_geodesic_angle():
  matrices = _random_rotations(20)
  vectors = Rotation.random(20, random_state=7).as_rotvec()
  turned = matrices @ Rotation.from_rotvec(vectors).as_matrix()
  angle = rotation.geodesic_angle(
    tf.constant(matrices), tf.constant(turned.astype(np.float32))
  )
  np.testing.assert_allclose(angle, np.linalg.norm(vectors, axis=-1), atol=2e-3)
