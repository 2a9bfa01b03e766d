"""The polish of people whom terms relate."""

import numpy as np
import pytest

from hund_tf.body import poses, skeleton
from hund_tf.body.points import BODY_STEP, STEP_SIZE
from hund_tf.compat import tf
from hund_tf.geometry import camera
from hund_tf.losses.pair_terms import PairTerm
from hund_tf.models.hund import polish_pairs
from hund_tf.models.hund.evidence_3d import Evidence
from hund_tf.models.hund.outline import Mask
from hund_tf.models.hund.polish_anchor import Anchor
from hund_tf.models.hund.polish_asked import AskedPolish
from hund_tf.models.hund.polish_rows import Seen
from hund_tf.models.hund.polish_steps import stepped
from hund_tf.models.hund.polish_wishes import Held
from hund_tf.types import BodyOutput, Intrinsics

_CAMERAS = Intrinsics(
  tf.constant([[900.0, 900.0]] * 2), tf.constant([[240.0, 240.0]] * 2)
)
_WRIST = skeleton.INDEX["l_wrist"]


@pytest.fixture(scope="module")
def people(body_model):
  """Two people who are the same."""
  one = poses.a_pose(body_model)._replace(
    translation=tf.constant([[0.0, 0.0, 3.5]])
  )
  return tf.nest.map_structure(lambda x: tf.repeat(x, 2, axis=0), one)


def _wrists(first, second):
  """From one wrist to the other, metres, and how far it is from a person."""
  across = second.joints[:, _WRIST] - first.joints[:, _WRIST]
  return tf.concat([across, first.joints[:, 0, 2:] ** 2], axis=-1)


def test_the_system_is_that_of_least_squares():
  """Against residuals of all people together, solved by the SVD."""
  random = np.random.default_rng(0)
  count, numbers = 3, len(BODY_STEP)
  bodies = BodyOutput(
    *(tf.constant(random.normal(size=[count, numbers + 1, 5, 3]), tf.float32),)
    * 3,
    tf.zeros([count, numbers + 1]),
  )
  roots = random.normal(size=[count, 260, STEP_SIZE])
  errors = random.normal(size=[count, 260])
  relations = [
    (
      PairTerm("x", lambda a, b: a.joints[:, 1] * b.joints[:, 2], 4.0),
      [(2, 0)],
    ),
    (
      PairTerm("y", lambda a, b: (a.joints - b.joints)[:, :, 0]),
      [(0, 1), (1, 2)],
    ),
  ]
  found = polish_pairs.solved_together(
    relations,
    bodies,
    tf.constant(np.einsum("bri,brj->bij", roots, roots), tf.float32),
    tf.constant(np.einsum("bri,br->bi", roots, errors), tf.float32),
  )
  points = np.asarray(bodies.joints, np.float64)
  functions = (
    lambda a, b: 2.0 * a[1] * b[2],
    lambda a, b: (a - b)[:, 0],
  )
  rows, right = [], []
  for i in range(count):
    block = np.zeros([260, count, STEP_SIZE])
    block[:, i] = roots[i]
    rows.append(block)
    right.append(errors[i])
  for function, (_, pairs) in zip(functions, relations, strict=True):
    for i, j in pairs:
      start = function(points[i, 0], points[j, 0])
      block = np.zeros([len(start), count, STEP_SIZE])
      for k, number in enumerate(BODY_STEP, 1):
        first = function(points[i, k], points[j, 0]) - start
        second = function(points[i, 0], points[j, k]) - start
        block[:, i, number] = first / polish_pairs.DIFFERENCE
        block[:, j, number] = second / polish_pairs.DIFFERENCE
      rows.append(block)
      right.append(start)
  system = np.concatenate(rows).reshape(-1, count * STEP_SIZE)
  expected = np.linalg.lstsq(system, -np.concatenate(right), rcond=None)[0]
  np.testing.assert_allclose(
    found, expected.reshape(count, STEP_SIZE), rtol=2e-2, atol=1e-4
  )


def test_derivatives_are_those_of_the_residuals(body_model, people):
  steps = tf.zeros([2, len(BODY_STEP)])
  decode = lambda states: body_model.decode(states, "proxy_1500")
  term = PairTerm("wrists", _wrists, 9.0)
  one = lambda body, i: tf.nest.map_structure(lambda x: x[i : i + 1], body)
  with tf.GradientTape(persistent=True) as tape:
    tape.watch(steps)
    body = decode(stepped(people, steps, _CAMERAS))
    residuals = term.residuals(one(body, 0), one(body, 1))[0]
  expected = tape.jacobian(residuals, steps, experimental_use_pfor=False)
  bodies = polish_pairs.tried_bodies(decode, people, _CAMERAS)
  both = (tf.nest.map_structure(lambda x, i=i: x[i], bodies) for i in (0, 1))
  error, slopes = polish_pairs.pair_rows(term, *both)
  np.testing.assert_allclose(error, residuals, atol=1e-5)
  np.testing.assert_allclose(slopes, expected, rtol=5e-3, atol=0.01)


def test_residuals_that_are_not_finite_are_told():
  bodies = BodyOutput(*[tf.zeros([92, 2, 3])] * 4)
  broken = PairTerm("broken", lambda a, b: a.joints[:, 0] / b.joints[:, 0])
  with pytest.raises(ValueError, match="'broken': gives .* not finite"):
    polish_pairs.pair_rows(broken, bodies, bodies)


@pytest.fixture(scope="module")
def polished(body_model, people):
  """Gives both people as a relation makes them."""
  deviations = np.concatenate(
    [np.full(159, 0.5), np.full(36, 0.8), np.full(3, 0.15), np.full(3, 0.05)]
  )
  covariance = np.diag(deviations**2)[None].astype(np.float32)
  anchor = Anchor(covariance, np.zeros([0]), (10.0, 1.5), (0.0, 1.0))
  polish = AskedPolish(body_model, anchor, whole=True)
  points = body_model.decode(people, "proxy_1500").keypoints
  seen = Seen(
    camera.project(points, _CAMERAS),
    tf.ones([2, 137]),
    Evidence(tf.zeros([2, 137, 3]), tf.zeros([2, 137])),
    Mask(tf.zeros([2, 60, 60]), tf.zeros([2])),
  )
  held = Held(
    tf.zeros([2, 137, 2]),
    tf.zeros([2, 137]),
    tf.zeros([2, 63, 3]),
    tf.zeros([2, 63]),
    tf.zeros([2, 3]),
  )

  def polished(relations, shape=None):
    return polish(people, seen, _CAMERAS, held._replace(shape=shape), relations)

  return polished


def _nearer(first, second):
  """The second person stands where the first one does, and shall be nearer."""
  return second.joints[:, 0] - first.joints[:, 0] + [0.0, 0.0, 0.03]


def test_people_who_are_known_alike_move_alike(eager, people, polished):
  fitted = polished([(PairTerm("near", _nearer, 1e5), [(0, 1)])])
  moved = (fitted.translation - people.translation).numpy()
  np.testing.assert_allclose(moved[0, 2] - moved[1, 2], 0.03, atol=2e-3)
  np.testing.assert_allclose(moved[0, 2], -moved[1, 2], rtol=0.05)
  np.testing.assert_array_equal(fitted.left_hand, people.left_hand)
  assert np.abs(fitted.shape - people.shape).max() > 1e-3


def test_who_has_a_known_shape_keeps_it(eager, people, polished):
  shape = tf.constant([[0.0], [1.0]])
  fitted = polished([(PairTerm("near", _nearer, 1e5), [(0, 1)])], shape)
  change = np.abs(fitted.shape - people.shape).max(axis=1)
  assert change[0] < 1e-5 < 1e-3 < change[1]


def test_what_weighs_nothing_changes_nothing(eager, polished):
  alone = polished(())
  related = polished([(PairTerm("near", _nearer, 0.0), [(0, 1)])])
  for before, after in zip(alone, related, strict=True):
    np.testing.assert_allclose(after, before, atol=1e-5)


@pytest.mark.parametrize("pair", [(0, 1), (1, 0)])
def test_people_begin_as_far_apart_as_is_best(body_model, people, pair):
  """The one is known three times worse, and moves more; depth alone moves.

  In either order of the pair, beside a term of the other order.
  """
  deviations = np.array([0.015, 0.005])
  hessian = np.ones([2, STEP_SIZE]) * 100.0
  hessian[:, -1] = 1.0 / deviations**2
  shares = deviations / np.hypot(*deviations) * [1.0, -1.0]
  expected = 2.5 * shares * deviations  # log depths at a step that is tried
  first, second = 3.5 * np.exp(expected)

  def depth(one, two):
    apart = two.joints[:, 0, 2:] - one.joints[:, 0, 2:]
    return (1 - 2 * pair[0]) * apart - np.float32(second - first)

  found = polish_pairs.first_steps(
    [
      (PairTerm("none", lambda a, b: 0.0 * a.joints[:, 0]), [pair[::-1]]),
      (PairTerm("depth", depth, 1e6), [pair]),
    ],
    lambda states: body_model.decode(states, "proxy_1500"),
    people,
    _CAMERAS,
    tf.constant([np.diag(row) for row in hessian], tf.float32),
  ).numpy()
  np.testing.assert_allclose(found[:, -1], expected, rtol=1e-4)
  np.testing.assert_allclose(found[:, :-1], 0.0, atol=1e-7)
