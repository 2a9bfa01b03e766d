"""Methods: optimisers and the learned descent return the same kind of trace."""

import numpy as np
import pytest

from hund_tf.body import poses
from hund_tf.body.points import STEP_SIZE
from hund_tf.compat import tf
from hund_tf.geometry import camera
from hund_tf.losses.alignment import AlignmentObjective, ObjectiveConfig
from hund_tf.losses.heatmaps import render_heatmaps
from hund_tf.models.hund.config import HundConfig
from hund_tf.models.hund.model import HundModel, blank_inputs
from hund_tf.models.hund.polish_anchor import Anchor
from hund_tf.optimization.config import OptimizerConfig
from hund_tf.reconstruction import methods
from hund_tf.reconstruction.methods import HundMethod, OptimizerMethod
from tests.eager import run_eagerly


@pytest.fixture(scope="module")
def objective(keypoint_objective):
  return keypoint_objective


@pytest.fixture(scope="module")
def problem(body_model):
  """Two crops that show an A-pose, as clean heatmaps."""
  features, intrinsics = blank_inputs(HundConfig(), batch=2)
  state = poses.a_pose(body_model)._replace(
    translation=tf.constant([[0.1, 0.0, 5.5]])
  )
  body = body_model.decode(state, mesh="proxy_1500")
  points = tf.repeat(body.keypoints, 2, axis=0)
  weights = tf.ones([2, 137])
  maps = render_heatmaps(camera.project(points, intrinsics), weights)
  return (
    features._replace(heatmaps=maps, heatmap_weights=weights),
    intrinsics,
  )


@pytest.fixture(scope="module")
def model(objective):
  """A learned descent, which keeps what is traced of it."""
  return HundModel(objective)


@pytest.fixture(scope="module")
def one_stage(model):
  """The method of it, with a single stage."""
  return HundMethod(model, num_stages=1)


@pytest.fixture(scope="module")
def polished(model):
  """The same with a polish."""
  covariance = np.diag(np.full([STEP_SIZE], 0.3**2, np.float32))
  anchor = Anchor(covariance[None], np.zeros([0]), (10.0, 3.0), (0.2, 1.5))
  return HundMethod(model, num_stages=1, anchor=anchor)


def test_the_learned_descent_stage_by_stage_equals_the_model(model, problem):
  trace = HundMethod(model, num_stages=3)(*problem)
  whole = model(*problem, num_stages=3)
  for one, other in zip(
    tf.nest.flatten((trace.state, trace.terms, trace.memory)),
    tf.nest.flatten((whole.state, whole.terms, whole.memory)),
    strict=True,
  ):
    np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-4)
  assert trace.seconds.shape == [2, 4]
  assert (np.diff(trace.seconds) > 0).all()


def test_nothing_is_rendered_where_no_part_is_known(
  full_objective, problem, eager
):
  """And the descent is the same as with rendering: L_b is 0."""
  model = HundModel(full_objective)
  method = HundMethod(model, num_stages=1)
  features, intrinsics = problem
  asked = []
  plain_step = method._descent.step

  def step(parts):
    asked.append(parts)
    return plain_step(parts)

  method._descent.step = step
  trace = method(features, intrinsics)
  whole = model(features, intrinsics, num_stages=1)
  np.testing.assert_allclose(trace.terms.total, whole.terms.total, rtol=1e-3)
  known = features._replace(part_weights=tf.ones_like(features.part_weights))
  assert method(known, intrinsics).terms.part.numpy().all()
  assert asked == ["none", "value"]


def test_stages_are_traced_once_for_any_number_of_people(one_stage, problem):
  both = one_stage(*problem)
  one = one_stage(*tf.nest.map_structure(lambda x: x[1:], problem))
  np.testing.assert_allclose(one.terms.total[0], both.terms.total[1], rtol=1e-3)
  step = one_stage._descent.step("none")
  assert step.experimental_get_tracing_count() == 1


@pytest.mark.slow
def test_a_compiled_descent_is_the_same(body_model, problem):
  """All of its trace, whether parts are known or not, for any batch."""
  model = HundModel(AlignmentObjective(body_model))
  features, intrinsics = problem
  seen = tf.ones_like(features.part_weights)
  known = features._replace(part_weights=seen)
  plain = HundMethod(model, num_stages=3)
  compiled = HundMethod(model, num_stages=3, jit_compile=True)
  last = tf.nest.map_structure(lambda x: x[1:], (known, intrinsics))
  for case in (problem, (known, intrinsics), last):
    trace, expected = compiled(*case), plain(*case)
    for one, other in zip(
      tf.nest.flatten((trace.state, trace.terms, trace.memory)),
      tf.nest.flatten((expected.state, expected.terms, expected.memory)),
      strict=True,
    ):
      np.testing.assert_allclose(one, other, rtol=2e-3, atol=1e-3)
  assert trace.terms.part.numpy().all()


def test_a_compiled_descent_shares_its_time_among_its_stages(model, problem):
  """And is the same as one that is not compiled."""
  trace = HundMethod(model, num_stages=3, jit_compile=True)(*problem)
  with run_eagerly():
    expected = model(*problem, num_stages=3)
  for one, other in zip(
    tf.nest.flatten((trace.state, trace.terms, trace.memory)),
    tf.nest.flatten((expected.state, expected.terms, expected.memory)),
    strict=True,
  ):
    np.testing.assert_allclose(one, other, rtol=2e-3, atol=1e-3)
  seconds = trace.seconds.numpy()
  assert seconds.shape == (2, 4)
  np.testing.assert_allclose(seconds / seconds[:, :1], [[1, 2, 3, 4]] * 2)


def test_refinement_starts_where_the_descent_ended(model, one_stage, problem):
  config = OptimizerConfig(max_iterations=5)
  trace = HundMethod(model, 2, config)(*problem)
  steps = trace.terms.total.shape[1]
  assert steps > 3
  assert trace.memory.shape[:2] == [2, steps]
  totals = trace.terms.total.numpy()
  assert (totals[:, -1] < totals[:, 2]).all()
  assert (np.diff(totals[:, 2:], axis=1) <= 1e-3 * totals[:, 2:-1]).all()
  assert one_stage(*problem).terms.total.shape == [2, 2]


def test_seconds_of_the_refinement_come_on_top(
  model, one_stage, problem, monkeypatch
):
  descent = one_stage(*problem)
  rest = tf.nest.map_structure(lambda x: tf.repeat(x[:, -1:], 3, 1), descent)
  rest = rest._replace(seconds=tf.constant([[0.0, 0.25, 0.75]] * 2))
  taken = np.array([[1, 4, 9]] * 2)
  monkeypatch.setattr(methods, "counted", lambda *given: (rest, taken))
  hybrid = HundMethod(model, 1, OptimizerConfig())
  trace, evaluations = hybrid.counted(*problem)
  seconds = trace.seconds.numpy()
  assert seconds.shape == (2, 4)
  np.testing.assert_array_equal(evaluations, [[1, 2, 6, 11]] * 2)
  np.testing.assert_allclose(
    seconds[:, 2:] - seconds[:, 1:2], [[0.25, 0.75]] * 2, atol=1e-4
  )


def test_an_optimiser_is_a_method(objective, problem):
  config = OptimizerConfig(
    max_iterations=4, start_iterations=2, num_yaw_starts=2
  )
  trace = OptimizerMethod(objective, config)(*problem)
  assert trace.terms.total.shape[0] == 2
  assert (trace.terms.total[:, -1] < trace.terms.total[:, 0]).numpy().all()


def test_terms_are_those_of_the_objective_that_was_asked_for(
  objective, problem, eager
):
  config = ObjectiveConfig(part_weight=0.0, keypoint_weight=2.0)
  other = AlignmentObjective(objective.body_model, config)
  model = HundModel(objective)
  trace = HundMethod(model, 1, objective=other)(*problem)
  plain = HundMethod(model, 1)(*problem)
  np.testing.assert_allclose(
    trace.terms.total - plain.terms.total, plain.terms.keypoint, rtol=1e-3
  )


def test_the_polish_is_a_row_after_the_last_stage(one_stage, polished, problem):
  """Closer to the picture, the stages as without it."""
  assert one_stage.uncertainty is None
  before, after = one_stage(*problem), polished(*problem)
  assert after.terms.total.shape == [2, 3] == after.seconds.shape
  for one, other in zip(
    tf.nest.flatten((before.state, before.terms, before.memory)),
    tf.nest.flatten((after.state, after.terms, after.memory)),
    strict=True,
  ):
    np.testing.assert_allclose(one, other[:, :2], rtol=1e-3, atol=1e-4)
  keypoint = after.terms.keypoint.numpy()
  assert (keypoint[:, 2] < 0.7 * keypoint[:, 1]).all()
  assert (np.diff(after.seconds) > 0).all()
  last = tf.nest.map_structure(lambda x: x[:, -1], after.state)
  expected = polished.uncertainty(*problem, last).numpy()
  assert expected.shape == (2, 63) and (expected[:, 1:] > 0.0).all()


def _rows(structure, rows) -> list[np.ndarray]:
  return [x.numpy()[:, rows] for x in tf.nest.flatten(structure)]


def _resumes_as_if_it_had_not_stopped(whole, method, problem, stages):
  trace = method(*problem)
  rest = method.resume(*problem, trace, stages)
  first, total = trace.seconds.shape[1] - 1, whole.seconds.shape[1]
  assert rest.seconds.shape == [2, stages + 1]
  for one, other in zip(
    _rows((rest.state, rest.terms, rest.memory), slice(None)),
    _rows((whole.state, whole.terms, whole.memory), slice(first, total)),
    strict=True,
  ):
    np.testing.assert_allclose(one, other, rtol=2e-3, atol=1e-3)


def test_a_descent_goes_on_as_if_it_had_not_stopped(model, one_stage, problem):
  whole = model(*problem, num_stages=3)
  _resumes_as_if_it_had_not_stopped(whole, one_stage, problem, 2)
  last = tf.nest.map_structure(lambda x: x[:, 1], whole.state)
  rest = model.resume(*problem, last, whole.memory[:, 1], 2)
  for one, other in zip(
    _rows((rest.state, rest.memory), slice(None)),
    _rows((whole.state, whole.memory), slice(1, None)),
    strict=True,
  ):
    np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-4)


@pytest.mark.slow
def test_a_compiled_descent_goes_on(model, problem):
  whole = model(*problem, num_stages=3)
  compiled = HundMethod(model, 1, jit_compile=True)
  _resumes_as_if_it_had_not_stopped(whole, compiled, problem, 2)


def test_a_polished_descent_goes_on_from_its_last_stage(polished, problem):
  """Not from the polished state."""
  trace = polished(*problem)
  rest = polished.resume(*problem, trace, 1)
  assert rest.seconds.shape == [2, 3]
  for one, other in zip(
    _rows((rest.state, rest.memory), 0),
    _rows((trace.state, trace.memory), 1),
    strict=True,
  ):
    np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-4)


def test_an_optimiser_goes_on_from_its_last_state(objective, problem):
  config = OptimizerConfig(
    max_iterations=4, start_iterations=2, num_yaw_starts=2
  )
  method = OptimizerMethod(objective, config)
  trace = method(*problem)
  rest = method.resume(*problem, trace, 2)
  np.testing.assert_allclose(
    rest.terms.total[:, 0], trace.terms.total[:, -1], rtol=1e-3
  )
  assert (rest.terms.total[:, -1] < trace.terms.total[:, -1]).numpy().all()
