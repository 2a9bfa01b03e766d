"""Pairs of synthetic people, and what is measured of them."""

import types

import numpy as np
import pytest

from hund_tf.body import keypoints as table
from hund_tf.body import poses, skeleton
from hund_tf.compat import tf
from hund_tf.evaluation import pair_trials
from hund_tf.losses.pair_terms import Apart
from hund_tf.types import RefinementState, TrainingExample

_MESH = "proxy_1500"


@pytest.fixture(scope="module")
def apart(body_model):
  return Apart(body_model)


@pytest.fixture(scope="module")
def state(body_model):
  """Two people, one nearer."""
  one = poses.a_pose(body_model)
  both = tf.nest.map_structure(lambda x: tf.repeat(x, 2, axis=0), one)
  place = tf.constant([[0.5, 0.0, 4.0], [0.0, 0.2, 3.0]])
  return both._replace(translation=place)


@pytest.fixture(scope="module")
def bodies(body_model, state):
  body = body_model.decode(state, _MESH)
  one = lambda i: tf.nest.map_structure(lambda x: x[i : i + 1], body)
  return one(0), one(1)


def test_hands_are_put_together(apart, bodies):
  trial = pair_trials.TouchingHands(apart)
  offset = trial.place(*bodies, None)
  second = pair_trials.moved(bodies[1], offset)
  ours = bodies[0].keypoints[0, table.INDEX["r_hand_middle1"]]
  theirs = second.keypoints[0, table.INDEX["l_hand_middle1"]]
  np.testing.assert_allclose(ours, theirs, atol=1e-5)
  assert trial.function(bodies[0], second).numpy() == 0.0


def test_bodies_are_as_near_as_can_be(apart, bodies):
  trial = pair_trials.StayApart(apart)
  offset = trial.place(*bodies, np.random.default_rng(0))
  deep = lambda far: (
    apart(bodies[0], pair_trials.moved(bodies[1], far)).numpy().max()
  )
  assert deep(offset) == 0.0
  together = (bodies[0].joints - bodies[1].joints)[0, 0].numpy()
  way = offset - together
  assert abs(way[1]) < 1e-5  # at the same height
  assert deep(offset - 0.015 * way / np.linalg.norm(way)) > 0.0


def test_what_is_measured(body_model, bodies, state, apart):
  """The second is found 0.3 m too far, and put right by the term."""
  true = body_model.decode(state, _MESH)
  wrong = state._replace(translation=state.translation + [[0.0], [0.3]])

  def trace(state):
    row = tf.nest.map_structure(lambda x: x[:, None], state)
    return RefinementState(
      row, tf.zeros([2, 1]), tf.zeros([2, 1]), tf.zeros([2, 1])
    )

  relations = []

  class Method:
    objective = types.SimpleNamespace(body_model=body_model)

    def __call__(self, features, intrinsics):
      # Given nearer first.
      return trace(tf.nest.map_structure(lambda x: x[::-1], wrong))

    def resume(self, *given, held, **asked):
      relations.extend(asked["relations"])
      return trace(tf.nest.map_structure(lambda x: x[::-1], state))

  blank = tf.zeros([2])
  example = TrainingExample(
    *[blank] * 3, state, true.vertices, true.joints, *[blank] * 3
  )
  trial = pair_trials.TouchingHands(apart)
  found = pair_trials.relate([example], Method(), trial, 9.0, 1, 0)
  ((term, pairs),) = relations
  assert term.weight == 9.0 and pairs == [(0, 1)]
  np.testing.assert_allclose(found.with_term, [0.0])
  assert found.without[0] > 100.0
  np.testing.assert_allclose(found.error_without, [0.0], atol=0.1)
  np.testing.assert_allclose(found.apart_with, [0.0], atol=0.1)
  assert found.apart_without[0] > 10.0


def test_points_in_a_mesh(body_model, bodies):
  """Joints of trunk and limbs are in the body, others beside it."""
  vertices = bodies[0].vertices[0].numpy()
  faces = body_model.faces(_MESH)
  joints = bodies[0].joints[0].numpy()
  rows = [skeleton.INDEX[name] for name in ("spine3", "l_knee", "r_elbow")]
  assert pair_trials.inside(joints[rows], vertices, faces).all()
  beside = joints[rows] + [0.0, 0.0, 0.25]
  between = (joints[rows[1]] + joints[skeleton.INDEX["r_knee"]])[None] / 2.0
  for points in (beside, between):
    assert not pair_trials.inside(points, vertices, faces).any()
