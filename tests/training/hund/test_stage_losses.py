"""A training step by one XLA program and operation by operation: the same."""

import contextlib
import dataclasses

import numpy as np
import pytest

from hund_tf.compat import tf, tf_keras
from hund_tf.losses.supervised import SupervisedConfig
from hund_tf.models.hund.config import HundConfig
from hund_tf.models.hund.model import HundModel
from hund_tf.motion import pose_library
from hund_tf.synthetic.example_config import SyntheticConfig
from hund_tf.synthetic.examples import SyntheticExamples
from hund_tf.training.hund.stage_losses import descent_losses, loop_losses
from hund_tf.training.hund.step import make_train_step, terms_of_step
from tests.eager import run_eagerly
from tests.training.conftest import CONFIG

_SIZE = HundConfig(
  num_stages=2, units=16, context_size=8, filters=(4,) * 6, term_units=8
)
_LOSSES = SupervisedConfig(rotation_weight=50.0, term_weight=100.0)
_STAGES = 2


@pytest.fixture(scope="module")
def example(body_model):
  examples = SyntheticExamples(
    body_model, pose_library.empty(), SyntheticConfig(render_parts=False)
  )
  with run_eagerly():
    return examples.example_batch(3, 0, 3)


@pytest.fixture(scope="module")
def new_model(objective):
  """Makes models whose stages move: with the first weights they hardly do."""

  def make(jit_compile=False):
    size = dataclasses.replace(_SIZE, jit_compile=jit_compile)
    tf_keras.utils.set_random_seed(0)
    model = HundModel(objective, size)
    model.train_terms(alone=False)
    rng = np.random.default_rng(0)
    for v in model.trainable_variables:
      if "initial_state" in v.name or "update" in v.name:
        v.assign(rng.normal(0.0, 0.05, v.shape))
    return model

  return make


@pytest.mark.usefixtures("eager")
def test_stages_in_a_loop_have_the_losses_of_stages_in_turn(new_model, example):
  model = new_model()
  drawn = terms_of_step(example, 1.0, 0, tf.constant(0))
  losses, terms = descent_losses(model, example, _STAGES, _LOSSES, drawn=drawn)
  plain, _ = descent_losses(model, example, _STAGES, _LOSSES)
  assert (losses[0] > plain[0]).numpy().all()  # farther from terms than 0
  inputs, states = model.begin(example.features, example.intrinsics)
  inputs = inputs._replace(drawn=drawn)
  looped, looped_terms = loop_losses(
    model.cell, inputs, states, example, _STAGES, _LOSSES
  )
  assert looped.shape == (_STAGES + 1, 3)
  assert np.ptp(looped.numpy(), axis=0).min() > 1.0  # the stages move
  np.testing.assert_allclose(looped, losses, rtol=1e-4)
  for one, other in zip(looped_terms, terms, strict=True):
    np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
  "as_python",
  [run_eagerly, pytest.param(contextlib.nullcontext, marks=pytest.mark.slow)],
)
def test_a_compiled_step_is_the_step(as_python, new_model, example):
  """Its report, and the gradient: a step of gradient descent at rate 1.

  To compile it takes a minute; run as Python it is made of the same parts, as
  the step operation by operation is here.
  """
  config = dataclasses.replace(
    CONFIG,
    regime="joint",
    initial_state_weight=0.5,
    clip_norm=1e9,
    random_terms=1.0,
  )
  reports, weights = [], []
  for jit_compile in (False, True):
    model = new_model(jit_compile)
    before = {v.name: v.numpy() for v in model.trainable_variables}
    step = make_train_step(
      model,
      tf_keras.optimizers.SGD(1.0, jit_compile=False),
      config,
      _LOSSES,
      _STAGES,
      tf.distribute.get_strategy(),
      "none",
    )
    with as_python() if jit_compile else run_eagerly():
      reports.append(step(example, tf.constant(0, tf.int64)))
    weights.append(
      {v.name: v.numpy() - before[v.name] for v in model.trainable_variables}
    )
  for one, other in zip(*map(tf.nest.flatten, reports), strict=True):
    np.testing.assert_allclose(one, other, rtol=1e-3)
  assert weights[0].keys() == weights[1].keys()
  for name, moved in weights[0].items():
    scale = np.abs(moved).max()
    assert scale > 0.0, name
    np.testing.assert_allclose(
      weights[1][name], moved, atol=2e-3 * scale, err_msg=name
    )


@pytest.mark.usefixtures("eager")
def test_without_weight_vertices_are_not_looked_at(new_model, example):
  """As XLA can then leave them out, they may be anything."""
  model = new_model()
  losses = dataclasses.replace(_LOSSES, vertex_weight=0.0)
  unknown = example._replace(vertices=example.vertices * np.nan)
  known, _ = descent_losses(model, example, 1, losses)
  values, _ = descent_losses(model, unknown, 1, losses)
  np.testing.assert_array_equal(values, known)
