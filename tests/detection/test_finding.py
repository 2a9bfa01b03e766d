"""Who stays of the proposals, and whom a given box means."""

import numpy as np
import pytest

from hund_tf.detection import finding
from hund_tf.detection.fusion import COCO_TO_33
from hund_tf.detection.pose import Pose
from hund_tf.detection.roi import Roi
from hund_tf.detection.search import PeopleSearch, SearchConfig
from hund_tf.detection.thunder import Candidates

_GRID = np.linspace(0, 100, 17)


def _person(x, score=0.9):
  """Joints [17, 3] of somebody who fills [x, x + 100] x [0, 100]."""
  return np.stack([_GRID + x, _GRID[::-1], np.full(17, score)], axis=-1)


def _pose(person):
  """MediaPipe's pose of somebody with these joints."""
  landmarks = np.zeros((33, 4))
  landmarks[list(COCO_TO_33), :2] = person[:, :2]
  landmarks[list(COCO_TO_33), 2] = person[:, 2]
  landmarks[:, 3] = 1.0
  roi = Roi(0.0, 0.0, 100.0)
  return Pose(landmarks, np.zeros((33, 3)), np.zeros((2, 2)), 1.0, None, roi)


def _candidate(box, *people, score=1.0, pose=None):
  seen = Candidates(np.full(len(people), 0.5), np.stack(people))
  likely = _pose(people[0] if pose is None else pose)
  return finding.choose(np.array(box, float), score, (seen, seen), likely)


@pytest.fixture(scope="module")
def search():
  return PeopleSearch()


def test_the_same_person_in_two_boxes_is_one(search):
  a, b = _person(0), _person(150)
  found = search.distinct(
    [
      _candidate([0, 0, 100, 100], a, score=0.8),
      _candidate([10, 0, 100, 100], a, score=0.9),
      _candidate([150, 0, 100, 100], b, score=0.7),
    ]
  )
  assert [p.box_score for p in found] == [0.9, 0.7]


def test_somebody_behind_is_found_beside_the_one_in_front(search):
  front, behind = _person(0), _person(30, 0.6)
  seen = Candidates(np.array([0.9, 0.3]), np.stack([front, behind]))
  boxes = np.array([[0, 0, 100, 100], [12, 0, 100, 100]], float)
  both = [finding.choose(b, 0.8, (seen, seen), _pose(front)) for b in boxes]
  assert finding.similarity(*both) > 0.99  # each box shows the one in front
  found = search.distinct(both)
  assert len(found) == 2
  np.testing.assert_allclose(found[1].joints[:, 0], behind[:, 0], atol=1e-6)


def test_the_other_network_tells_who_fills_a_close_up():
  # Two scattered poses fill the box alike; MediaPipe sees the second.
  box = [0, 0, 100, 100]
  rng = np.random.default_rng(0)
  other = _person(0)
  other[:, :2] = rng.permutation(other[:, :2])
  meant = _person(0)
  assert _chosen(_candidate(box, other, meant, pose=other)) == 0
  assert _chosen(_candidate(box, other, meant, pose=meant)) == 1
  # One who does not fill the box is not believed.
  far = _person(400)
  assert _chosen(_candidate(box, other, meant, pose=far)) == 0


def _chosen(candidate):
  """Which of the people in the first look is the one who is meant."""
  seen = candidate.views[0].keypoints
  return int(np.argmin(np.abs(seen - candidate.looks[0]).sum(axis=(1, 2))))


def test_proposals_without_joints_are_dropped(search):
  weak = _candidate([0, 0, 100, 100], _person(0, score=0.1), score=0.9)
  assert weak.evidence == pytest.approx(0.09, abs=0.015)
  assert search.distinct([weak]) == []
  assert weak.score < 0.4
  sure = _candidate([0, 0, 100, 100], _person(0), score=0.9)
  assert sure.score > 0.95


def test_a_person_beside_a_box_is_not_in_it():
  assert finding.is_inside(_candidate([0, 0, 100, 100], _person(5)))
  assert not finding.is_inside(_candidate([0, 0, 100, 100], _person(60)))


def _seeing(search, monkeypatch, first, alone):
  """Lets looks show people, by the left of the box; tells of the second ones.

  Returns:
    Images of the second looks.
  """
  images = []

  def looked(owners, every):
    second = len(every.scores) and every.scores[0] < 1.0
    people = alone if second else first
    images.extend(owners if second else [])
    return [
      _candidate(box, people[int(box[0])], score=score)
      for box, score in zip(*every, strict=True)
    ]

  monkeypatch.setattr(search, "_looked", looked)
  return images


def test_given_boxes_keep_their_order_and_share_nobody(search, monkeypatch):
  people = {0: _person(0), 4: _person(0), 300: _person(300, 0.05)}
  boxes = np.array([[left, 0, 100, 100] for left in people], float)
  seen = _seeing(search, monkeypatch, people, people)
  (found,) = search.in_boxes([np.zeros([120, 420, 3], np.uint8)], [boxes])
  assert [p is None for p in found] == [False, True, True]
  np.testing.assert_array_equal(found[0].box, boxes[0])
  assert len(seen) == 1  # the second box is mostly within the first


def test_looks_that_mix_two_people_are_told_apart(search, monkeypatch):
  # One look at the second box shows the person of the first box, the other
  # does not.
  front, behind = _person(0), _person(60, 0.6)
  front[:6, 2], front[6:, 2] = 0.9, 0.4
  both = Candidates(np.array([0.99, 0.004]), np.stack([front, behind]))
  only = Candidates(np.array([0.5]), behind[None])
  boxes = np.array([[0, 0, 100, 100], [60, 0, 100, 100]], float)
  seen = [_candidate(boxes[0], _person(0))]
  nobody = _pose(_person(0, 0.0))
  seen.append(finding.choose(boxes[1], 1.0, (both, only), nobody))
  assert 0.2 < finding.similarity(*seen) < 0.5
  assert not finding.is_inside(seen[1])
  monkeypatch.setattr(search, "candidates", lambda *_: [seen])
  (found,) = search.in_boxes([np.zeros([120, 200, 3], np.uint8)], [boxes])
  assert found[0] is not None and found[1] is not None
  assert found[1].box_score == 1.0  # it was not looked at alone
  np.testing.assert_allclose(found[1].joints[:, 0], _GRID + 60, atol=1e-6)


def test_a_box_that_shows_a_neighbour_is_looked_at_alone(search, monkeypatch):
  boxes = np.array([[0, 0, 100, 100], [60, 0, 100, 100]], float)
  seen = _seeing(
    search, monkeypatch, {0: _person(0), 60: _person(0)}, {60: _person(60)}
  )
  image = np.full([120, 200, 3], 9, np.uint8)
  (found,) = search.in_boxes([image], [boxes])
  assert found[0].box_score == 1.0 and found[1].box_score < 1.0
  np.testing.assert_allclose(found[1].joints[:, 0], _GRID + 60, atol=1e-6)
  assert (seen[0][:105, 55:165] == 9).all()
  assert seen[0][:, :55].max() == seen[0][:, 165:].max() == 0
  assert seen[0][105:].max() == 0


def test_settings_that_cannot_be():
  with pytest.raises(ValueError, match="detection_threshold"):
    SearchConfig(detection_threshold=1.5)
  with pytest.raises(ValueError, match="min_person_px"):
    SearchConfig(min_person_px=-1.0)
