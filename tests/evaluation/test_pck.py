"""PCK and pairing on small closed forms."""

import numpy as np
import pytest

from hund_tf.evaluation.pck import correct_keypoints, match_people, pck


def test_pck_counts_visible_keypoints_within_the_limit():
  annotated = np.zeros((1, 4, 2))
  predicted = np.array([[[9.9, 0], [0, 10.1], [0, np.nan], [500, 0]]])
  visible = np.array([[1, 1, 1, 0]])
  box = np.array([[0, 0, 20, 100]])
  correct = correct_keypoints(predicted, annotated, visible, box)
  np.testing.assert_array_equal(correct, [[True, False, False, False]])
  assert np.isclose(pck(predicted, annotated, visible, box), 1 / 3)
  assert np.isnan(pck(predicted, annotated, 0 * visible, box))


def test_shapes_are_checked():
  with pytest.raises(ValueError, match="predicted"):
    pck(np.zeros((4, 2)), np.zeros((4, 2)), np.ones(4), np.zeros(4))
  with pytest.raises(ValueError, match="visible and box"):
    pck(np.zeros((1, 4, 2)), np.zeros((1, 4, 2)), np.ones((1, 4)), np.zeros(4))


def test_people_are_paired_by_distance():
  base = np.random.default_rng(0).uniform(0, 100, (6, 2))
  annotated = np.stack([base, base + 200, base + 900])
  predicted = np.stack([base + 202, base + 1])
  visible = np.ones((3, 6))
  box = np.tile([0, 0, 100, 100], (3, 1))
  assert match_people(predicted, annotated, visible, box) == [1, 0, -1]
  assert match_people(predicted[:0], annotated, visible, box) == [-1] * 3
