"""Trials of terms: true of whom they were set to, and by how much they miss."""

import numpy as np
import pytest

from hund_tf.body import keypoints as table
from hund_tf.body import poses
from hund_tf.compat import tf
from hund_tf.evaluation import term_trials
from hund_tf.types import BodyOutput


@pytest.fixture(scope="module")
def body(body_model) -> BodyOutput:
  return body_model.decode(poses.a_pose(body_model), "proxy_1500")


def _shifted(body: BodyOutput, offset) -> BodyOutput:
  return body._replace(keypoints=body.keypoints + tf.constant(offset))


@pytest.mark.parametrize(
  ("make", "offset", "missed"),
  [
    (term_trials.Gaze, [0.0, 0.0, 0.0], 0.0),
    (term_trials.HandOnThing, [0.0, 0.3, -0.4], 0.5),
  ],
)
def test_what_is_true_of_a_person_is_missed_by_others(
  make, offset, missed, body
):
  trial = make()
  assert trial.set(body)
  np.testing.assert_allclose(trial(body), 0.0, atol=1e-5)
  far = np.linalg.norm(trial(_shifted(body, offset)))
  assert far == pytest.approx(missed, abs=1e-4)
  value = term_trials.as_value(trial)(_shifted(body, offset))
  np.testing.assert_allclose(value, [missed**2], atol=1e-4)


def test_a_gaze_misses_by_what_lies_beside_the_place(body):
  """Who is 20 cm beside looks past the place by as much, nearly."""
  trial = term_trials.Gaze()
  trial.set(body)
  ears = body.keypoints.numpy()[0, [table.INDEX["l_ear"], table.INDEX["r_ear"]]]
  aside = 0.2 * (ears[0] - ears[1]) / np.linalg.norm(ears[0] - ears[1])
  missed = np.linalg.norm(trial(_shifted(body, aside.astype(np.float32))))
  assert missed == pytest.approx(0.2, rel=0.02)


def test_a_floor_is_that_of_the_soles(body):
  soles = [
    table.INDEX[f"{s}_{n}"]
    for s in "lr"
    for n in ("big_toe", "small_toe", "heel")
  ]
  points = body.keypoints.numpy().copy()
  points[0, soles, 1] = 1.2
  level = body._replace(keypoints=tf.constant(points))
  trial = term_trials.Floor()
  assert trial.set(level)
  np.testing.assert_allclose(
    np.abs(trial(_shifted(level, [0.3, -0.07, 0.2]))), 0.07, atol=1e-5
  )
  points[0, soles[0], 1] = 0.9
  assert not trial.set(body._replace(keypoints=tf.constant(points)))


def test_hands_touch_or_not(body):
  apart = term_trials.TouchingHands()
  assert not apart.set(body) and apart(body).numpy()[0, 0] > 0.2
