"""Optimisers: they find states that explain synthetic targets."""

import numpy as np
import pytest

from hund_tf.body import poses
from hund_tf.compat import tf
from hund_tf.geometry import camera, rotation
from hund_tf.optimization import initialization
from hund_tf.optimization.config import OptimizerConfig
from hund_tf.optimization.minimize import minimize
from hund_tf.types import STATE_SIZE, AlignmentTarget, Intrinsics

_INTRINSICS = Intrinsics(
  focal=tf.constant([[600.0, 600.0]]), center=tf.constant([[240.0, 240.0]])
)


def _truth(body_model, yaw: float):
  """An A-pose, a little bent, turned by `yaw` radians, 2.7 m away."""
  state = poses.a_pose(body_model)
  noise = np.random.default_rng(0).normal(0, 0.2, state.body_pose.shape)
  turn = rotation.from_rotation_vector(tf.constant([[0.0, yaw, 0.0]]))
  facing = rotation.from_6d(state.rotation)
  return state._replace(
    body_pose=state.body_pose + tf.constant(noise, tf.float32),
    rotation=rotation.to_6d(facing @ turn),
    translation=tf.constant([[0.1, 0.0, 2.7]]),
  )


@pytest.fixture(scope="module")
def objective(full_objective):
  return full_objective


def _target(objective, state) -> AlignmentTarget:
  body = objective.body_model.decode(state, mesh=objective.config.mesh)
  rendered = objective.render_parts(body, _INTRINSICS)
  return AlignmentTarget(
    keypoints=camera.project(body.keypoints, _INTRINSICS),
    keypoint_weights=tf.ones([1, 137]),
    part_probs=rendered[..., :15],
    part_weights=tf.ones([1, 16]),
  )


@pytest.mark.parametrize("yaw", [0.0, 1.6, 3.1])
def test_a_start_is_near_the_truth(objective, yaw):
  model = objective.body_model
  truth = _truth(model, yaw)
  starts = initialization.starts_from_keypoints(
    model, _target(objective, truth), _INTRINSICS, num_yaws=4
  )
  angles = rotation.geodesic_angle(
    rotation.from_6d(starts.rotation[0]),
    tf.repeat(rotation.from_6d(truth.rotation), 4, axis=0),
  ).numpy()
  best = int(angles.argmin())
  assert angles[best] < 0.4
  np.testing.assert_allclose(
    starts.translation[0, best], truth.translation[0], atol=0.35
  )


def test_a_person_upside_down_starts_upside_down(objective):
  truth = _truth(objective.body_model, 0.0)
  roll = tf.constant(np.diag([-1.0, -1.0, 1.0]), tf.float32)
  truth = truth._replace(
    rotation=rotation.to_6d(roll @ rotation.from_6d(truth.rotation))
  )
  starts = initialization.starts_from_keypoints(
    objective.body_model, _target(objective, truth), _INTRINSICS
  )
  angle = rotation.geodesic_angle(
    rotation.from_6d(starts.rotation[0, 0]),
    rotation.from_6d(truth.rotation[0]),
  )
  assert angle < 0.3


def test_nothing_seen_starts_in_the_middle_of_the_crop(objective):
  target = AlignmentTarget(
    keypoints=tf.zeros([1, 137, 2]),
    keypoint_weights=tf.zeros([1, 137]),
    part_probs=tf.zeros([1, 60, 60, 15]),
    part_weights=tf.zeros([1, 16]),
  )
  starts = initialization.starts_from_keypoints(
    objective.body_model, target, _INTRINSICS
  )
  pelvis = camera.project(starts.translation, _INTRINSICS).numpy()
  np.testing.assert_allclose(pelvis[0], [[240.0, 240.0]] * 4, atol=1e-2)


@pytest.mark.parametrize(
  ("method", "iterations", "pixels"),
  [("bfgs", 40, 8.0), ("lbfgs", 120, 20.0), ("adam", 40, 20.0)],
)
def test_descent_explains_the_target(objective, method, iterations, pixels):
  truth = _truth(objective.body_model, 1.8)
  target = _target(objective, truth)
  config = OptimizerConfig(
    method=method,
    max_iterations=iterations,
    start_iterations=8,
    num_yaw_starts=2,
    jit_compile=False,
  )
  trace = minimize(objective, target, _INTRINSICS, config)
  steps = trace.terms.total.shape[1]
  assert trace.terms.total.shape[0] == 1 and steps > 5
  assert trace.state.body_pose.shape == [1, steps, 69]
  assert trace.seconds.shape == [1, steps]
  totals = trace.terms.total[0].numpy()
  assert totals[-1] < 0.5 * totals[0]
  assert trace.terms.keypoint[0, -1] < pixels
  assert (np.diff(trace.seconds[0].numpy()) >= 0.0).all()
  if method != "adam":
    assert (np.diff(totals) <= 1e-3 * totals[:-1]).all()


def test_an_initial_state_is_kept_as_the_first_of_the_trace(objective):
  truth = _truth(objective.body_model, 0.0)
  config = OptimizerConfig(
    max_iterations=2, start_iterations=1, jit_compile=False
  )
  trace = minimize(
    objective, _target(objective, truth), _INTRINSICS, config, initial=truth
  )
  first = tf.concat([x[:, 0] for x in trace.state], axis=-1)
  assert first.shape == [1, STATE_SIZE]
  np.testing.assert_allclose(first, tf.concat(list(truth), axis=-1), atol=1e-5)
