"""What is known of a body when its shape is known."""

import numpy as np
import pytest

from hund_tf.body import measures
from hund_tf.body.model import BodyModel
from hund_tf.models.hund.polish_anchor import Anchor
from hund_tf.types import STATE_SIZE, Intrinsics
from hund_tf.video import shapes
from hund_tf.video.sightings import stacked
from hund_tf.video.watching import Watcher
from tests.video import made


def _anchor():
  random = np.random.default_rng(0)
  root = random.normal(size=(201, 201)) / 14.0
  return Anchor(
    (root @ root.T + 0.1 * np.eye(201))[None].astype(np.float32),
    np.zeros(0, np.float32),
    (5.0, 3.0),
    (0.0, 1.0),
  )


def test_held_anchor_is_the_conditional_distribution():
  """Against draws: regression on the shape, and what it leaves over."""
  anchor = _anchor()
  held, follow = shapes._held(anchor)
  covariance = np.asarray(anchor.covariances[0], np.float64)
  draws = np.random.default_rng(1).multivariate_normal(
    np.zeros(201), covariance, 20_000
  )
  shape, pose = draws[:, 159:175], draws[:, :69]
  fitted, *_ = np.linalg.lstsq(shape, pose, rcond=None)
  np.testing.assert_allclose(follow[0][:69], fitted.T, atol=0.05)
  left = np.cov((pose - shape @ fitted).T)
  np.testing.assert_allclose(held.covariances[0][:69, :69], left, atol=0.06)
  assert not held.covariances[0][159:175, :69].any()


def _people(count=3):
  watcher = Watcher(made.Detector(), made.Fitter(), made.INTRINSICS)
  frames = [made.frame(i, [(0, 20 + 4 * i, 25)]) for i in range(count)]
  people = watcher(frames).people
  people.last[:, :69] = np.random.default_rng(2).normal(size=(count, 69)) / 3
  return people._replace(polished=people.last, state=people.last)


@pytest.fixture(scope="module")
def body_model():
  return BodyModel()


def test_weights_prefer_sure_frames():
  people = _people()
  people.uncertainty[1] *= 2.0
  people.quality[2] = 0.4
  weights = shapes.weights_of(people)
  np.testing.assert_allclose(weights / weights[0], [1.0, 0.25, 0.5])
  unknown = people._replace(quality=np.full(3, np.nan, np.float32))
  assert np.isfinite(shapes.weights_of(unknown)).all()


def test_without_a_polish_sizes_follow_the_shape(body_model):
  people = _people()
  given = np.zeros((3, 16), np.float32)
  given[:, 0] = 1.5
  found = shapes.ShapeHolder(body_model, None)(people, given, made.INTRINSICS)
  tall = measures.stature(body_model, given)
  usual = measures.stature(body_model, np.zeros((3, 16)))
  np.testing.assert_allclose(
    found[:, -3:], people.last[:, -3:] * (tall / usual)[:, None], rtol=1e-5
  )
  np.testing.assert_array_equal(found[:, 159:175], given)


def test_polished_states_have_exactly_the_shape(body_model):
  people = _people()
  given = np.full((3, 16), 0.3, np.float32)
  holder = shapes.ShapeHolder(body_model, _anchor())
  found = holder(people, given, made.INTRINSICS)
  np.testing.assert_array_equal(found[:, 159:175], given)
  assert np.isfinite(found).all()
  assert np.abs(found[:, :69] - people.last[:, :69]).max() > 1e-3
  # Fingers and face are not moved.
  np.testing.assert_array_equal(found[:, 69:159], people.last[:, 69:159])


def test_hands_that_were_put_on_stay(body_model):
  people = _people()
  state = people.state.copy()
  state[0, 69:159] = 0.7
  state[0, :69] += 0.1
  people = people._replace(state=state)
  holder = shapes.ShapeHolder(body_model, None)
  given = people.last[:, 159:175]
  found = holder(people, given, made.INTRINSICS)
  np.testing.assert_allclose(found[0, :159], state[0, :159], atol=1e-5)
  np.testing.assert_array_equal(found[1], people.polished[1])


def test_nobody(body_model):
  holder = shapes.ShapeHolder(body_model, None)
  found = holder(stacked([]), np.zeros((0, 16)), Intrinsics(1.0, 1.0))
  assert found.shape == (0, STATE_SIZE)
