"""HUND: the trace's meaning, the cell's contract, training."""

import numpy as np
import pytest

from hund_tf.compat import tf, tf_keras
from hund_tf.geometry import camera
from hund_tf.losses.heatmaps import target_from_features
from hund_tf.models.hund.cell import (
  DescentInputs,
  HundCell,
  loss_inputs,
  posed_inputs,
)
from hund_tf.models.hund.config import HundConfig
from hund_tf.models.hund.evidence_3d import Evidence, evidence_of
from hund_tf.models.hund.model import HundModel, blank_inputs
from hund_tf.models.hund.part_moments import part_moments
from hund_tf.types import (
  STATE_SIZE,
  AlignmentTarget,
  RefinementState,
  no_landmarks_3d,
)
from tests.eager import run_eagerly


@pytest.fixture(scope="module")
def model(keypoint_objective):
  """A model whose weights are large enough to see what they do."""
  tf_keras.utils.set_random_seed(0)
  made = HundModel(keypoint_objective)
  for variable in made.trainable_variables:
    if "initial_state" in variable.name or "update" in variable.name:
      variable.assign_add(tf.random.normal(variable.shape, stddev=0.02))
  return made


@pytest.fixture(scope="module")
def trace(model, observed) -> RefinementState:
  return model(*observed, num_stages=3)


def _count(variables) -> int:
  return sum(v.shape.num_elements() for v in variables)


def test_all_variables_but_the_branch_for_terms_are_trained(model):
  branch = {v.name for v in model.cell.term_branch.variables}
  assert {v.name for v in model.non_trainable_variables} == branch
  assert _count(model.cell.term_branch.variables) == 195_660


def test_image_features_fit_into_the_same_budget(keypoint_objective):
  with_features = HundModel(
    keypoint_objective, HundConfig(feature_channels=256)
  )
  count = _count(with_features.trainable_variables)
  assert abs(count / 950_000 - 1.0) < 0.05
  features, intrinsics = blank_inputs(HundConfig())
  with pytest.raises(ValueError, match="features F: 0 channels.*256"):
    with_features(features, intrinsics, num_stages=0)


def test_trace_has_the_shapes_of_any_minimiser(trace):
  assert trace.state.body_pose.shape == [2, 4, 69]
  assert trace.state.translation.shape == [2, 4, 3]
  assert trace.terms.total.shape == trace.seconds.shape == [2, 4]
  assert trace.memory.shape == [2, 4, 512]
  assert np.isfinite(trace.terms.total.numpy()).all()
  assert (
    not trace.memory[:, 0].numpy().any() and trace.memory[:, 1].numpy().any()
  )


def test_terms_are_those_of_the_states_beside_them(
  trace, observed, keypoint_objective
):
  features, intrinsics = observed
  target = target_from_features(features)
  for i in range(4):
    state = tf.nest.map_structure(lambda x, i=i: x[:, i], trace.state)
    for term, in_trace in zip(
      keypoint_objective(state, target, intrinsics), trace.terms, strict=True
    ):
      np.testing.assert_allclose(term, in_trace[:, i], rtol=1e-3, atol=1e-3)


def test_more_stages_continue_the_same_descent(model, observed, trace):
  longer = model(*observed, num_stages=6)
  assert longer.terms.total.shape == [2, 7]
  first = tf.nest.map_structure(lambda x: x[:, :4], longer)
  tf.nest.map_structure(
    lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4),
    first,
    trace,
  )
  assert model(*observed).terms.total.shape == [2, 6]
  assert model(*observed, num_stages=0).terms.total.shape == [2, 1]
  with pytest.raises(ValueError, match="num_stages: got -1"):
    model(*observed, num_stages=-1)


def test_stages_in_a_loop_are_the_same_descent(model, observed, trace):
  """And the loop refuses what the model refuses."""
  looped = model.descend_in_loop(*observed, num_stages=3)
  for one, other in zip(
    tf.nest.flatten(looped), tf.nest.flatten(trace), strict=True
  ):
    np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-4)
  with pytest.raises(ValueError, match="num_stages: got -1"):
    model.descend_in_loop(*observed, num_stages=-1)


def test_examples_do_not_mix(model, observed, trace):
  second = tf.nest.map_structure(lambda x: x[1:], observed)
  alone = model(*second, num_stages=3)
  np.testing.assert_allclose(
    alone.terms.total[0], trace.terms.total[1], rtol=1e-3
  )


def test_bodies_of_a_descent_belong_to_its_states(model, observed):
  descent = model.descend(*observed, num_stages=1)
  for stage in descent.stages:
    np.testing.assert_allclose(
      stage.body.joints[:, 0], stage.state.translation, atol=1e-5
    )
    assert stage.body.vertices.shape == [2, 752, 3]


def test_a_stage_reads_the_loss_of_the_state_before_it(model, observed):
  """Other targets, same context: the update differs."""
  features, intrinsics = observed
  target = target_from_features(features)
  moments = part_moments(target)
  evidence = evidence_of(features, intrinsics)
  context = model.embedding(features, target, intrinsics, moments, evidence)
  moved = target._replace(keypoints=target.keypoints + 20.0)
  states = model.cell.get_initial_state(batch_size=2)
  inputs = lambda t: _inputs(context, t, intrinsics)
  _, first = model.cell(inputs(target), states)
  _, second = model.cell(inputs(moved), states)
  assert np.abs(first[0] - second[0]).max() > 1e-3


def _inputs(context, target, intrinsics):
  unknown = Evidence(*no_landmarks_3d(2))
  moments = part_moments(target)
  return DescentInputs(context, target, intrinsics, moments, unknown)


def test_the_cell_keeps_the_contract_of_rnn_cells(model, observed):
  cell = model.cell
  assert cell.state_size == [STATE_SIZE, 256, 256]
  features, intrinsics = observed
  target = target_from_features(features)
  moments = part_moments(target)
  evidence = evidence_of(features, intrinsics)
  context = model.embedding(features, target, intrinsics, moments, evidence)
  inputs = _inputs(context, target, intrinsics)
  states = cell.get_initial_state(inputs)
  output, new_states = cell(inputs, states)
  for state, new, size in zip(states, new_states, cell.state_size, strict=True):
    assert state.shape == new.shape == [2, size]
  tf.nest.assert_same_structure(output, cell.output_size)
  for tensor, shape in zip(
    tf.nest.flatten(output),
    tf.nest.flatten(tuple(tuple(part) for part in cell.output_size)),
    strict=True,
  ):
    assert tensor.shape[1:] == shape


@pytest.mark.parametrize(("kind", "size"), [("terms", 5), ("keypoints", 142)])
def test_fewer_loss_inputs(keypoint_objective, observed, kind, size):
  config = HundConfig(loss_inputs=kind)
  assert config.loss_input_size == size
  made = HundModel(keypoint_objective, config)
  assert made(*observed, num_stages=1).terms.total.shape == [2, 2]


def test_loss_inputs_are_signed_and_weighted_by_confidence(
  keypoint_objective, trace, observed
):
  _, intrinsics = observed
  state = tf.nest.map_structure(lambda x: x[:, 0], trace.state)
  body = keypoint_objective.body_model.decode(state, mesh="proxy_1500")
  terms = tf.nest.map_structure(lambda x: x[:, 0], trace.terms)
  points = camera.project(body.keypoints, intrinsics)
  weights = np.ones([2, 137], np.float32)
  weights[:, 3] = 0.0
  target = AlignmentTarget(
    keypoints=points + tf.constant([8.0, -0.08]),
    keypoint_weights=tf.constant(weights),
    part_probs=tf.zeros([2, 60, 60, 15]),
    part_weights=tf.zeros([2, 16]),
  )
  values = loss_inputs("residuals", terms, body, target, intrinsics).numpy()
  assert values.shape == (2, 279)
  np.testing.assert_allclose(
    values[:, :5], np.log1p(np.stack(terms, -1)), rtol=1e-5
  )
  errors = values[:, 5:].reshape(2, 137, 2)
  assert not errors[:, 3].any()
  np.testing.assert_allclose(errors[:, 4, 0], -np.arcsinh(1.0), atol=1e-3)
  np.testing.assert_allclose(errors[:, 4, 1], 0.01, atol=1e-3)


def test_posed_inputs_are_the_body_about_its_pelvis(keypoint_objective, trace):
  state = tf.nest.map_structure(lambda x: x[:, 0], trace.state)
  body = keypoint_objective.body_model.decode(state, mesh="proxy_1500")
  values = posed_inputs(body).numpy().reshape(2, 25, 3)
  pelvis = body.joints[:, 0].numpy()
  nose = body.keypoints[:, 0].numpy()
  np.testing.assert_allclose(values[:, 0], nose - pelvis, atol=1e-6)
  # Metres from the pelvis: where the body is does not matter.
  moved = state._replace(translation=state.translation + [0.5, -0.3, 2.0])
  body = keypoint_objective.body_model.decode(moved, mesh="proxy_1500")
  np.testing.assert_allclose(
    posed_inputs(body).numpy().reshape(2, 25, 3), values, atol=1e-5
  )


def test_posed_inputs_can_be_left_out(keypoint_objective, observed):
  config = HundConfig(posed_inputs=False)
  made = HundModel(keypoint_objective, config)
  assert made(*observed, num_stages=1).terms.total.shape == [2, 2]


@pytest.fixture(scope="module")
def part_terms(full_objective, observed):
  """L_b `[2]` of s_0, and its gradient's path, by how it is taken."""
  features, intrinsics = observed
  tf_keras.utils.set_random_seed(0)
  cell = HundModel(full_objective).cell
  target = target_from_features(features)
  inputs = _inputs(tf.zeros([2, 132]), target, intrinsics)
  found = {}
  for parts in ("full", "value", "none"):
    coordinates = cell.get_initial_state(inputs)[0]
    with run_eagerly(), tf.GradientTape() as tape:
      tape.watch(coordinates)
      part = cell.evaluate(coordinates, inputs, parts).terms.part
    gradient = tape.gradient(part, coordinates, unconnected_gradients="zero")
    found[parts] = part.numpy(), gradient.numpy()
  return found


def test_the_part_term_by_value_and_not_at_all(part_terms):
  value, slope = part_terms["full"]
  assert (value > 0.0).all() and slope.any()
  np.testing.assert_allclose(part_terms["value"][0], value, rtol=1e-5)
  assert not part_terms["value"][1].any()
  assert not part_terms["none"][0].any() and not part_terms["none"][1].any()


def test_nothing_known_of_the_parts_is_no_part_term(
  full_objective, observed, eager
):
  """Leaving L_b out changes nothing where no part is known."""
  features, intrinsics = observed
  unknown = features._replace(part_weights=tf.zeros_like(features.part_weights))
  target = target_from_features(unknown)
  inputs = _inputs(tf.zeros([2, 132]), target, intrinsics)
  cell = HundModel(full_objective).cell
  coordinates = cell.get_initial_state(inputs)[0]
  terms = [
    cell.evaluate(coordinates, inputs, parts).terms
    for parts in ("full", "none")
  ]
  for with_parts, without in zip(*terms, strict=True):
    np.testing.assert_allclose(with_parts, without, rtol=1e-6)


def test_every_weight_learns_and_the_loss_falls(keypoint_objective, observed):
  tf_keras.utils.set_random_seed(1)
  made = HundModel(keypoint_objective, HundConfig(num_stages=2))
  optimizer = tf_keras.optimizers.Adam(2e-3)

  @tf.function(autograph=False)
  def step():
    with tf.GradientTape() as tape:
      terms = made(*observed).terms
      loss = tf.reduce_mean(terms.total)
    gradients = tape.gradient(loss, made.trainable_variables)
    optimizer.apply_gradients(
      zip(gradients, made.trainable_variables, strict=True)
    )
    return loss, gradients

  losses = []
  for _ in range(25):
    loss, gradients = step()
    losses.append(loss.numpy())
  for gradient, variable in zip(
    gradients, made.trainable_variables, strict=True
  ):
    assert np.isfinite(gradient.numpy()).all(), variable.name
    assert gradient.numpy().any(), variable.name
  assert losses[-1] < 0.6 * losses[0], losses


def test_no_gradient_through_detached_loss_inputs(
  keypoint_objective, observed, eager
):
  """The value stays, the path of the gradient is cut."""
  features, intrinsics = observed
  slopes = []
  for detach in (False, True):
    tf_keras.utils.set_random_seed(2)
    made = HundModel(keypoint_objective, HundConfig(detach_loss_inputs=detach))
    states = made.cell.get_initial_state(batch_size=2)
    target = target_from_features(features)
    context = tf.zeros([2, 132])
    with tf.GradientTape() as tape:
      tape.watch(target.keypoints)
      _, new = made.cell(_inputs(context, target, intrinsics), states)
    slopes.append(
      tape.gradient(
        new[0], target.keypoints, unconnected_gradients="zero"
      ).numpy()
    )
  assert slopes[0].any() and not slopes[1].any()


def test_bad_settings():
  with pytest.raises(ValueError, match="loss_inputs: got 'all'"):
    HundConfig(loss_inputs="all")
  with pytest.raises(ValueError, match="expected 6"):
    HundConfig(filters=(8, 8))
  with pytest.raises(ValueError, match="expected a whole number of at least 0"):
    HundConfig(num_stages=-1)


def test_layer_is_kept_apart_from_the_objective(keypoint_objective):
  cell = HundCell(keypoint_objective)
  cell.build(None)
  assert len(cell.variables) == 16  # 6 of them of the branch for terms
  assert cell.objective is keypoint_objective
