"""Fits to points in 3D recover the bodies that the points are of."""

import numpy as np
import pytest

from hund_tf.compat import tf
from hund_tf.optimization import least_squares
from hund_tf.retargeting import fit, point_sets
from hund_tf.retargeting.fit import Retargeting, RetargetingTarget
from hund_tf.types import HumanState
from tests.retargeting import retargeting_cases


@pytest.fixture(scope="module")
def truth(body_model):
  return retargeting_cases.states(body_model)


_STEP = 4  # every fourth vertex of the mesh is fitted to


@pytest.fixture(scope="module")
def fitter(body_model):
  """Of some vertices and the joints; the tests choose by the weights."""
  ids = body_model.mesh_ids("proxy_1500")[::_STEP]
  points = point_sets.vertices_and_joints(body_model.asset, ids)
  return Retargeting(body_model, points, retargeting_cases.CONFIG)


def _fit_joints(fitter, joints, weights):
  """Fits the joints only; distances are those of the joints."""
  vertices = len(fitter.point_set.vertex_ids)
  unknown = lambda x: np.pad(
    x, [(0, 0), (vertices, 0)] + [(0, 0)] * (x.ndim - 2)
  )
  result = fitter(RetargetingTarget(unknown(joints), unknown(weights)))
  return result._replace(distances_mm=result.distances_mm[:, vertices:])


def _decode(body_model, state, mesh="proxy_1500"):
  return body_model.decode(HumanState(*map(tf.constant, state)), mesh)


def test_joints_are_recovered(body_model, truth, fitter):
  joints = _decode(body_model, truth).joints.numpy()
  weights = np.ones([3, 63], np.float32)
  joints[2, 5] = np.nan  # unknown, and others may be wrong
  weights[2, 6] = 0.0
  joints[2, 6] += 5.0
  result = _fit_joints(fitter, joints, weights)
  assert result.residual_mm.max() < 8.0
  fitted = _decode(body_model, result.state)
  gap = np.linalg.norm(fitted.joints - joints, axis=-1) * 1e3
  assert np.nanmean(gap[:2]) < 5.0
  np.testing.assert_allclose(
    result.residual_mm[:2], gap[:2].mean(axis=1), rtol=1e-3
  )
  assert np.isnan(result.distances_mm[2, 5:7]).all()
  assert np.isfinite(result.distances_mm[:2]).all()


def test_a_person_without_points_does_not_disturb_the_others(
  body_model, truth, fitter
):
  joints = _decode(body_model, truth).joints.numpy()[:2]
  weights = np.ones([2, 63], np.float32)
  weights[0, 2:] = 0.0
  result = _fit_joints(fitter, joints, weights)
  assert np.isnan(result.residual_mm[0]) and result.residual_mm[1] < 8.0
  assert all(np.isfinite(field).all() for field in result.state)
  assert len(result.state.shape) == 2  # the batch was filled up to three


def test_an_outlier_pulls_little(body_model, truth, fitter):
  joints = _decode(body_model, truth).joints.numpy()
  wrong = joints.copy()
  wrong[:, 30] += 0.5
  result = _fit_joints(fitter, wrong, np.ones([3, 63]))
  fitted = _decode(body_model, result.state).joints.numpy()
  gap = np.linalg.norm(fitted - joints, axis=-1) * 1e3
  assert np.median(gap) < 15.0


def test_vertices_are_recovered(body_model, truth, fitter):
  body = _decode(body_model, truth, "full")
  ids = fitter.point_set.vertex_ids
  targets = np.concatenate(
    [body.vertices.numpy()[:, ids], np.zeros([3, 63, 3])], axis=1
  )
  weights = np.ones(targets.shape[:2])
  weights[:, len(ids) :] = 0.0
  result = fitter(RetargetingTarget(targets, weights))
  assert result.residual_mm.max() < 3.0
  fitted = _decode(body_model, result.state, "full")
  gap = np.linalg.norm(fitted.vertices - body.vertices, axis=-1) * 1e3
  assert gap.mean() < 4.0  # of all vertices, also of those not fitted
  gap = np.linalg.norm(fitted.joints - body.joints, axis=-1) * 1e3
  assert gap.mean() < 5.0


def test_wrong_shapes_are_refused(fitter):
  with pytest.raises(ValueError, match="expected .N, 251, 3."):
    fitter(RetargetingTarget(np.zeros([2, 17, 3]), np.zeros([2, 17])))
  with pytest.raises(ValueError, match="sigma_mm is 0"):
    fit.RetargetingConfig(sigma_mm=0)


def test_rigid_alignment_recovers_a_motion():
  random = np.random.default_rng(3)
  source = random.normal(size=(6, 3))
  turn, _ = np.linalg.qr(random.normal(size=(3, 3)))
  turn *= np.linalg.det(turn)
  target = source @ turn.T + [1.0, 2.0, 3.0]
  target[5] += 9.0  # has no weight
  weights = np.array([[1, 2, 1, 1, 1, 0], [0, 0, 0, 0, 0, 0]], float)
  turns, shifts = fit.rigid_alignment(
    source, np.stack([target, target]), weights
  )
  np.testing.assert_allclose(turns[0], turn, atol=1e-9)
  np.testing.assert_allclose(shifts[0], [1, 2, 3], atol=1e-9)
  assert np.isfinite(turns).all()


def test_least_squares_finds_the_valley_of_each_problem():
  """Rosenbrock's valley from two places; a third starts at the minimum."""

  def evaluate(x):
    a, b = x[:, 0], x[:, 1]
    rows = tf.stack([10.0 * (b - a * a), 1.0 - a], axis=-1)
    zero = tf.zeros_like(a)
    slopes = tf.stack(
      [
        tf.stack([-20.0 * a, zero + 10.0], axis=-1),
        tf.stack([zero - 1.0, zero], axis=-1),
      ],
      axis=1,
    )
    return least_squares.NormalEquations(
      0.5 * tf.reduce_sum(rows**2, axis=-1),
      tf.linalg.matvec(slopes, rows, transpose_a=True),
      tf.matmul(slopes, slopes, transpose_a=True),
    )

  start = tf.constant([[-1.2, 1.0], [3.0, -4.0], [1.0, 1.0]])
  descent = least_squares.minimize(
    evaluate, lambda x, step: x + step, start, 60, tolerance=1e-6
  )
  np.testing.assert_allclose(descent.state, np.ones([3, 2]), atol=1e-2)
  assert descent.value.max() < 1e-5
