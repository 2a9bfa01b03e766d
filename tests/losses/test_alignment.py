"""The alignment objective: closed forms, gradients, usefulness."""

import numpy as np
import pytest

from hund_tf.compat import tf
from hund_tf.geometry import camera, rotation
from hund_tf.losses import alignment
from hund_tf.losses.alignment import AlignmentObjective, ObjectiveConfig
from hund_tf.rendering import tfg_op
from hund_tf.types import (
  STATE_SIZE,
  AlignmentTarget,
  Intrinsics,
  state_from_vector,
  state_to_vector,
)

_INTRINSICS = Intrinsics(
  focal=tf.constant([[600.0, 600.0]]), center=tf.constant([[240.0, 240.0]])
)


def _upright(count: int = 1, seed: int = 0, spread: float = 0.3):
  """States of people who face the camera about 2.6 m away."""
  vector = np.random.default_rng(seed).normal(size=[count, STATE_SIZE])
  state = state_from_vector(tf.constant(spread * vector, tf.float32))
  facing = tf.constant(np.diag([1.0, -1.0, -1.0]), tf.float32)
  turned = rotation.from_rotation_vector(0.3 * state.translation) @ facing
  return state._replace(
    rotation=rotation.to_6d(turned),
    translation=tf.constant([[0.0, -0.05, 2.6]] * count),
  )


def _target_of(objective, state, intrinsics) -> AlignmentTarget:
  """The target that `state` itself produces: keypoints, hard parts."""
  body = objective.body_model.decode(state, mesh=objective.config.mesh)
  rendered = objective.render_parts(body, intrinsics)
  count = len(rendered)
  return AlignmentTarget(
    keypoints=camera.project(body.keypoints, intrinsics),
    keypoint_weights=tf.ones([count, 137]),
    part_probs=rendered[..., :15],
    part_weights=tf.ones([count, 16]),
  )


@pytest.fixture(scope="module")
def objective(full_objective):
  return full_objective


def test_keypoint_loss_is_the_weighted_mean_distance():
  projected = tf.constant([[[3.0, 4.0], [0.0, 0.0], [9.0, 9.0]]])
  target = tf.constant([[[0.0, 0.0], [0.0, 1.0], [100.0, 0.0]]])
  loss = alignment.keypoint_loss(
    projected, target, tf.constant([[1.0, 3.0, 0.0]])
  )
  np.testing.assert_allclose(loss, [(5.0 + 3.0) / 4.0], rtol=1e-5)


def test_keypoint_loss_of_nothing_is_zero_with_finite_gradient():
  points = tf.constant([[[1.0, 2.0]]])
  with tf.GradientTape() as tape:
    tape.watch(points)
    loss = alignment.keypoint_loss(points, points, tf.zeros([1, 1]))
  assert loss.numpy() == 0.0
  assert np.isfinite(tape.gradient(loss, points).numpy()).all()


def test_part_loss_counts_known_channels_only():
  rendered = np.zeros([1, 2, 2, 16], np.float32)
  rendered[..., 0] = 1.0  # all background
  probs = np.zeros([1, 2, 2, 15], np.float32)
  probs[..., 0] = 1.0
  probs[0, 0, 0, :2] = [0.0, 1.0]  # one of four pixels is torso
  known = np.ones([1, 16], np.float32)
  loss = alignment.part_loss(*map(tf.constant, (rendered, probs, known)))
  np.testing.assert_allclose(loss, [3.0 / 4.0])  # background, torso, visible
  known[0, 1:15] = 0.0
  loss = alignment.part_loss(*map(tf.constant, (rendered, probs, known)))
  np.testing.assert_allclose(loss, [2.0 / 4.0])


def test_prior_is_the_squared_norm():
  first, second = tf.constant([[1.0, 2.0]]), tf.constant([[3.0]])
  np.testing.assert_allclose(
    alignment.negative_log_prior(first, second), [14.0]
  )


def test_keypoint_groups_count_by_their_weights(body_model):
  """Body, face and hands that are off by 10, 20 and 40 pixels."""
  config = ObjectiveConfig(
    part_weight=0.0,
    body_keypoint_weight=2.0,
    face_keypoint_weight=0.5,
    hand_keypoint_weight=0.25,
  )
  objective = AlignmentObjective(body_model, config)
  body = body_model.decode(_upright(), mesh=config.mesh)
  shifts = np.repeat(np.float32([10.0, 20.0, 40.0]), [25, 70, 42])
  found = objective.keypoint_term(
    body,
    camera.project(body.keypoints, _INTRINSICS) + shifts[:, None] * [1.0, 0.0],
    tf.ones([1, 137]),
    _INTRINSICS,
  )
  weights = np.repeat([2.0, 0.5, 0.25], [25, 70, 42])
  np.testing.assert_allclose(
    found, [np.average(shifts, weights=weights)], rtol=1e-4
  )


def test_total_is_the_weighted_sum(objective):
  state = _upright(2)
  many = Intrinsics(*(tf.repeat(x, 2, axis=0) for x in _INTRINSICS))
  terms = objective(state, _target_of(objective, _upright(2, 1), many), many)
  config = objective.config
  expected = (
    config.keypoint_weight * terms.keypoint
    + config.part_weight * terms.part
    + config.pose_prior_weight * terms.pose_prior
    + config.shape_prior_weight * terms.shape_prior
  )
  np.testing.assert_allclose(terms.total, expected, rtol=1e-5)
  assert all(term.shape == [2] for term in terms)


def test_the_true_state_aligns_perfectly(objective):
  state = _upright()
  terms = objective(
    state, _target_of(objective, state, _INTRINSICS), _INTRINSICS
  )
  np.testing.assert_allclose(terms.keypoint, [0.0], atol=2e-3)
  np.testing.assert_allclose(terms.part, [0.0], atol=1e-4)


def test_gradient_agrees_with_finite_differences(objective):
  state, truth = _upright(1, 0), _upright(1, 4)
  target = _target_of(objective, truth, _INTRINSICS)
  vector = state_to_vector(state)
  direction = np.random.default_rng(3).normal(size=[1, STATE_SIZE])
  direction = tf.constant(direction / np.linalg.norm(direction), tf.float32)

  def total(v):
    return objective(state_from_vector(v), target, _INTRINSICS).total

  with tf.GradientTape() as tape:
    tape.watch(vector)
    value = total(vector)
  slope = tf.reduce_sum(tape.gradient(value, vector) * direction).numpy()
  step = 2e-3
  difference = total(vector + step * direction) - total(
    vector - step * direction
  )
  np.testing.assert_allclose(
    slope, difference.numpy()[0] / (2 * step), rtol=0.03
  )


def test_part_gradient_pulls_back_a_shifted_body(body_model):
  """Eq. 5 alone moves a body that was shifted by 15 cm to its place."""
  objective = AlignmentObjective(
    body_model,
    ObjectiveConfig(
      keypoint_weight=0.0, pose_prior_weight=0.0, shape_prior_weight=0.0
    ),
  )
  truth = _upright()
  target = _target_of(objective, truth, _INTRINSICS)
  translation = truth.translation + tf.constant([[0.15, -0.1, 0.0]])

  @tf.function
  def gradient(translation):
    with tf.GradientTape() as tape:
      tape.watch(translation)
      state = truth._replace(translation=translation)
      total = objective(state, target, _INTRINSICS).total
    return tape.gradient(total, translation)

  velocity = tf.zeros_like(translation)
  for _ in range(60):
    slope = gradient(translation)
    velocity = 0.7 * velocity - 0.01 * slope / (tf.norm(slope) + 3.0)
    translation = translation + velocity
  error = tf.norm((translation - truth.translation)[:, :2]).numpy()
  assert error < 0.02, error


def test_backends_and_meshes_that_do_not_exist(body_model):
  with pytest.raises(ValueError, match="renderer"):
    AlignmentObjective(body_model, ObjectiveConfig(renderer="opengl"))
  with pytest.raises(ValueError, match="mesh"):
    AlignmentObjective(body_model, ObjectiveConfig(mesh="proxy_7"))


def test_compiles_under_xla(objective):
  state = _upright()
  target = _target_of(objective, _upright(1, 1), _INTRINSICS)
  compiled = tf.function(objective.__call__, jit_compile=True)
  for one, other in zip(
    compiled(state, target, _INTRINSICS),
    objective(state, target, _INTRINSICS),
    strict=True,
  ):
    np.testing.assert_allclose(one, other, rtol=2e-4, atol=1e-4)


def test_both_renderers_measure_the_same(objective):
  """The `tfg` backend gives about the part loss of the soft one."""
  if not tfg_op.is_available():
    pytest.skip("needs the compiled rasterizer op (make setup)")
  other = AlignmentObjective(
    objective.body_model, ObjectiveConfig(renderer="tfg")
  )
  state = _upright()
  target = _target_of(objective, _upright(1, 5), _INTRINSICS)
  soft = objective(state, target, _INTRINSICS).part.numpy()
  splat = other(state, target, _INTRINSICS).part.numpy()
  assert soft > 0.02
  np.testing.assert_allclose(splat, soft, rtol=0.35)
  assert not other.xla_compatible and objective.xla_compatible
