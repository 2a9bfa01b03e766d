"""Terms of two people: touching points, and bodies that stay apart."""

import numpy as np
import pytest
from scipy import optimize

from hund_tf.body import keypoints as table
from hund_tf.body import poses
from hund_tf.compat import tf
from hund_tf.losses.pair_terms import (
  CAPSULES,
  Apart,
  PairTerm,
  Touch,
  segment_distances,
)


@pytest.fixture(scope="module")
def body(body_model):
  return body_model.decode(poses.a_pose(body_model), "proxy_1500")


@pytest.fixture(scope="module")
def apart(body_model):
  return Apart(body_model)


def _moved(body, *offset):
  points = {
    name: getattr(body, name) + np.float32(offset)
    for name in ("vertices", "joints", "keypoints")
  }
  return body._replace(**points)


def _deep(apart, *bodies):
  return apart(*bodies).numpy().reshape(len(CAPSULES), len(CAPSULES))


def test_the_gap_between_two_points_counts_beyond_the_flesh(body):
  rows = table.INDEX["r_wrist"], table.INDEX["l_wrist"]
  to_wrist = (body.keypoints[0, rows[0]] - body.keypoints[0, rows[1]]).numpy()
  touch = Touch("r_wrist", "l_wrist", 0.04)
  for gap, expected in ((0.3, 0.26), (0.03, 0.0)):
    other = _moved(body, *(to_wrist + [0.0, 0.6 * gap, -0.8 * gap]))
    np.testing.assert_allclose(touch(body, other), [[expected]], atol=1e-6)


def test_of_a_hand_the_nearest_keypoint_counts(body):
  other = _moved(body, 1.5, 0.2, 0.3)
  own = body.keypoints[0, table.RIGHT_HAND].numpy()
  theirs = other.keypoints[0, table.LEFT_HAND].numpy()
  nearest = np.linalg.norm(own[:, None] - theirs, axis=-1).min()
  found = Touch("r_hand", "l_hand", 0.01)(body, other)
  np.testing.assert_allclose(found, [[nearest - 0.01]], rtol=1e-5)


def test_distances_of_segments_are_the_least_ones():
  random = np.random.default_rng(0)
  ends = random.normal(0.0, 1.0, [4, 40, 3])
  ends[3, 0] = ends[2, 0] + 0.5 * (ends[1, 0] - ends[0, 0])  # parallel
  ends[1, 1] = ends[0, 1]  # a point
  ends[3, 1:3] = ends[2, 1:3]
  found = segment_distances(*(tf.constant(x, tf.float32) for x in ends))
  for i in range(ends.shape[1]):
    a0, a1, b0, b1 = ends[:, i]
    columns = np.stack([a1 - a0, b0 - b1], axis=1)
    least = optimize.lsq_linear(columns, b0 - a0, (0.0, 1.0), tol=1e-14)
    expected = np.linalg.norm(columns @ least.x - (b0 - a0))
    np.testing.assert_allclose(found[i], expected, atol=1e-4, err_msg=str(i))


def test_bodies_apart_count_nothing_and_deeper_ones_more(body, apart):
  assert not _deep(apart, body, _moved(body, 1.4, 0.0, 0.0)).any()
  assert not _deep(apart, body, _moved(body, 0.0, 0.0, 0.6)).any()
  depths = [
    np.linalg.norm(_deep(apart, body, _moved(body, 0.0, 0.0, z)))
    for z in (0.14, 0.1, 0.05)
  ]
  assert depths == sorted(depths) and depths[0] > 0.0


def test_a_capsule_is_as_deep_as_it_is_moved(body, apart):
  """Thighs hang along y: towards z they meet side by side."""
  row = list(CAPSULES).index("l_upper_leg")
  at_rest = _deep(apart, body, body)[row, row]
  near = _deep(apart, body, _moved(body, 0.0, 0.0, 0.05))[row, row]
  assert 0.08 < at_rest < 0.2  # two radii
  np.testing.assert_allclose(at_rest - near, 0.05, atol=2e-3)


def test_first_and_second_are_alike(body, apart):
  other = _moved(body, 0.2, 0.05, 0.1)
  np.testing.assert_allclose(
    _deep(apart, body, other), _deep(apart, other, body).T, atol=1e-5
  )


def test_residuals_carry_the_weight(body):
  term = PairTerm("wrist", Touch("r_wrist", "l_wrist"), 4.0)
  other = _moved(body, 0.0, 0.0, 1.0)
  np.testing.assert_allclose(
    term.residuals(body, other), 2.0 * term.function(body, other)
  )


def test_pairs_are_all_or_those_that_are_named():
  every = PairTerm("t", tf.subtract)
  assert every.pairs_of(3) == [(0, 1), (0, 2), (1, 2)]
  assert PairTerm("t", tf.subtract, pairs=[(2, 0)]).pairs_of(3) == [(2, 0)]
  for pair in ((0, 3), (1, 1), (0, 1, 2), (-1, 0), (0.0, 1), 5):
    with pytest.raises(ValueError, match="'t': pair .* two of the 3 people"):
      PairTerm("t", tf.subtract, pairs=[pair]).pairs_of(3)


def test_errors_name_what_is_wrong(body):
  values = PairTerm("t", lambda a, b: a.joints[:, 0, 0] - b.joints[:, 0, 0])
  with pytest.raises(ValueError, match="'t': gives .* expected residuals"):
    values.residuals(body, body)
  with pytest.raises(ValueError, match="'t': weight is -1"):
    PairTerm("t", tf.subtract, -1.0)
  with pytest.raises(ValueError, match="no keypoint 'l_hnd'"):
    Touch("l_hnd", "r_hand")
  with pytest.raises(ValueError, match="thickness is -1"):
    Touch("l_hand", "r_hand", -1.0)
