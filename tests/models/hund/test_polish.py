"""The polish: derivatives, limits, robustness, batches, compilation."""

import dataclasses

import numpy as np
import pytest

from hund_tf.body import landmarks_3d, poses
from hund_tf.body.points import BODY_STEP, STEP_SIZE
from hund_tf.compat import tf
from hund_tf.geometry import camera
from hund_tf.models.hund import evidence_3d, polish_rows, polish_steps
from hund_tf.models.hund import polish as polish_lib
from hund_tf.models.hund.evidence_3d import Evidence
from hund_tf.models.hund.outline import Mask
from hund_tf.models.hund.polish_anchor import Anchor
from hund_tf.models.hund.polish_rows import Seen
from hund_tf.types import Intrinsics

# Of pose latents, shape, expression, turn and placement.
_DEVIATIONS = np.concatenate(
  [np.full(159, 0.5), np.full(36, 0.8), np.full(3, 0.15), np.full(3, 0.05)]
)

_NO_MASK = Mask(tf.zeros([2, 60, 60]), tf.zeros([2]))
_BODY = _DEVIATIONS[BODY_STEP]


def _anchor(scale: float = 1.0, **changes) -> Anchor:
  covariance = np.diag(_DEVIATIONS**2) * scale
  given = {
    "covariances": covariance[None].astype(np.float32),
    "edges": np.zeros([0], np.float32),
    "keypoints": (5.0, 3.0),
    "landmarks": (0.05, 3.0),
  }
  return Anchor(**(given | changes))


@pytest.fixture(scope="module")
def intrinsics():
  return Intrinsics(
    tf.constant([[700.0, 720.0], [1500.0, 1500.0]]),
    tf.constant([[240.0, 230.0], [400.0, 200.0]]),
  )


@pytest.fixture(scope="module")
def start(body_model, intrinsics):
  state = tf.nest.map_structure(
    lambda x: tf.repeat(x, 2, axis=0), poses.a_pose(body_model)
  )
  depth = tf.constant([[0.1, -0.1, 3.0], [-0.3, 0.1, 7.0]])
  return state._replace(translation=depth)


@pytest.fixture(scope="module")
def truth(start, intrinsics):
  """States some way off in everything."""
  random = np.random.default_rng(0)
  step = random.normal(0.0, 0.4, [2, STEP_SIZE])[:, BODY_STEP] * _BODY
  return polish_steps.stepped(start, tf.constant(step, tf.float32), intrinsics)


def _keypoints(body_model, state):
  return body_model.decode(state, mesh="proxy_1500").keypoints


@pytest.fixture(scope="module")
def seen(body_model, truth, intrinsics):
  keypoints = _keypoints(body_model, truth)
  evidence = Evidence(
    1.1 * landmarks_3d.root_relative(keypoints), tf.ones([2, 137])
  )
  pixels = camera.project(keypoints, intrinsics)
  return Seen(pixels, tf.ones([2, 137]), evidence, _NO_MASK)


def _blind(seen):
  evidence = seen.evidence._replace(weights=0.0 * seen.evidence.weights)
  return seen._replace(weights=0.0 * seen.weights, evidence=evidence)


def _picture_errors(body_model, state, seen, intrinsics):
  pixels = camera.project(_keypoints(body_model, state), intrinsics)
  return np.linalg.norm(pixels - seen.keypoints, axis=-1)


def _assert_same_body(body_model, first, second, atol=1e-5):
  for a, b in zip(
    *(body_model.decode(s, "proxy_1500") for s in (first, second)), strict=True
  ):
    np.testing.assert_allclose(a, b, atol=atol)


def test_a_step_leads_from_one_state_to_the_other(
  body_model, start, truth, intrinsics
):
  step = polish_steps.step_between(start, truth, intrinsics)
  there = polish_steps.stepped(
    start, tf.gather(step, BODY_STEP, axis=1), intrinsics
  )
  _assert_same_body(body_model, there, truth, 1e-4)


def test_gradient_is_that_of_the_objective(body_model, start, seen, intrinsics):
  """Against finite differences of the sum that the module states."""
  anchor = _anchor()
  polish = polish_lib.Polish(body_model, anchor)
  precision = tf.constant(anchor.precisions(BODY_STEP)) * tf.ones([2, 1, 1])

  def value(step):
    state = polish_steps.stepped(start, step, intrinsics)
    keypoints = _keypoints(body_model, state)
    total = tf.einsum("bi,bij,bj->b", step, precision, step)
    # The scale of the landmarks is taken as found where it stands.
    points = landmarks_3d.root_relative(keypoints)
    ratios = evidence_3d.ratios(
      landmarks_3d.root_relative(_keypoints(body_model, start)), seen.evidence
    )
    flat = (camera.project(keypoints, intrinsics) - seen.keypoints)[:, :25]
    deep = (points - ratios[..., None] * seen.evidence.landmarks)[:, :25]
    for error, (sigma, cut) in (
      (flat, anchor.keypoints),
      (deep, anchor.landmarks),
    ):
      square = tf.reduce_sum(error**2, -1) / sigma**2
      rho = cut**2 * tf.math.log1p(square / cut**2)
      total += tf.reduce_sum(rho, axis=-1)
    return total.numpy()

  still = tf.zeros([2, len(BODY_STEP)])
  _, gradient = polish._normal_equations(
    start, still, seen, precision, intrinsics
  )
  size = 2e-3
  for index in (0, 20, 68, 70, 84, 85, 87, 88, 89, 90):
    move = np.zeros([2, len(BODY_STEP)], np.float32)
    move[:, index] = size * min(1.0, _BODY[index])
    slope = value(tf.constant(move)) - value(tf.constant(-move))
    slope /= 2.0 * move[:, index]
    np.testing.assert_allclose(
      2.0 * gradient[:, index],
      slope,
      rtol=0.03,
      atol=0.02 * np.abs(gradient).max(),
      err_msg=str(index),
    )


def test_a_step_solves_the_linear_case(body_model, start, seen, intrinsics):
  """Without curvature a step is the mean of prior and measurement."""
  polish = polish_lib.Polish(body_model, _anchor())
  precision, *equations = polish._first_equations(start, seen, intrinsics)
  hessian, gradient = (x.numpy().astype(np.float64) for x in equations)
  expected = -np.linalg.solve(hessian, gradient[..., None])[..., 0]
  one_step = polish_steps.stepped(
    start, tf.constant(expected, tf.float32), intrinsics
  )
  again, _ = polish._normal_equations(
    one_step, tf.constant(expected, tf.float32), seen, precision, intrinsics
  )
  assert np.isfinite(again).all()
  before = _picture_errors(body_model, start, seen, intrinsics)
  after = _picture_errors(body_model, one_step, seen, intrinsics)
  assert after.mean() < 0.5 * before.mean()


def test_it_finds_what_is_seen(body_model, start, truth, seen, intrinsics):
  fitted = polish_lib.Polish(body_model, _anchor())(start, seen, intrinsics)
  before, after = (
    _picture_errors(body_model, state, seen, intrinsics)
    for state in (start, fitted)
  )
  assert after.mean() < 0.2 * before.mean()
  joints = lambda s: body_model.decode(s, "proxy_1500").joints
  errors = [
    np.linalg.norm(joints(s) - joints(truth), axis=-1).mean()
    for s in (start, fitted)
  ]
  assert errors[1] < 0.85 * errors[0]


def test_a_heavy_anchor_holds(body_model, start, seen, intrinsics):
  fitted = polish_lib.Polish(body_model, _anchor(1e-10))(
    start, seen, intrinsics
  )
  _assert_same_body(body_model, fitted, start, 1e-4)


def test_nothing_seen_changes_nothing(body_model, start, seen, intrinsics):
  polish = polish_lib.Polish(body_model, _anchor())
  fitted = polish(start, _blind(seen), intrinsics)
  _assert_same_body(body_model, fitted, start)


def test_one_keypoint_far_off_is_hardly_heard(
  body_model, start, seen, intrinsics
):
  polish = polish_lib.Polish(body_model, _anchor())
  wrong = seen.keypoints.numpy()
  wrong[:, 4] += 300.0  # a wrist
  fitted, misled = (
    polish(start, s, intrinsics)
    for s in (seen, seen._replace(keypoints=tf.constant(wrong)))
  )
  others = np.arange(25) != 4
  gap, good = (
    _picture_errors(body_model, state, seen, intrinsics)[:, :25][:, others]
    for state in (misled, fitted)
  )
  assert gap.mean() < good.mean() + 2.0


def test_people_do_not_depend_on_each_other(
  body_model, start, seen, intrinsics
):
  polish = polish_lib.Polish(body_model, _anchor())
  both = polish(start, seen, intrinsics)
  for i in range(2):
    one = tf.nest.map_structure(
      lambda x, i=i: x[i : i + 1], (start, seen, intrinsics)
    )
    alone = polish(*one)
    row = tf.nest.map_structure(lambda x, i=i: x[i : i + 1], both)
    _assert_same_body(body_model, alone, row, 1e-3)


def test_only_the_body_moves(body_model, start, seen, intrinsics):
  fitted = polish_lib.Polish(body_model, _anchor())(start, seen, intrinsics)
  for name in ("left_hand", "right_hand", "expression"):
    np.testing.assert_array_equal(
      getattr(fitted, name), getattr(start, name), err_msg=name
    )
  assert np.abs(fitted.body_pose - start.body_pose).max() > 0.1


def test_uncertainty_is_that_of_all_numbers(
  body_model, start, seen, intrinsics
):
  """Against the covariance of 201 numbers, in numpy."""
  polish = polish_lib.Polish(body_model, _anchor())
  slopes = polish_rows.placed(polish._joints(start), start, intrinsics).slopes
  rows = (slopes - slopes[:, :1]).numpy().astype(np.float64)
  _, hessian, _ = polish._first_equations(start, seen, intrinsics)
  for i in range(2):
    precision = np.diag(_DEVIATIONS**-2.0)
    precision[np.ix_(BODY_STEP, BODY_STEP)] = hessian[i]
    covariance = np.linalg.inv(precision)
    variance = np.einsum("jci,ik,jck->j", rows[i], covariance, rows[i])
    np.testing.assert_allclose(
      polish.uncertainty(start, seen, intrinsics)[i],
      1e3 * np.sqrt(variance),
      rtol=1e-3,
      atol=1e-3,
    )


def test_compiled_is_eager(body_model, start, seen, intrinsics):
  eager, compiled = (
    polish_lib.Polish(body_model, _anchor(), jit)(start, seen, intrinsics)
    for jit in (False, True)
  )
  _assert_same_body(body_model, eager, compiled, 1e-3)


def test_gradients_pass_and_are_finite(body_model, start, seen, intrinsics):
  polish = polish_lib.Polish(body_model, _anchor())
  with tf.GradientTape() as tape:
    tape.watch(start.body_pose)
    fitted = polish(start, seen, intrinsics)
    total = tf.reduce_sum(_keypoints(body_model, fitted) ** 2)
  gradient = tape.gradient(total, start.body_pose)
  assert np.isfinite(gradient).all() and np.abs(gradient).max() > 0.0


def test_uncertainty_shrinks_with_what_is_seen(
  body_model, start, seen, intrinsics
):
  polish = polish_lib.Polish(body_model, _anchor())
  known = polish.uncertainty(start, seen, intrinsics).numpy()
  unknown = polish.uncertainty(start, _blind(seen), intrinsics).numpy()
  assert known.shape == (2, 63) and np.all(known[:, 0] < 1e-3)  # the pelvis
  assert np.all(known <= unknown + 1e-3)
  assert known.mean() < 0.7 * unknown.mean()
  twice = dataclasses.replace(polish.anchor, uncertainty_scale=2.0)
  doubled = polish_lib.Polish(body_model, twice)
  np.testing.assert_allclose(
    doubled.uncertainty(start, seen, intrinsics), 2.0 * known, rtol=1e-4
  )


def test_the_anchor_is_that_of_how_much_is_known(
  body_model, start, seen, intrinsics
):
  covariances = np.concatenate([_anchor(s).covariances for s in (9.0, 1.0)])
  anchor = _anchor(covariances=covariances, edges=np.array([0.5], np.float32))
  polish = polish_lib.Polish(body_model, anchor)
  some = seen._replace(weights=tf.constant([[0.2], [0.9]]) * seen.weights)
  found, *_ = polish._first_equations(start, some, intrinsics)
  np.testing.assert_allclose(found[1], 9.0 * found[0], rtol=1e-3, atol=1e-3)
