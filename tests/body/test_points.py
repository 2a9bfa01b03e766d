"""Points of the body and their derivatives, against the body model."""

import numpy as np
import pytest

from hund_tf.body import points as points_lib
from hund_tf.compat import tf
from hund_tf.types import STATE_DIMS, HumanState


@pytest.fixture(scope="module")
def state():
  random = np.random.default_rng(0)
  draw = lambda size: tf.constant(random.normal(0, 0.7, (2, size)), tf.float32)
  return HumanState(*(draw(size) for size in STATE_DIMS))


@pytest.fixture(scope="module")
def point_set(body_model):
  """Every ninth vertex of a reduced mesh, and the joints."""
  ids = body_model.mesh_ids("proxy_1500")[::9]
  anchors = np.zeros([len(ids) + 63], np.float32)
  return points_lib.PointSet(ids, np.zeros([len(ids), 3]), None, anchors)


def test_points_are_those_of_the_body_model(body_model, state, point_set):
  model = points_lib.PointModel(body_model, point_set)
  posed = model(state)
  np.testing.assert_allclose(posed.points, model.points(state), atol=1e-6)
  body = body_model.decode(state)
  expected = np.concatenate(
    [body.vertices.numpy()[:, point_set.vertex_ids], body.joints], axis=1
  )
  np.testing.assert_allclose(posed.points, expected, atol=1e-5)


@pytest.mark.parametrize("mixed", [False, True])
def test_derivatives_are_finite_differences(
  body_model, state, point_set, mixed
):
  if mixed:
    random = np.random.default_rng(1)
    size = len(point_set.anchors)
    mix = random.normal(size=(5, size)).astype(np.float32) / size
    point_set = point_set._replace(mix=mix, anchors=np.zeros(5))
  model = points_lib.PointModel(body_model, point_set)
  points = tf.function(model.points, autograph=False)
  jacobian = model(state).jacobian.numpy()
  assert jacobian.shape[-1] == points_lib.STEP_SIZE
  step = 2e-3
  groups = np.cumsum([0, 69, 45, 45, 16, 20, 3, 3])
  for first, last in zip(groups[:-1], groups[1:], strict=True):
    for index in {first, (first + last) // 2, last - 1}:
      move = np.zeros([2, points_lib.STEP_SIZE], np.float32)
      move[:, index] = step
      ahead = points(points_lib.apply_step(state, tf.constant(move)))
      behind = points(points_lib.apply_step(state, tf.constant(-move)))
      slope = (ahead.numpy() - behind.numpy()) / (2 * step)
      np.testing.assert_allclose(
        jacobian[..., index], slope, atol=2e-3, err_msg=str(index)
      )


def test_derivatives_of_the_body_alone(body_model, state):
  """As among all numbers, of joints that no finger carries."""
  mix = np.eye(4, 63, k=14, dtype=np.float32)
  joints = points_lib.PointSet(
    np.zeros([0], np.int32), np.zeros([0, 3]), mix, np.zeros(4)
  )
  whole = points_lib.PointModel(body_model, joints)(state)
  alone = points_lib.PointModel(body_model, joints, body_only=True)(state)
  np.testing.assert_allclose(alone.points, whole.points, atol=1e-5)
  np.testing.assert_allclose(
    alone.jacobian,
    tf.gather(whole.jacobian, points_lib.BODY_STEP, axis=-1),
    atol=1e-5,
  )


def test_the_body_alone_has_no_points_of_fingers(body_model, point_set):
  with pytest.raises(ValueError, match="fingers"):
    points_lib.PointModel(body_model, point_set, body_only=True)


def test_an_offset_moves_with_the_vertex(body_model, state, point_set):
  ids = point_set.vertex_ids[:4]
  offsets = np.tile([[0.0, 0.0, 0.01]], [4, 1])
  away = points_lib.PointModel(
    body_model,
    points_lib.PointSet(ids, offsets, np.eye(4, 67), np.zeros(4)),
  ).points(state)
  on = points_lib.PointModel(
    body_model,
    points_lib.PointSet(ids, 0 * offsets, np.eye(4, 67), np.zeros(4)),
  ).points(state)
  distance = np.linalg.norm(away - on, axis=-1)
  np.testing.assert_allclose(distance, 0.01, atol=1e-3)  # blended turns shrink
