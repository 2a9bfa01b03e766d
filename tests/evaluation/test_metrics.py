"""Errors of points against closed forms and independent implementations."""

import numpy as np
import pytest
from scipy import linalg, optimize
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
  one = metrics.pa_mpjpe(joints[1, 2], truth[1, 2])
  np.testing.assert_allclose(metrics.pa_mpjpe(joints, truth)[1, 2], one)


def _loop_mpjpe(joints, truth, root, true_root, weights):
  """MPJPE by loops, frame by frame and joint by joint."""
  errors = []
  for frame in range(len(joints)):
    total, count = 0.0, 0.0
    for k in range(joints.shape[1]):
      if weights[frame, k] > 0:
        a = [joints[frame, k, i] - root[frame, i] for i in range(3)]
        b = [truth[frame, k, i] - true_root[frame, i] for i in range(3)]
        square = sum((p - q) ** 2 for p, q in zip(a, b, strict=True))
        total += weights[frame, k] * square**0.5
        count += weights[frame, k]
    errors.append(total / count)
  return np.array(errors)


def _loop_pa_mpjpe(joints, truth, weights):
  """PA-MPJPE from scipy's rotations, and the scale of least squares."""
  errors = []
  for joint, true, weight in zip(joints, truth, weights, strict=True):
    joint, true, weight = (x[weight > 0] for x in (joint, true, weight))
    x = joint - np.average(joint, axis=0, weights=weight)
    y = true - np.average(true, axis=0, weights=weight)
    turn, _ = Rotation.align_vectors(y, x, weights=weight)
    x = turn.apply(x)
    scale = np.average((x * y).sum(-1), weights=weight)
    scale /= np.average((x * x).sum(-1), weights=weight)
    distance = np.sqrt((((scale * x) - y) ** 2).sum(-1))
    errors.append(np.average(distance, weights=weight))
  return np.array(errors)


@pytest.mark.parametrize("missing", [False, True])
def test_errors_agree_with_independent_ones_to_a_nanometre(missing):
  random = np.random.default_rng(5)
  truth = random.normal(size=(200, 14, 3)) + [0.0, 0.0, 4.0]
  joints = truth + random.normal(scale=0.1, size=truth.shape)
  weights = np.ones(truth.shape[:2])
  if missing:
    weights = random.choice([0.0, 0.5, 1.0], size=weights.shape)
    weights[:, :4] = 1.0
    joints[weights == 0.0] = 1e6
    truth[weights == 0.0] = np.nan
  roots = joints[:, 2], truth[:, 2]
  np.testing.assert_allclose(
    metrics.mpjpe(joints, truth, *roots, weights),
    _loop_mpjpe(joints, truth, *roots, weights),
    atol=1e-9,
  )
  np.testing.assert_allclose(
    metrics.pa_mpjpe(joints, truth, weights),
    _loop_pa_mpjpe(joints, truth, weights),
    atol=1e-9,
  )


def test_no_similarity_is_better():
  truth, joints = _joints((7, 3), seed=6), _joints((7, 3), seed=7)

  def square(values):
    turned = Rotation.from_rotvec(values[:3]).apply(np.exp(values[3]) * joints)
    return ((turned + values[4:] - truth) ** 2).sum()

  best = min(
    optimize.minimize(square, np.append(start, [0.0] * 4)).fun
    for start in Rotation.random(8, 3).as_rotvec()
  )
  aligned = metrics.procrustes_align(joints, truth)
  assert ((aligned - truth) ** 2).sum() == pytest.approx(best, rel=1e-6)


def test_a_mirrored_person_costs_what_the_best_rotation_leaves():
  truth = _joints((1, 14, 3), seed=8)
  mirrored = truth * np.array([-1.0, 1.0, 1.0])
  with_reflection, _ = linalg.orthogonal_procrustes(
    mirrored[0] - mirrored[0].mean(0), truth[0] - truth[0].mean(0)
  )
  assert linalg.det(with_reflection) == pytest.approx(-1.0)
  np.testing.assert_allclose(
    metrics.pa_mpjpe(mirrored, truth),
    _loop_pa_mpjpe(mirrored, truth, np.ones((1, 14))),
    atol=1e-9,
  )


def test_a_flat_set_is_turned_over_rather_than_mirrored():
  truth = _joints((5, 14, 3), seed=9)
  truth[..., 2] = 3.0
  mirrored = truth * np.array([-1.0, 1.0, 1.0])
  np.testing.assert_allclose(metrics.pa_mpjpe(mirrored, truth), 0.0, atol=1e-9)
  raised = truth + [0.0, 0.0, 1.0]
  turned = Rotation.random(random_state=2).apply(raised[0])
  np.testing.assert_allclose(
    metrics.procrustes_align(turned, truth[0]), truth[0], atol=1e-9
  )


def test_collinear_sets_are_laid_along_each_other():
  along = np.linspace(-1.0, 2.0, 14)[:, None]
  truth = along * np.array([0.0, 0.0, 1.0])
  joints = 5.0 * along * np.array([0.6, -0.8, 0.0]) + 7.0
  np.testing.assert_allclose(
    metrics.procrustes_align(joints, truth), truth, atol=1e-9
  )
  reversed_ = joints[::-1]
  np.testing.assert_allclose(
    np.sort(metrics.procrustes_align(reversed_, truth)[:, 2]),
    np.sort(-(truth - truth.mean(0))[:, 2] + truth.mean(0)[2]),
    atol=1e-9,
  )


def test_joints_that_coincide_but_for_rounding_go_to_the_mean():
  truth = _joints()
  same = np.full(truth.shape, 0.1) + np.float64(1e-17)
  same[:, 0] *= 1.0 + 1e-15
  aligned = metrics.procrustes_align(same, truth)
  mean = np.broadcast_to(truth.mean(-2, keepdims=True), truth.shape)
  np.testing.assert_allclose(aligned, mean, atol=1e-9)
  np.testing.assert_allclose(
    metrics.procrustes_align(truth, np.ones_like(truth)), 1.0
  )


def test_missing_joints_decide_nothing():
  truth, joints = _joints(seed=10), _joints(seed=11)
  weights = np.ones(truth.shape[:2])
  weights[:, [3, 9]] = 0.0
  kept = weights[0] > 0
  expected = metrics.pa_mpjpe(joints[:, kept], truth[:, kept])
  truth[:, 3], joints[:, 9] = np.nan, np.inf
  with np.errstate(all="ignore"):
    error = metrics.pa_mpjpe(joints, truth, weights)
    plain = metrics.mpjpe(joints, truth, weights=weights)
  np.testing.assert_allclose(error, expected, atol=1e-12)
  assert np.isfinite(plain).all()


def test_a_frame_without_joints_is_not_a_number():
  truth, joints = _joints(seed=12), _joints(seed=13)
  weights = np.ones(truth.shape[:2])
  weights[2] = 0.0
  for error in (
    metrics.mpjpe(joints, truth, weights=weights),
    metrics.pa_mpjpe(joints, truth, weights),
    metrics.pck(metrics.joint_distances(joints, truth), 1.0, weights),
  ):
    assert np.isnan(error).tolist() == [False, False, True, False]


def test_translation_error_is_in_the_camera_frame():
  truth = _joints((2, 3))
  error = metrics.translation_error(truth + np.array([0.0, 3.0, 4.0]), truth)
  np.testing.assert_allclose(error, 5.0)


def test_pck_and_auc_of_known_distances():
  distances = np.array([[0.0, 50.0, 100.0, 300.0], [150.0, 10.0, 20.0, 30.0]])
  np.testing.assert_allclose(metrics.pck(distances, 100.0), [0.5, 0.75])
  np.testing.assert_allclose(
    metrics.auc(distances, 200.0), [(1 + 0.75 + 0.5) / 4, (0.25 + 2.7) / 4]
  )
  weights = np.array([[1.0, 1.0, 0.0, 0.0], [0.0] * 4])
  np.testing.assert_allclose(
    metrics.pck(distances, 10.0, weights), [0.5, np.nan]
  )
  with pytest.raises(ValueError, match="limit of PCK: got 0"):
    metrics.auc(distances, 0.0)


@pytest.mark.parametrize("limit", [150.0, 200.0])
def test_auc_is_the_area_under_sampled_pck(limit):
  distances = np.abs(_joints((3, 14), seed=14)) * 120.0
  thresholds = np.linspace(0.0, limit, 4_001)
  curve = np.array([metrics.pck(distances, t) for t in thresholds[1:]])
  np.testing.assert_allclose(
    metrics.auc(distances, limit), curve.mean(0), atol=1e-3
  )


def test_joint_angles_are_geodesic():
  axes = _joints((5, 3), seed=15)
  axes /= np.linalg.norm(axes, axis=-1, keepdims=True)
  degrees = np.array([0.0, 1e-4, 30.0, 90.0, 180.0])
  base = Rotation.random(5, random_state=3)
  turned = base * Rotation.from_rotvec(np.radians(degrees)[:, None] * axes)
  error = metrics.joint_angle_error(
    turned.as_matrix()[:, None], base.as_matrix()[:, None]
  )
  np.testing.assert_allclose(error, degrees, atol=1e-5)
  both = metrics.joint_angle_error(turned.as_matrix(), base.as_matrix())
  assert both == pytest.approx(degrees.mean(), abs=1e-5)


def test_shapes_must_agree():
  with pytest.raises(ValueError, match=r"expected the same \[..., N, 3\]"):
    metrics.pa_mpjpe(np.zeros([2, 14, 3]), np.zeros([2, 13, 3]))
  with pytest.raises(ValueError, match="weights: shape is"):
    metrics.mpjpe(_joints(), _joints(), weights=np.ones([4, 13]))
  with pytest.raises(ValueError, match="weights: some are negative"):
    metrics.mpjpe(_joints(), _joints(), weights=-np.ones([4, 14]))
  with pytest.raises(ValueError, match="expected the same"):
    metrics.joint_angle_error(np.zeros([4, 3, 3]), np.zeros([5, 3, 3]))
