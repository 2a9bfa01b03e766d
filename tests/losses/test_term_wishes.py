"""What terms ask of the parts of bodies: by closed forms."""

import numpy as np
import pytest

from hund_tf.body import parts, poses, skeleton
from hund_tf.compat import tf
from hund_tf.losses.term_wishes import MOVES, PARTS, PartMoves
from hund_tf.losses.terms import Term

_HEAD = skeleton.INDEX["head"]
_KNEE = skeleton.INDEX["l_knee"]
_LEVER = 0.15


@pytest.fixture(scope="module")
def body(body_model):
  state = poses.a_pose(body_model)
  return body_model.decode(state, "proxy_1500")


@pytest.fixture(scope="module")
def moves(body_model):
  return PartMoves(body_model, "proxy_1500")


def _wishes(asked) -> np.ndarray:
  return asked.wishes.numpy().reshape(-1, PARTS, 6)


def _row(name: str) -> int:
  return parts.INDEX[name] - 1


def test_a_distance_along_an_axis_is_to_be_gone(moves, body):
  """One point of one part: the smallest shift and turn that bring it there."""
  place = body.joints.numpy()[0, _HEAD] + [0.0, 0.2, 0.0]
  term = Term("head", lambda b: b.joints[:, _HEAD, 1:2] - place[1], 1e4)
  asked = moves.asked([term], body)
  value = 1e4 * 0.2**2
  np.testing.assert_allclose(asked.value, [value], rtol=1e-4)
  wish = _wishes(asked)[0] * (1.0 + value) / value
  assert not np.delete(wish, _row("head"), axis=0).any()
  members = np.asarray(moves._shares.joints)[:, _row("head")]
  joints = body.joints.numpy()[0]
  apart = joints[_HEAD] - members @ joints / members.sum()
  turns = np.cross(np.eye(3), apart)[:, 1] / _LEVER
  slope = np.array([0.0, 1.0, 0.0, *turns])  # of y by each move of the head
  np.testing.assert_allclose(
    wish[_row("head")], 0.2 * slope / (slope @ slope), atol=2e-4
  )


def test_a_value_asks_what_residuals_ask(moves, body):
  both = [_HEAD, _KNEE]
  function = lambda b: tf.gather(b.joints[..., 1], both, axis=1) - [[0.3, 1.9]]
  square = lambda b: tf.reduce_sum(function(b) ** 2, axis=-1)
  asked, same = (
    moves.asked([Term("t", f, 100.0)], body) for f in (function, square)
  )
  np.testing.assert_allclose(same.value, asked.value, rtol=1e-5)
  np.testing.assert_allclose(same.wishes, asked.wishes, atol=2e-3)
  assert np.abs(asked.wishes).max() > 0.05


def test_a_joint_between_two_parts_asks_both(moves, body):
  term = Term("knee", lambda b: b.joints[:, _KNEE, 2:] - 9.0, 1e3)
  wish = np.abs(_wishes(moves.asked([term], body))[0]).max(axis=-1)
  legs = [_row("l_upper_leg"), _row("l_lower_leg")]
  assert wish[legs].min() > 0.1 and not np.delete(wish, legs).any()


def test_vertices_ask_too(moves, body, body_model):
  labels = body_model.part_labels("proxy_1500")
  hand = np.flatnonzero(labels == parts.INDEX["r_hand"])
  term = Term(
    "hand", lambda b: tf.reduce_mean(tf.gather(b.vertices, hand, axis=1), 1)
  )
  wish = _wishes(moves.asked([term], body))[0]
  assert np.abs(wish[_row("r_hand")]).max() > 0.1
  assert not np.delete(wish, _row("r_hand"), axis=0).any()


@pytest.mark.parametrize(
  "function",
  [
    lambda b: 0.0 * b.joints[:, 0],
    lambda b: -tf.reduce_sum(b.joints[:, 0] ** 2, axis=-1),
    lambda b: tf.math.log(-(b.joints[:, 0] ** 2) - 1.0),
    lambda b: 5.0 + 0.0 * b.joints[:, 0],
  ],
  ids=["met", "negative", "not a number", "constant"],
)
def test_nothing_is_asked_where_nothing_can_be(moves, body, function):
  assert not moves.asked([Term("t", function)], body).wishes.numpy().any()


def test_terms_add_up_and_people_are_apart(moves, body):
  """What two terms ask of the second of two people is the sum of each."""
  shift = np.array([[[0.0, 0.0, 0.0]], [[0.1, 0.3, 0.0]]], np.float32)
  two = body._replace(
    **{
      name: tf.concat([getattr(body, name)] * 2, axis=0) + shift
      for name in ("vertices", "joints", "keypoints")
    },
    rotations=tf.concat([body.rotations] * 2, axis=0),
  )
  terms = [
    Term("x", lambda b: b.joints[:, _HEAD, :1], 10.0),
    Term("y", lambda b: b.joints[:, _KNEE, 1:2], 10.0),
  ]
  both = moves.asked(terms, two)
  assert both.wishes.shape == (2, MOVES)
  second = tf.nest.map_structure(lambda x: x[1:], two)
  each = [moves.asked([term], second) for term in terms]
  np.testing.assert_allclose(
    both.wishes[1:], each[0].wishes + each[1].wishes, atol=1e-4
  )


def test_a_term_below_0_silences_no_other(moves, body):
  square = lambda b: tf.reduce_sum(b.joints[:, _HEAD] ** 2, axis=-1)
  one = moves.asked([Term("t", square)], body)
  both = moves.asked([Term("t", square), Term("n", lambda b: -square(b))], body)
  assert one.value.numpy()[0] > 0.0
  np.testing.assert_array_equal(both.value, one.value)
  np.testing.assert_array_equal(both.wishes, one.wishes)
