"""Gauss-Newton: against closed forms, differences, and the polish."""

from types import SimpleNamespace

import numpy as np
import pytest

from hund_tf import types
from hund_tf.body import keypoints as keypoint_table
from hund_tf.body import poses
from hund_tf.body.points import STEP_SIZE
from hund_tf.compat import tf
from hund_tf.geometry import camera
from hund_tf.losses.alignment import AlignmentObjective, ObjectiveConfig
from hund_tf.models.hund import polish
from hund_tf.models.hund.evidence_3d import Evidence
from hund_tf.models.hund.outline import Mask
from hund_tf.models.hund.polish_anchor import Anchor
from hund_tf.models.hund.polish_rows import Seen
from hund_tf.optimization import gauss_newton, parameters
from hund_tf.optimization.config import OptimizerConfig
from hund_tf.optimization.gauss_newton import moved
from hund_tf.optimization.minimize import counted
from hund_tf.types import AlignmentTarget, HumanState, Intrinsics

_INTRINSICS = Intrinsics(
  focal=tf.constant([[600.0, 620.0]]), center=tf.constant([[240.0, 230.0]])
)
_LATENTS = STEP_SIZE - 6
pytestmark = pytest.mark.usefixtures("eager")


@pytest.fixture(scope="module", name="objective")
def _objective(body_model):
  return AlignmentObjective(body_model, ObjectiveConfig(part_weight=0.0))


@pytest.fixture(scope="module", name="evaluate")
def _evaluate(objective):
  return gauss_newton.linearization(objective)


def _state(body_model, spread: float) -> HumanState:
  """The mean person in an A-pose's place, latents drawn from so wide a bell."""
  random = np.random.default_rng(2)
  draw = lambda x: tf.constant(random.normal(0, spread, x.shape), tf.float32)
  state = poses.a_pose(body_model)
  state = HumanState(*(draw(x) for x in state[:5]), *state[5:])
  return state._replace(translation=tf.constant([[0.2, -0.1, 2.7]]))


def _off_by(objective, state, pixels: float, weights) -> AlignmentTarget:
  """Keypoints as far from the state's, each in a direction of its own."""
  body = objective.body_model.decode(state, mesh=objective.config.mesh)
  angle = np.random.default_rng(4).uniform(0.0, 2.0 * np.pi, [1, 137])
  shift = pixels * np.stack([np.cos(angle), np.sin(angle)], axis=-1)
  return AlignmentTarget(
    camera.project(body.keypoints, _INTRINSICS) + shift.astype(np.float32),
    tf.constant(weights, tf.float32)[None],
    tf.zeros([1, 60, 60, 15]),
    tf.zeros([1, 16]),
  )


def test_priors_alone_are_a_quadratic_with_its_minimum_at_zero(
  objective, evaluate, body_model
):
  state = _state(body_model, 1.0)
  target = _off_by(objective, state, 5.0, np.zeros(137))
  found = evaluate(state, (target, _INTRINSICS))
  config = objective.config
  curvature = np.repeat(
    [2.0 * config.pose_prior_weight, 2.0 * config.shape_prior_weight],
    [sum(types.STATE_DIMS[:3]), sum(types.STATE_DIMS[3:5])],
  )
  latents = np.concatenate(state[:5], axis=1)[0]
  np.testing.assert_allclose(
    found.hessian[0], np.diag(np.pad(curvature, [0, 6])), atol=1e-6
  )
  np.testing.assert_allclose(
    found.gradient[0], np.pad(curvature * latents, [0, 6]), atol=1e-5
  )
  start = parameters.pack(state).numpy()
  path = gauss_newton.descend(evaluate, (target, _INTRINSICS), start, 6)
  assert path.terms[-1].total[0] < 1e-6 * path.terms[0].total[0]
  np.testing.assert_allclose(path.points[-1][0, _LATENTS:], start[0, _LATENTS:])
  assert path.evaluations == list(range(1, len(path.points) + 1))


def test_gradient_and_hessian_are_those_of_the_keypoints(
  objective, evaluate, body_model
):
  """Against differences of L_u, and of the projected keypoints."""
  state = _state(body_model, 0.5)
  weights = np.random.default_rng(0).uniform(0.0, 1.0, 137)
  target = _off_by(objective, state, 5.0, weights)
  found = evaluate(state, (target, _INTRINSICS))
  random = np.random.default_rng(1)
  directions = random.normal(size=[12, STEP_SIZE])
  directions[:, :_LATENTS] *= 3.0
  directions[0, :-6] = directions[1, :-3] = 0.0  # turn and place, place alone
  size = 2e-4

  def at(length):
    steps = tf.constant(length * directions, tf.float32)
    many = HumanState(*(tf.repeat(x, 12, axis=0) for x in state))
    return objective.body_model.decode(
      moved(many, steps), mesh=objective.config.mesh
    )

  repeated = Intrinsics(*(tf.repeat(x, 12, axis=0) for x in _INTRINSICS))
  ahead, behind = (
    camera.project(at(length).keypoints, repeated).numpy()
    for length in (size, -size)
  )
  slopes = (ahead - behind) / (2.0 * size)  # [12, 137, 2]
  share = weights * objective.keypoint_shares
  share = share / share.sum() / 5.0
  squared = np.einsum("k,akc,bkc->ab", share, slopes, slopes)
  priors = np.diag(gauss_newton._prior_curvatures(objective))
  expected = squared + directions @ priors @ directions.T
  got = directions @ found.hessian[0].numpy() @ directions.T
  np.testing.assert_allclose(got, expected, rtol=0.02, atol=0.02 * got.max())
  error = camera.project(at(0.0).keypoints, repeated) - target.keypoints
  pulled = np.einsum("k,kc,akc->a", share, error.numpy()[0], slopes)
  latents = np.pad(np.concatenate(state[:5], axis=1)[0], [0, 6])
  pulled += directions @ priors @ latents
  got = directions @ found.gradient[0].numpy()
  np.testing.assert_allclose(got, pulled, rtol=0.02, atol=0.2)


def test_a_step_is_that_of_the_polish_where_both_apply(
  objective, evaluate, body_model, monkeypatch
):
  """All distances alike, the priors as the anchor, nothing hardly heard."""
  distance = 0.5
  state = _state(body_model, 0.0)
  weights = np.zeros(137)
  weights[keypoint_table.BODY] = np.linspace(0.3, 1.0, 25)
  target = _off_by(objective, state, distance, weights)
  found = evaluate(state, (target, _INTRINSICS))
  step = np.linalg.solve(
    found.hessian[0] + 1e-6 * np.eye(STEP_SIZE), -found.gradient[0].numpy()
  )
  ours = moved(state, tf.constant(step[None], tf.float32))
  precision = gauss_newton._prior_curvatures(objective)
  anchor = Anchor(
    covariances=np.diag(1.0 / np.maximum(precision, 1e-6))[None],
    edges=np.zeros([0]),
    keypoints=(float(np.sqrt(weights.sum() * distance)), 1e4),
    landmarks=(0.0, 1.0),
  )
  monkeypatch.setattr(polish, "NUM_STEPS", 1)
  seen = Seen(
    target.keypoints,
    target.keypoint_weights,
    Evidence(*([None] * len(Evidence._fields))),
    Mask(tf.zeros([1, 60, 60]), tf.zeros([1])),
  )
  theirs = polish.Polish(body_model, anchor, whole=True)(
    state, seen, _INTRINSICS
  )
  before, *after = (
    body_model.decode(s, mesh="proxy_1500").joints[0].numpy()
    for s in (state, ours, theirs)
  )
  far = np.linalg.norm(after[0] - before, axis=1).max()
  apart = np.linalg.norm(after[0] - after[1], axis=1).max()
  assert far > 1e-3 and apart < 0.02 * far, (far, apart)


def test_it_goes_down_from_the_better_of_two_starts(objective):
  truth = poses.a_pose(objective.body_model)
  target = _off_by(objective, truth, 0.0, np.ones(137))
  config = OptimizerConfig(
    "gauss_newton", max_iterations=5, start_iterations=2, num_yaw_starts=2
  )
  trace, evaluations = counted(objective, target, _INTRINSICS, config)
  totals = trace.terms.total[0].numpy()
  assert (np.diff(totals) <= 0.0).all() and totals[-1] < 0.5 * totals[0]
  assert trace.terms.keypoint[0, -1] < 3.0
  assert trace.state.body_pose.shape == [1, 8, 69]
  # Both starts are evaluated three times, and the better once more.
  assert evaluations.tolist() == [[2, 4, 6, 8, 9, 10, 11, 12]]


def test_other_bodies_are_refused():
  with pytest.raises(ValueError, match="open body alone; got a str, for which"):
    gauss_newton.linearization(SimpleNamespace(body_model="none"))
