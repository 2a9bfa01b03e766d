"""Adaptation without annotations: it helps, and the guard stops what harms."""

import dataclasses
import json

import numpy as np
import pytest

from hund_tf.compat import tf
from hund_tf.motion import pose_library
from hund_tf.synthetic.example_config import SyntheticConfig
from hund_tf.synthetic.examples import SyntheticExamples
from hund_tf.training.adaptation import report as adaptation_report
from hund_tf.training.adaptation.guard import (
  GuardConfig,
  Judgement,
  objections,
)
from hund_tf.training.adaptation.trainer import Adaptation, AdaptationConfig
from hund_tf.training.hund.step import StepReport
from hund_tf.types import STATE_DIMS, AlignmentTerms, HumanState
from tests.eager import run_eagerly
from tests.training.adaptation.photo_people_fixtures import seen_people

# As graphs the same steps are run by the program's tests.
pytestmark = pytest.mark.usefixtures("eager")

_CONFIG = AdaptationConfig(
  steps=12,
  batch_size=4,
  synthetic_batch_size=4,
  learning_rate=3e-3,
  ema=0.0,
  judge_steps=6,
  synthetic_examples=4,
  # An untrained model's errors in 3D mean nothing yet.
  guard=GuardConfig(max_error_rise=1.0),
)


@pytest.fixture(scope="module")
def synthetic(body_model):
  config = SyntheticConfig(render_parts=False).without_noise()
  return SyntheticExamples(body_model, pose_library.empty(), config)


@pytest.fixture(scope="module")
def people(synthetic):
  """People to train on, and others."""
  batches = [seen_people(synthetic.example_batch(77, i, 4)) for i in range(2)]
  return batches[0], batches[1][:3]


@pytest.fixture(scope="module")
def adaptation(new_model, people, synthetic):
  """Of a new model."""
  return Adaptation(
    new_model(), *people, synthetic, synthetic, _CONFIG, lambda line: None
  )


@pytest.fixture(scope="module")
def adapted(adaptation):
  """What the adaptation came to, and the weights that it ended with."""
  with run_eagerly():
    result = adaptation.run()
  return result, _values(adaptation)


@pytest.fixture
def rerun(adaptation, adapted, new_model, monkeypatch):
  """Runs anew, from the first weights; with a step in place of its own."""

  def call(step=None):
    for variable in adaptation._optimizer.variables:
      variable.assign(tf.zeros_like(variable))
    for variable, first in zip(
      adaptation.model.trainable_variables,
      new_model().trainable_variables,
      strict=True,
    ):
      variable.assign(first)
    if step is not None:
      monkeypatch.setattr(adaptation, "_step", lambda *_: step)
    return adaptation.run(), _values(adaptation)

  return call


def _values(adaptation):
  return [v.numpy() for v in adaptation.model.trainable_variables]


def _report(loss: float) -> StepReport:
  return StepReport(np.float32(loss), np.float32(1.0), None, None)


def _assert_same(values, others):
  for a, b in zip(values, others, strict=True):
    np.testing.assert_array_equal(a, b)


def test_held_out_people_fit_better_and_the_best_weights_stay(
  adaptation, adapted
):
  result, values = adapted
  assert result.reasons == []
  assert result.best.objective < 0.9 * result.before.objective
  assert [look.step for look in result.history] == [0, 6, 12]
  assert result.best.objective == min(x.objective for x in result.history)
  _assert_same(_values(adaptation), values)
  again = adaptation.judge(result.best.step)
  np.testing.assert_array_equal(again.terms.total, result.best.terms.total)
  assert again.terms.total.shape == (3,)
  assert again.state.body_pose.shape == (3, 69)


def test_the_same_seed_gives_the_same_bits(adapted, rerun):
  result, values = rerun()
  looks = [look.objective for look in result.history]
  assert looks == [look.objective for look in adapted[0].history]
  _assert_same(values, adapted[1])


def test_the_part_term_is_taken_of_photos_alone(
  new_model, body_model, synthetic, monkeypatch
):
  """What is known of B is read of everybody."""
  config = SyntheticConfig(full_parts=1.0, no_parts=0.0)
  with_parts = SyntheticExamples(body_model, pose_library.empty(), config)
  mask = np.ones([480, 480], np.uint8)
  people = [
    person._replace(detection=person.detection._replace(mask=mask))
    for person in seen_people(with_parts.example_batch(77, 0, 4))
  ]
  adaptation = Adaptation(
    new_model(), people, people, with_parts, synthetic, _CONFIG, lambda _: None
  )
  asked = set()

  def make_step(regime, parts):
    def step(batch, number):
      known = batch.features.part_weights.numpy()
      asked.add((regime, parts, int(known.sum(axis=1).min())))
      return _report(1.0)

    return step

  monkeypatch.setattr(adaptation, "_step", make_step)
  for step in range(8):
    adaptation._train(step)
  assert asked == {("joint", "none", 16), ("SS", "full", 2)}


@pytest.mark.slow
def test_averaged_weights_are_judged_and_kept(
  new_model, people, synthetic, monkeypatch
):
  # Averages reach back over a tenth of the steps: a momentum of 0.5 at most.
  config = dataclasses.replace(_CONFIG, steps=20, judge_steps=20, ema=0.75)
  adaptation = Adaptation(
    new_model(), *people, synthetic, synthetic, config, lambda line: None
  )
  expected = _values(adaptation)
  train = adaptation._train

  def train_and_average(step):
    done = train(step)
    for average, value in zip(expected, _values(adaptation), strict=True):
      average += 0.5 * (value - average)
    return done

  monkeypatch.setattr(adaptation, "_train", train_and_average)
  result = adaptation.run()
  assert result.best.step == 20
  for value, average in zip(_values(adaptation), expected, strict=True):
    np.testing.assert_allclose(value, average, atol=1e-5)
  again = adaptation.judge(20)
  np.testing.assert_array_equal(again.terms.total, result.best.terms.total)


def test_harmful_training_is_refused_and_undone(
  adaptation, rerun, new_model, people
):
  def harm(batch, step):
    for variable in adaptation.model.trainable_variables:
      variable.assign_add(tf.ones_like(variable))
    return _report(1.0)

  result, values = rerun(harm)
  assert result.best is None
  assert "L_u of the held-out people" in result.reasons[0]
  assert [look.step for look in result.history] == [0, 6, 12]
  _assert_same(values, [v.numpy() for v in new_model().trainable_variables])
  report = adaptation_report.build(result, _CONFIG, *people, seconds=1.0)
  assert report["kept"] is False and report["after"] is None
  assert report["reasons"] == result.reasons
  json.dumps(report, allow_nan=False)


def test_patience_ends_it(adaptation, rerun, monkeypatch):
  config = dataclasses.replace(_CONFIG, judge_steps=2, patience=3)
  monkeypatch.setattr(adaptation, "_config", config)
  result, _ = rerun(lambda batch, step: _report(1.0))  # nothing changes
  assert [look.step for look in result.history] == [0, 2, 4, 6]
  assert result.best is None


def test_a_loss_that_is_not_finite_ends_it(rerun, new_model):
  result, values = rerun(lambda batch, step: _report(np.nan))
  assert result.best is None and len(result.history) == 1
  assert result.reasons == ["the loss was not finite before the first look"]
  _assert_same(values, [v.numpy() for v in new_model().trainable_variables])


def test_a_report_of_kept_weights(adapted, people):
  result, _ = adapted
  report = adaptation_report.build(result, _CONFIG, *people, seconds=2.5)
  assert report["kept"] and report["seconds"] == 2.5
  assert report["after"]["step"] == result.best.step
  assert report["before"]["worse_people"] == 0
  assert report["held_out_photos"] == [f"photo_{i}.jpg" for i in range(3)]
  assert report["trained_people"] == 4
  values = [row["after"] for row in report["held_out_people"]]
  assert np.mean(values) == pytest.approx(
    report["after"]["objective"], abs=1e-3
  )
  assert report["settings"]["guard"]["max_error_rise"] == 1.0


def _judgement(totals, mpjpe=90.0, step=5):
  totals = np.array(totals, np.float32)
  state = HumanState(*(np.zeros([len(totals), n]) for n in STATE_DIMS))
  return Judgement(step, state, AlignmentTerms(*[totals] * 5), mpjpe, 60.0)


_BEFORE = _judgement([10.0, 20.0, 30.0, 40.0], step=0)
_GUARD = GuardConfig(
  min_gain=0.05, worse_by=0.1, max_worse_share=0.25, max_error_rise=0.02
)


@pytest.mark.parametrize(
  ("totals", "mpjpe", "words"),
  [
    ([9.0, 18.0, 27.0, 36.0], 91.7, []),
    ([9.0, 18.0, 27.0, 36.0], 91.9, ["MPJPE of synthetic people"]),
    ([9.6, 19.2, 28.8, 38.4], 90.0, ["L_u of the held-out people went"]),
    ([11.5, 18.0, 20.0, 36.0], 90.0, []),  # one of four gets worse
    ([11.5, 22.5, 10.0, 20.0], 90.0, ["L_u of 2 of 4 held-out people"]),
    (
      [12.0, 24.0, 36.0, 48.0],
      99.0,
      ["L_u of the held", "4 of 4", "MPJPE of synthetic"],
    ),
    ([9.0, np.nan, 9.0, 9.0], 90.0, ["expected finite"]),
    ([9.0, 9.0, 9.0, 9.0], np.nan, ["expected finite"]),
  ],
)
def test_what_the_guard_objects_to(totals, mpjpe, words):
  found = objections(_BEFORE, _judgement(totals, mpjpe), _GUARD)
  assert len(found) == len(words)
  for line, word in zip(found, words, strict=True):
    assert word in line and line.startswith("step 5:")


def test_synthetic_steps_have_batches_of_their_own(
  new_model, people, synthetic, monkeypatch
):
  made = []
  make = synthetic.example_batch

  def example_batch(seed, step, batch_size):
    made.append((step, batch_size))
    return make(seed, step, batch_size)

  config = dataclasses.replace(
    _CONFIG, steps=4, synthetic_share=0.5, synthetic_batch_size=6
  )
  adaptation = Adaptation(
    new_model(), *people, synthetic, synthetic, config, lambda line: None
  )
  monkeypatch.setattr(synthetic, "example_batch", example_batch)
  assert [adaptation._train(step) for step in range(4)] == [True] * 4
  assert made == [(1, 6), (3, 6)]


def test_synthetic_steps_are_spread_evenly():
  def steps(share):
    config = AdaptationConfig(synthetic_share=share)
    return [config.is_synthetic(step) for step in range(8)]

  assert steps(0.5) == [False, True] * 4  # in turn
  assert steps(0.0) == [False] * 8
  assert sum(steps(0.25)) == 2 and sum(steps(0.75)) == 6


@pytest.mark.parametrize(
  ("changes", "message"),
  [
    ({"meta_loss": "mean"}, "meta_loss: got 'mean'"),
    ({"synthetic_share": 1.0}, "from 0 to 0.99"),
    ({"steps": 0}, "expected a whole number of at least 1"),
    ({"synthetic_batch_size": 0}, "synthetic_batch_size.*number of at least 1"),
    ({"synthetic_examples": 0}, "expected a whole number of at least 1"),
  ],
)
def test_settings_that_make_no_sense(changes, message):
  with pytest.raises(ValueError, match=message):
    AdaptationConfig(**changes)


def test_nobody_to_judge_by_is_an_error(new_model, people, synthetic):
  with pytest.raises(ValueError, match="at least one"):
    Adaptation(new_model(), people[0], [], synthetic, synthetic, _CONFIG)
