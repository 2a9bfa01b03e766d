"""Stature and girths of synthetic people, by what is known of the camera."""

import json

import numpy as np
import pytest

from hund_tf.body import measures
from hund_tf.compat import tf
from hund_tf.evaluation import shape_errors
from hund_tf.losses.alignment import AlignmentObjective, ObjectiveConfig
from hund_tf.types import (
  AlignmentTerms,
  Intrinsics,
  RefinementState,
  SupervisionWeights,
  TrainingExample,
  state_from_vector,
)

_BATCH = 4


def _example(seed: int, focal: float) -> TrainingExample:
  random = np.random.default_rng(seed)
  vector = np.zeros([_BATCH, 204], np.float32)
  state = state_from_vector(tf.constant(vector))._replace(
    shape=tf.constant(random.normal(0.0, 0.6, [_BATCH, 16]), tf.float32)
  )
  camera = Intrinsics(
    tf.fill([_BATCH, 2], 700.0 * focal), tf.fill([_BATCH, 2], 240.0)
  )
  blank = SupervisionWeights(*[None] * 5)
  return TrainingExample(
    state, None, camera, state, None, None, None, None, blank
  )


class _Method:
  """Finds the true shape where the focal length is 700, else the mean body.

  The examples have their true state in place of features.
  """

  def __init__(self, body_model):
    config = ObjectiveConfig(part_weight=0.0)
    self.objective = AlignmentObjective(body_model, config)

  def __call__(self, features, intrinsics):
    right = np.isclose(intrinsics.focal.numpy()[0, 0], 700.0)
    state = features._replace(shape=features.shape * float(right))
    trace = tf.nest.map_structure(lambda x: x[:, None], state)
    blank = tf.zeros([_BATCH, 1])
    return RefinementState(trace, AlignmentTerms(*[blank] * 5), blank, blank)


def test_known_and_guessed_focal_lengths(body_model, tmp_path):
  # Of the first group the true focal length is 700, of the second the guess.
  groups = [(1.0, [_example(0, 1.0)]), (1.5, [_example(1, 1.5)])]
  text = shape_errors.run(groups, _Method(body_model), "known", tmp_path)
  content = json.loads((tmp_path / "shape.json").read_text())
  rows = {row["group"]: row for row in content["rows"]}
  assert len(rows) == 3 * len(measures.MEASURES)
  assert content["statures"] == [1.5, 1.95] and "1.50 to 1.95 m" in text
  mean = rows["stature, mean body"]
  assert mean["people"] == 8 and mean["correlation"] is None
  guessed = rows["stature, guessed"]
  assert guessed["absolute error"] == pytest.approx(0.0, abs=1e-6)
  assert guessed["correlation"] == pytest.approx(1.0)
  # Half of the people are taken for the mean body.
  known = rows["stature, known focal length"]
  assert 0.0 < known["absolute error"] < mean["absolute error"]
  assert 0.2 < known["correlation"] < 0.99


def test_correlations_have_standard_errors():
  x = np.arange(101.0)
  assert shape_errors.correlation(x, 3 - 2 * x).value == pytest.approx(-1)
  noise = np.random.default_rng(0).normal(size=101) * 30
  found = shape_errors.correlation(x, x + noise)
  assert found.error == pytest.approx((1 - found.value**2) / 10)
  assert np.isnan(shape_errors.correlation(x, 0 * x).value)
