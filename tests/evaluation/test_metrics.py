"""Errors of joints against closed forms and an independent alignment."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from hund_tf.evaluation import metrics


def _joints(shape=(4, 14, 3), seed=0):
  return np.random.default_rng(seed).normal(size=shape)


def test_mpjpe_does_not_see_the_translation():
  truth = _joints()
  moved = truth + np.array([1.0, -2.0, 3.0])
  error = metrics.mpjpe(moved, truth, moved[:, 0], truth[:, 0])
  np.testing.assert_allclose(error, 0.0, atol=1e-12)


def test_mpjpe_of_known_offsets():
  truth = np.zeros([1, 2, 3])
  joints = np.array([[[3.0, 4.0, 0.0], [0.0, 0.0, 1.0]]])
  zero = np.zeros([1, 3])
  assert metrics.mpjpe(joints, truth, zero, zero) == pytest.approx(3.0)


def test_similarities_cost_nothing():
  truth = _joints()
  turns = Rotation.random(4, 1).as_matrix()
  turned = np.stack([t @ r.T for t, r in zip(truth, turns, strict=True)])
  joints = 0.3 * turned + np.array([5.0, 1.0, -2.0])
  np.testing.assert_allclose(
    metrics.procrustes_align(joints, truth), truth, atol=1e-9
  )
  np.testing.assert_allclose(metrics.pa_mpjpe(joints, truth), 0.0, atol=1e-9)


def test_a_reflection_is_not_undone():
  truth = _joints()
  mirrored = truth * np.array([-1.0, 1.0, 1.0])
  assert (metrics.pa_mpjpe(mirrored, truth) > 0.1).all()


def test_alignment_is_the_best_rotation():
  truth, joints = _joints(seed=2), _joints(seed=3)
  aligned = metrics.procrustes_align(joints, truth)
  for a, j, t in zip(aligned, joints, truth, strict=False):
    x, y = j - j.mean(0), t - t.mean(0)
    turn, _ = Rotation.align_vectors(y, x)
    x = turn.apply(x)
    scale = (x * y).sum() / (x**2).sum()
    np.testing.assert_allclose(a, scale * x + t.mean(0), atol=1e-7)


def test_coinciding_joints_go_to_the_mean():
  truth = _joints()
  aligned = metrics.procrustes_align(np.zeros_like(truth), truth)
  mean = np.broadcast_to(truth.mean(-2, keepdims=True), truth.shape)
  np.testing.assert_allclose(aligned, mean)


def test_leading_axes():
  truth, joints = _joints((2, 3, 63, 3)), _joints((2, 3, 63, 3), 1)
  assert metrics.pa_mpjpe(joints, truth).shape == (2, 3)
  assert metrics.lsp_joints(joints).shape == (2, 3, 14, 3)
  one = metrics.pa_mpjpe(joints[1, 2], truth[1, 2])
  np.testing.assert_allclose(metrics.pa_mpjpe(joints, truth)[1, 2], one)


def test_pelvis_error_is_in_the_camera_frame():
  truth = _joints((2, 63, 3))
  error = metrics.pelvis_error(truth + np.array([0.0, 3.0, 4.0]), truth)
  np.testing.assert_allclose(error, 5.0)


def test_shapes_must_agree():
  with pytest.raises(ValueError, match=r"expected the same \[..., N, 3\]"):
    metrics.pa_mpjpe(np.zeros([2, 14, 3]), np.zeros([2, 13, 3]))
