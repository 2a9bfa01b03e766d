"""Trials of the gates: whose hands people get, and what is counted."""

import json

import numpy as np
import pytest

from hund_tf.compat import tf
from hund_tf.detection.features import image_features
from hund_tf.detection.interface import Detection
from hund_tf.evaluation import part_gate_trials as trials
from hund_tf.reconstruction.attention import HANDS, ROWS
from hund_tf.reconstruction.part_results import PartResult
from hund_tf.types import CROP_SIZE, Intrinsics

_LEFT, _RIGHT = (ROWS[name] for name in HANDS)
_BOX = np.array([0, 0, CROP_SIZE, CROP_SIZE], np.float32)


def _people(count: int = 4) -> list[Detection]:
  rng = np.random.default_rng(0)
  people = []
  for _ in range(count):
    points = np.ones([137, 3], np.float32)
    points[:, :2] = rng.uniform(200, 280, size=[137, 2])
    for rows in (_LEFT, _RIGHT):
      points[rows, :2] = rng.uniform(-15, 15, [21, 2]) + rng.uniform(
        100, 380, [1, 2]
      )
    spatial = np.ones([137, 4], np.float32)
    spatial[:, :3] = rng.uniform(-0.1, 0.1, [137, 3])
    people.append(Detection(_BOX, 1.0, points, None, spatial))
  return people


def _size(points: np.ndarray) -> float:
  return float(np.ptp(points[:, :2], axis=0).max())


@pytest.mark.parametrize("kind", trials.KINDS)
def test_only_hands_change(kind):
  people = _people()
  rng = np.random.default_rng(0)
  changed = trials.with_wrong_hands(people, kind, rng)
  body = slice(0, _LEFT.start)
  for before, after in zip(people, changed, strict=True):
    np.testing.assert_array_equal(before.keypoints[body], after.keypoints[body])
    for rows in (_LEFT, _RIGHT):
      own, other = before.keypoints[rows], after.keypoints[rows]
      same = np.array_equal(own, other)
      assert same == (kind == trials.TRUE)
      away = np.linalg.norm(own[0, :2] - other[0, :2]) / _size(own)
      if "at this wrist" in kind:
        assert away <= 0.35 * 1.6 + 1e-3
      elif "elsewhere" in kind:
        assert away == pytest.approx(3.0, abs=1e-3)


def test_whose_hands_are_given():
  people = _people()
  rng = np.random.default_rng(0)
  (first, *_) = trials.with_wrong_hands(people, trials.KINDS[1], rng)
  np.testing.assert_array_equal(
    first.keypoints[_LEFT], people[0].keypoints[_RIGHT]
  )
  np.testing.assert_array_equal(
    first.landmarks_3d[_RIGHT], people[0].landmarks_3d[_LEFT]
  )
  (first, *_) = trials.with_wrong_hands(people, trials.KINDS[4], rng)
  shape = lambda person: np.diff(person.keypoints[_LEFT, :2], axis=0)
  owners = [np.allclose(shape(first), shape(p), atol=1e-3) for p in people]
  assert sum(owners) == 1 and not owners[0]


def test_a_hand_that_is_not_seen_has_no_stand_in():
  people = _people()
  people[0].keypoints[_LEFT][5:, 2] = 0.0
  rng = np.random.default_rng(0)
  for kind in trials.KINDS[1:]:
    (first, *_) = trials.with_wrong_hands(people, kind, rng)
    assert not first.keypoints[_LEFT].any()


def test_accepted_hands_are_counted(tmp_path):
  """A judge that accepts right hands, two batches of four people."""
  people = _people()
  features = image_features(people, [_BOX] * 4)
  cameras = Intrinsics(tf.fill([4, 2], 900.0), tf.fill([4, 2], 240.0))

  class Example:
    pass

  example = Example()
  example.features, example.intrinsics = features, cameras
  given = []

  def judge(whole):
    given.append(whole)
    hand = PartResult("", False, "no", 1.0, 30.0, _BOX, state=0)
    left = [hand] * 3 + [hand._replace(state=None)]
    return {
      "left_hand": left,
      "right_hand": [hand._replace(used=True, reason="")] * 4,
    }

  method = lambda features, intrinsics: features.heatmap_weights
  text = trials.run([example] * 9, method, judge, 10, tmp_path)
  assert len(given) == 2 * len(trials.KINDS)
  np.testing.assert_allclose(
    given[0].detections[0].keypoints[_LEFT],
    people[0].keypoints[_LEFT],
    atol=0.1,
  )
  rows = json.loads((tmp_path / "part_gates.json").read_text())["rows"]
  assert [row["group"] for row in rows] == list(trials.KINDS)
  for row in rows:
    assert (row["people"], row["hands"]) == (8, 14)
    assert row["accepted"] == pytest.approx(8 / 14, abs=1e-6)
    assert row["accepted standard error"] > 0.0
  assert "| own hands | 8 | 14 | 0.571" in text
