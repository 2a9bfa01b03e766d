"""Masks belong to one person each."""

import numpy as np
import pytest

from hund_tf.body import keypoints as table
from hund_tf.compat import tf
from hund_tf.detection import masks
from hund_tf.detection.masks import limb_distance, person_masks
from hund_tf.detection.pose import Looks, Pose
from hund_tf.detection.roi import Roi, upright_roi

_SIDE = 100


def _upright(x):
  """A person who stands at a column, all bones on it."""
  points = np.zeros([137, 3])
  points[table.BODY] = [x, 50.0, 1.0]
  for end, y in (("neck", 20.5), ("mid_hip", 60.5), ("nose", 10.5)):
    points[table.INDEX[end], 1] = y
  for side in "lr":
    for end, y in (("knee", 75.5), ("ankle", 90.5), ("big_toe", 92.5)):
      points[table.INDEX[f"{side}_{end}"], 1] = y
  return points


def _looks(columns, probability=0.9):
  """One look in which some columns of the photo are foreground."""
  mask = np.zeros([256, 256], np.float32)
  first, last = (round(c * 256 / _SIDE) for c in columns)
  mask[:, first:last] = probability
  pose = Pose(
    landmarks=np.zeros([33, 4]),
    world=np.zeros([33, 3]),
    alignment=np.zeros([2, 2]),
    score=1.0,
    mask=mask,
    roi=upright_roi(np.array([0.0, 0.0, _SIDE, _SIDE])),
  )
  return Looks((pose,), np.zeros([33, 4]), np.ones(33), 1.0, np.ones(1))


def test_distance_from_the_limbs():
  step = tf.constant(1.0, tf.float64)
  away = limb_distance(tf.constant(_upright(40.5)), [_SIDE] * 2, step).numpy()
  size = 92.5 - 10.5
  assert away[50, 40] == 0.0
  assert away[50, 65] == pytest.approx(25.0 / size, rel=1e-5)
  nobody = tf.zeros([137, 3], tf.float64)
  assert np.isinf(limb_distance(nobody, [_SIDE, _SIDE], step)).all()


def test_neighbours_keep_their_pixels():
  """Both masks take in everybody; the limbs tell who is who."""
  people = [_looks((10, 90), 0.9), _looks((10, 90), 0.8)]
  points = [_upright(30.5), _upright(70.5)]
  left, right = person_masks(people, points, _SIDE, _SIDE)
  assert not (left & right).any()
  assert left[:, 12:45].all() and not left[:, 56:].any()
  assert right[:, 56:88].all() and not right[:, :44].any()


def test_of_three_the_one_between_loses_on_both_sides():
  people = [_looks((5, 95), p) for p in (0.7, 0.9, 0.8)]
  points = [_upright(x) for x in (20.5, 50.5, 80.5)]
  masks = person_masks(people, points, _SIDE, _SIDE)
  for mask, (low, high) in zip(
    masks, ((7, 30), (40, 60), (70, 93)), strict=True
  ):
    assert mask[:, low:high].all()
  assert np.sum(masks, axis=0).max() == 1
  assert not masks[1][:, :29].any() and not masks[1][:, 72:].any()


def test_alone_all_foreground_is_theirs():
  (mask,) = person_masks([_looks((10, 90))], [_upright(30.5)], _SIDE, _SIDE)
  assert mask[:, 12:88].all() and not mask[:, :9].any()


def test_people_without_limbs_take_what_is_likeliest():
  people = [_looks((10, 90), 0.9), _looks((10, 90), 0.8)]
  points = [np.zeros([137, 3]), _upright(70.5)]
  first, second = person_masks(people, points, _SIDE, _SIDE)
  assert first[:, 12:88].all() and not second.any()


def test_nobody_has_no_masks():
  assert person_masks([], [], _SIDE, _SIDE) == []
  nobody = [tf.zeros([0, 4, *x], tf.float64) for x in ([2], [], [])]
  points = tf.zeros([0, 137, 3], tf.float64)
  owner = masks._compiled_owners()(
    tf.zeros([0, 4, 256, 256]), *nobody, points, tf.constant([30, 40])
  )
  assert owner.shape == (30, 40) and (owner.numpy() == -1).all()


def test_people_of_large_photos_are_told_apart_by_a_coarser_grid():
  """Nine times as large, the border between two is as exact."""
  people = [
    Looks((looks.poses[0]._replace(roi=Roi(450.0, 450.0, 900.0)),), *looks[1:])
    for looks in (_looks((10, 90), 0.9), _looks((10, 90), 0.8))
  ]
  points = [_upright(30.5) * [9, 9, 1], _upright(70.5) * [9, 9, 1]]
  left, right = person_masks(people, points, 900, 900)
  assert not (left & right).any()
  assert left[:, 108:405].all() and not left[:, 504:].any()
  assert right[:, 504:792].all() and not right[:, :396].any()
