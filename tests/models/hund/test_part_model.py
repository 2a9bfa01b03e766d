"""The descent of hands and faces: its start, its frame, its trace, its file."""

import numpy as np
import pytest

from hund_tf.body.part_bodies import KINDS
from hund_tf.compat import tf, tf_keras
from hund_tf.geometry import camera, rotation
from hund_tf.models.hund import part_weights
from hund_tf.models.hund.part_cell import PartConfig
from hund_tf.models.weight_files import WeightsError
from hund_tf.synthetic.part_examples import PartExamples, PartExamplesConfig
from hund_tf.training.parts.validation import PartValidation
from tests.eager import run_eagerly

pytestmark = pytest.mark.usefixtures("eager")

_BATCH = 8
_CLEAN = PartExamplesConfig(
  noise_scale=0.0, no_landmarks_3d=0.0, lost_points=0.0
)


@pytest.fixture(scope="module", params=KINDS)
def kind(request):
  return request.param


@pytest.fixture(scope="module")
def model(body_model, kind):
  """A model whose weights are large enough to see what they do."""
  tf_keras.utils.set_random_seed(0)
  made = part_weights.make(body_model, PartConfig(part=kind))
  for variable in made.trainable_variables:
    if "initial_state" in variable.name or "update" in variable.name:
      variable.assign_add(tf.random.normal(variable.shape, stddev=0.02))
  return made


@pytest.fixture(scope="module")
def example(body_model, kind):
  with run_eagerly():
    return PartExamples(body_model, kind).example_batch(0, 0, _BATCH)


def test_a_descent_starts_where_landmarks_and_keypoints_say(body_model, kind):
  made = part_weights.make(body_model, PartConfig(part=kind))
  for variable in made.initial_state.trainable_variables:
    variable.assign(tf.zeros_like(variable))
  examples = PartExamples(body_model, kind, _CLEAN)
  first = PartValidation(examples, 256).rows(made)
  degrees = first.degrees[:, 0]
  assert np.median(degrees) < 6.0 and np.percentile(degrees, 90) < 15.0
  assert np.median(first.pixels[:, 0]) < 40.0  # of 480, of the mean part


def test_sizes_are_those_of_the_documentation(model, kind):
  count = sum(v.shape.num_elements() for v in model.trainable_variables)
  assert count == {"hand": 480_354, "face": 695_762}[kind]


def test_updates_turn_a_part_in_its_own_frame(model):
  space = model.cell.space
  rng = np.random.default_rng(0)
  update = tf.constant(0.1 * rng.normal(size=(1, space.size)), tf.float32)
  turns = rotation.from_6d(tf.constant(rng.normal(size=(2, 6)), tf.float32))
  start = np.tile(space.mean[None], [2, 1])
  start[:, -9:-3] = rotation.to_6d(turns)
  moved = space.moved(tf.constant(start), update)
  after = rotation.from_6d(moved[:, -9:-3])
  own = tf.matmul(turns, after, transpose_a=True)
  np.testing.assert_allclose(own[0], own[1], atol=1e-6)
  assert np.abs(own[0] - np.eye(3)).max() > 0.01
  others = np.r_[: space.size - 9, space.size - 3 : space.size]
  expected = (start + update.numpy())[:, others]
  np.testing.assert_allclose(moved.numpy()[:, others], expected, atol=1e-6)


def test_coordinates_are_states(model, example):
  space = model.cell.space
  back = space.decode(
    space.encode(example.state, example.intrinsics), example.intrinsics
  )
  for found, true in zip(back, example.state, strict=True):
    np.testing.assert_allclose(found, true, atol=1e-5)


def test_the_trace_has_all_stages_in_turn_and_in_a_loop(model, example):
  given = example.features, example.intrinsics
  trace = model(*given, num_stages=2)
  assert trace.terms.total.shape == (_BATCH, 3)
  looped = model.descend_in_loop(*given, num_stages=2)
  for one, other in zip(
    tf.nest.flatten(trace), tf.nest.flatten(looped), strict=True
  ):
    np.testing.assert_allclose(one, other, rtol=1e-3, atol=2e-3)
  last = tf.nest.map_structure(lambda x: x[:, -1], trace.state)
  posed = model.objective.body.decode(last)
  pixels = camera.project(posed.points, example.intrinsics)
  weights = example.features.weights
  apart = tf.norm(pixels - example.features.keypoints, axis=-1)
  mean = tf.reduce_sum(weights * apart, -1) / tf.reduce_sum(weights, -1)
  np.testing.assert_allclose(trace.terms.keypoint[:, -1], mean, rtol=1e-3)


def test_nothing_known_gives_finite_states(model, example):
  blank = tf.nest.map_structure(tf.zeros_like, example.features)
  trace = model(blank, example.intrinsics)
  assert all(np.isfinite(x.numpy()).all() for x in tf.nest.flatten(trace))


def test_weights_are_kept_in_files(model, body_model, kind, example, tmp_path):
  path = tmp_path / "part.npz"
  part_weights.save(model, path)
  again = part_weights.load(body_model, kind, path)
  given = example.features, example.intrinsics
  for one, other in zip(
    tf.nest.flatten(model(*given)), tf.nest.flatten(again(*given)), strict=True
  ):
    np.testing.assert_array_equal(one, other)
  other = "face" if kind == "hand" else "hand"
  with pytest.raises(WeightsError, match=f"of a {kind}, expected.* {other}"):
    part_weights.load(body_model, other, path)
