"""The random family of terms: true of people but for the noise it states."""

import numpy as np
import pytest

from hund_tf.body import skeleton
from hund_tf.compat import tf
from hund_tf.draws import Draws
from hund_tf.losses import random_terms
from hund_tf.types import BodyOutput

_PEOPLE = 400


def _joints() -> tf.Tensor:
  rng = np.random.default_rng(0)
  return tf.constant(rng.normal(0.0, 0.5, [_PEOPLE, 63, 3]), tf.float32)


def _draw(joints, share=1.0, step=0):
  known = tf.ones([len(joints)])
  return random_terms.draw(Draws(3, step), joints, known, share)


def _body(joints) -> BodyOutput:
  none = tf.zeros([len(joints), 0, 3])
  return BodyOutput(none, joints, none, tf.zeros([len(joints), 0, 3, 3]))


def test_noise_is_that_of_the_weight():
  """Squares over sigma^2 have as a mean the number of what is measured."""
  joints = _joints()
  drawn = _draw(joints)
  values = random_terms.as_term(drawn).value(_body(joints)).numpy()
  kinds = np.argmax(drawn.kind, axis=1)
  assert np.bincount(kinds).min() > _PEOPLE / 6
  measured = {0: drawn.counts.numpy().sum(1)[kinds == 0].mean(), 1: 3.0, 2: 1.0}
  for kind, count in measured.items():
    of_kind = values[kinds == kind]
    error = of_kind.std() / np.sqrt(len(of_kind))
    assert abs(of_kind.mean() - count) < 4.0 * error
  # A direction has two numbers, and its noise none along itself.
  assert 1.5 < values[kinds == 3].mean() < 2.5


def test_a_term_is_a_function_of_seed_and_step():
  joints = _joints()
  first, again, other = (_draw(joints, step=s) for s in (0, 0, 1))
  np.testing.assert_array_equal(first.offsets, again.offsets)
  assert not np.array_equal(first.offsets, other.offsets)


def test_shares_say_who_has_one():
  drawn = _draw(_joints(), share=0.25)
  assert 0.18 < np.mean(drawn.weight.numpy() > 0.0) < 0.32
  unknown = tf.zeros([_PEOPLE])
  nobody = random_terms.draw(Draws(3, 0), _joints(), unknown, 1.0)
  assert not nobody.weight.numpy().any()
  none = _draw(_joints(), share=0.0)
  assert not none.weight.numpy().any()
  assert not random_terms.distance(none, _body(_joints())).numpy().any()


def test_bodies_that_come_several_times_meet_their_own_terms():
  joints = _joints()
  term = random_terms.as_term(_draw(joints))
  once = term.residuals(_body(joints))
  thrice = term.residuals(_body(tf.repeat(joints, 3, axis=0)))
  np.testing.assert_array_equal(tf.repeat(once, 3, axis=0), thrice)


@pytest.mark.parametrize("kind", range(4), ids=random_terms.KINDS)
def test_a_shift_is_as_far_as_it_is(kind):
  """Of the joint that a term of each kind is about, by 7 cm."""
  joints = _joints()
  only = tf.one_hot(tf.fill([_PEOPLE], kind), 4)
  first = tf.one_hot(tf.zeros([_PEOPLE], tf.int32), 4)
  rows = np.arange(_PEOPLE)
  chosen = np.stack([rows % 60, 60 + rows % 3, rows % 60, rows % 60], axis=1)
  points = joints.numpy()[rows[:, None], chosen]
  apart = points[:, 0] - points[:, 1]
  length = np.linalg.norm(apart, axis=-1)
  along = apart / length[:, None]
  drawn = _draw(joints)._replace(
    weight=tf.fill([_PEOPLE], 25.0),
    kind=only,
    joints=tf.constant(chosen, tf.int32),
    counts=first,
    normal=tf.constant(along),
    offsets=tf.constant(np.einsum("bni,bi->bn", points, along)),
    place=tf.constant(points[:, 0]),
    distance=tf.constant(length),
  )
  np.testing.assert_allclose(
    random_terms.distance(drawn, _body(joints)), 1e-4, atol=1e-4
  )
  moved = joints.numpy().copy()
  moved[rows, chosen[:, 0]] += 0.07 * along
  expected = 0.0 if random_terms.KINDS[kind] == "direction" else 0.07
  np.testing.assert_allclose(
    random_terms.distance(drawn, _body(tf.constant(moved))), expected, atol=2e-4
  )


def test_terms_are_about_joints_that_photos_show():
  drawn = _draw(_joints())
  first, second = drawn.joints.numpy()[:, :2].T
  names = {skeleton.NAMES[i] for i in first}
  assert {"l_wrist", "head", "r_ball", "l_index3", "l_eye"} <= names
  assert not any(name.startswith("spine") for name in names)
  assert (first != second).all()
  parents = np.array(skeleton.PARENTS)[first] == second
  assert 0.4 < parents.mean() < 0.65
  pointing = np.argmax(drawn.kind, axis=1) == 3
  face = np.isin(first, [skeleton.INDEX["l_eye"], skeleton.INDEX["r_eye"]])
  face &= second == skeleton.INDEX["head"]
  assert 0.15 < face[pointing].mean() < 0.4  # 1/4, and a few by chance
  assert face[~pointing].mean() < 0.1
