"""PCK, swaps and the worth of confidences, on people made by hand."""

from pathlib import Path

import numpy as np

from hund_tf.body import keypoints as names
from hund_tf.datasets.coco import COCO_INDICES, CocoPerson
from hund_tf.detection.interface import Detection
from hund_tf.evaluation import annotated_people, landmark_scores
from hund_tf.evaluation.landmark_scores import JOINTS

_SIDE = 100.0


def _person(shift=0.0):
  """Somebody whose 17 joints lie apart in a box of 100 x 50 pixels."""
  points, visibility = np.zeros([137, 2]), np.zeros(137, int)
  rows = list(COCO_INDICES)
  points[rows] = np.column_stack(
    [np.arange(17) % 2 * 40.0 + 5, np.arange(17) * 6.0]
  )
  points[:, 0] += shift
  visibility[rows] = 2
  box = np.array([shift, 0, 50, _SIDE])
  return CocoPerson(Path("a.jpg"), box, points, visibility, visibility / 2.0)


def _seen(person, confidence=1.0):
  known = person.visibility > 0
  points = np.column_stack([person.keypoints, confidence * known])
  return Detection(person.box, 0.9, points.astype(np.float32))


def _all(landmarks):
  return landmark_scores.summarize(landmarks)[-1].figures


def test_perfect_landmarks_and_people_who_are_not_found():
  person = _person()
  landmarks = landmark_scores.collect([person, person], [_seen(person), None])
  found = _all(landmarks)
  for limit in ("0.05", "0.1", "0.2"):
    assert found[f"PCK@{limit}"].value == 0.5
  assert found["error"].value == 0.25  # 0 and 0.5
  assert landmark_scores.about(landmarks)["found"] == 1
  rows = landmark_scores.summarize(landmarks)
  assert [row.group for row in rows][-2:] == ["ankles", "all"]  # no feet
  assert rows[-1].counts["joints"] == 34


def test_errors_are_in_larger_box_sides():
  person = _person()
  moved = person._replace(keypoints=person.keypoints + [0.0, 7.0])
  found = _all(landmark_scores.collect([person], [_seen(moved)]))
  assert found["PCK@0.05"].value == 0.0
  assert found["PCK@0.1"].value == 1.0
  assert np.isclose(found["error"].value, 0.07)


def test_exchanged_sides_are_swaps():
  person = _person()
  detection = _seen(person)
  detection.keypoints[:] = detection.keypoints[list(names.MIRROR)]
  landmarks = landmark_scores.collect([person, person], [detection, None])
  wrong, judged = landmark_scores.swaps(landmarks)
  np.testing.assert_array_equal(wrong, [8, 0])
  np.testing.assert_array_equal(judged, [8, 0])
  straight = landmark_scores.collect([person], [_seen(person)])
  assert landmark_scores.swaps(straight)[0].sum() == 0
  # Points that are wrong anyhow, and sides that cannot be told apart.
  lost = _seen(person)
  lost.keypoints[:, :2] = 500.0
  landmarks = landmark_scores.collect([person], [lost])
  assert landmark_scores.swaps(landmarks)[0].sum() == 0
  close = person._replace(keypoints=0.1 * person.keypoints)
  landmarks = landmark_scores.collect([close], [_seen(close)])
  assert landmark_scores.swaps(landmarks)[1].sum() == 0


def test_auc_is_the_share_of_pairs_in_order():
  confidence = np.array([0.9, 0.4, 0.4, 0.1])
  right = np.array([True, True, False, False])
  # Of four pairs three are in order, and one is equal.
  assert landmark_scores.ranking_auc(confidence, right) == 3.5 / 4
  assert landmark_scores.ranking_auc(-confidence, right) == 0.5 / 4
  assert np.isnan(landmark_scores.ranking_auc(confidence, right | True))


def test_reliability_by_tenths():
  confidence = np.array([0.05, 0.85, 0.85, 0.85, 1.0])
  right = np.array([False, True, True, False, True])
  lines = landmark_scores.reliability(confidence, right)
  assert [line["points"] for line in lines] == [1, 3, 1]
  assert lines[1] == {
    "from": 0.8,
    "to": 0.9,
    "points": 3,
    "confidence": 0.85,
    "right": 0.6667,
  }
  expected = (0.05 + 3 * (0.85 - 2 / 3)) / 5
  found = landmark_scores.calibration_error(lines)
  assert np.isclose(found, expected, atol=1e-4)


def test_confidences_are_of_points_that_there_are():
  person = _person()
  detection = _seen(person, 0.7)
  nose, eye = JOINTS[0], JOINTS[1]
  detection.keypoints[nose] = 0.0  # unknown
  detection.keypoints[eye, 0] += 11.0
  landmarks = landmark_scores.collect([person], [detection])
  confidence, right = landmark_scores.confidences(landmarks)
  assert len(confidence) == 16
  assert right.sum() == 15
  assert np.allclose(confidence, 0.7)
  assert _all(landmarks)["PCK@0.1"].value == 15 / 17


def test_small_and_hidden_people_are_left_out():
  person = _person()
  small = person._replace(box=np.array([0, 0, 30, 59]))
  hidden = person._replace(visibility=np.minimum(person.visibility, 1))
  people = [person, small, hidden]
  assert landmark_scores.chosen(people) == [person]
  assert len(landmark_scores.chosen(people, min_side=50.0)) == 2


class _Detector:
  """Sees two people; in a box the one who is there."""

  def __init__(self):
    self.people = [_seen(_person(500.0)), _seen(_person())]

  def detect(self, image, boxes=None, max_people=None):
    if boxes is None:
      return self.people
    assert len(boxes) == 1
    assert max_people == 1
    return [p for p in self.people if np.array_equal(p.box, boxes[0])]


def test_people_in_given_boxes_and_by_search():
  detector, image = _Detector(), np.zeros([4, 4, 3], np.uint8)
  people = [_person(), _person(500.0), _person(900.0)]
  boxes = [person.box for person in people]
  given = annotated_people.detect(detector, image, boxes)
  points = np.array([person.keypoints for person in people])
  known = np.array([person.visibility > 0 for person in people])
  found = annotated_people.search(detector, image, boxes, points, known)
  for result in (given, found):
    assert result[0] is detector.people[1]
    assert result[1] is detector.people[0]
    assert result[2] is None


def test_a_mistaken_pose_is_paired_by_its_box():
  """It counts as wrong, and is not left out."""
  detector, person = _Detector(), _person()
  detector.people[1].keypoints[:, 0] = 1000.0
  arguments = [person.box], person.keypoints[None], person.visibility[None] > 0
  image = np.zeros([4, 4, 3], np.uint8)
  (found,) = annotated_people.search(detector, image, *arguments)
  assert found is detector.people[1]
  detector.people[1] = found._replace(box=person.box + [0, 50, 0, 0])
  (found,) = annotated_people.search(detector, image, *arguments)
  assert found is None
