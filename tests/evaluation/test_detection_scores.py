"""Recall and precision of hand-made detections, and files of the truth."""

import json
from pathlib import Path

import numpy as np
import pytest

from hund_tf.datasets.coco import COCO_INDICES
from hund_tf.detection.interface import Detection, empty_keypoints
from hund_tf.evaluation import detection_scores, detection_truth
from hund_tf.evaluation.detection_truth import PhotoTruth

_LIST = Path(__file__).with_name("people_in_photos.json")


def _truth(boxes, ignored=(), keypoints=None, name="a.jpg"):
  if keypoints is None:
    keypoints = np.zeros([len(boxes), 137, 3])
  return PhotoTruth(
    Path(name),
    np.array(boxes, float).reshape(-1, 4),
    np.array(ignored, float).reshape(-1, 4),
    keypoints,
  )


def _seen(box, score=0.9, keypoints=None):
  if keypoints is None:
    keypoints = empty_keypoints()
  return Detection(np.array(box, np.float32), score, keypoints)


def _shares(row):
  return row.figures["recall"].value, row.figures["precision"].value


def test_found_missed_second_and_ghost():
  truth = _truth([[0, 0, 50, 100], [200, 0, 50, 100], [400, 0, 50, 100]])
  found = [
    _seen([0, 0, 50, 90], 0.8),  # IoU 0.9
    _seen([0, 0, 50, 80], 0.7),  # second
    _seen([200, 0, 50, 49], 0.6),  # IoU 0.49: too little
    _seen([700, 0, 50, 100], 0.9),  # nobody
  ]
  match = detection_scores.match_photo(truth, found)
  assert match.outcomes == (
    detection_scores.NOBODY,
    detection_scores.FOUND,
    detection_scores.SECOND,
    detection_scores.UNCOUNTED,  # as its larger side is below 60
  )
  np.testing.assert_array_equal(match.finder, [1, -1, -1])
  rows = {row.group: row for row in detection_scores.summarize([match])}
  assert _shares(rows["all"]) == (1 / 3, 1 / 3)
  assert rows["all"].counts["ghosts"] == 2
  assert rows["120 to 240 px"].counts["people"] == 0
  what = [case["what"] for case in detection_scores.cases([match])]
  assert what.count("missed") == 2
  assert detection_scores.NOBODY in what


def test_the_surest_detection_chooses_first():
  truth = _truth([[0, 0, 100, 100], [30, 0, 100, 100]])
  sure, unsure = _seen([10, 0, 100, 100], 0.9), _seen([0, 0, 100, 100], 0.5)
  match = detection_scores.match_photo(truth, [unsure, sure])
  np.testing.assert_array_equal(match.scores, [0.9, 0.5])
  # The sure one takes the left person, who is nearest to it; the other one's
  # overlap with the right person is 70 / 130.
  np.testing.assert_array_equal(match.finder, [0, 1])


def test_small_people_and_ignored_regions_count_for_neither():
  truth = _truth([[0, 0, 30, 59], [100, 0, 60, 20]], [[300, 0, 100, 100]])
  found = [
    _seen([0, 0, 30, 59]),  # finds a person who is too small
    _seen([100, 0, 60, 20]),  # the larger side is what counts
    _seen([340, 0, 100, 100]),  # 0.6 of it in the ignored region
    _seen([360, 0, 100, 100]),  # 0.4 of it
    _seen([500, 0, 20, 40]),  # too small to count
  ]
  match = detection_scores.match_photo(truth, found)
  assert match.outcomes == (
    detection_scores.UNCOUNTED,
    detection_scores.FOUND,
    detection_scores.UNCOUNTED,
    detection_scores.NOBODY,
    detection_scores.UNCOUNTED,
  )
  row = detection_scores.summarize([match])[-1]
  assert _shares(row) == (1.0, 0.5)
  strict = detection_scores.match_photo(truth, found, min_side=61)
  assert detection_scores.summarize([strict])[-1].counts["people"] == 0


def test_keypoints_are_compared_where_the_truth_has_them():
  points = np.zeros([1, 137, 3])
  rows = list(COCO_INDICES)
  points[0, rows] = np.column_stack(
    [np.linspace(0, 90, 17), np.linspace(0, 95, 17), np.ones(17)]
  )
  truth = _truth([[0, 0, 100, 100]], keypoints=points)
  # The right points in a wrong box, and another's points in the right box.
  right = _seen([500, 500, 80, 80], 0.5, points[0])
  moved = points[0] + [80.0, 0.0, 0.0]
  wrong = _seen([0, 0, 100, 100], 0.9, moved)
  match = detection_scores.match_photo(truth, [right, wrong])
  assert match.outcomes == (detection_scores.NOBODY, detection_scores.FOUND)
  assert np.isclose(match.likeness[1], 1.0)


def test_keypoint_similarity_is_that_of_coco():
  """One joint at the distance of one deviation, one exact, one unknown."""
  annotated, detected = np.zeros([2, 1, 137, 3])
  nose, eye, hip = (COCO_INDICES[k] for k in (0, 1, 11))
  annotated[0, [nose, eye, hip], 2] = 1
  detected[0, [nose, eye], 2] = 0.3
  box = np.array([[0, 0, 30.0, 120.0]])
  detected[0, nose, 0] = 2 * 0.026 * np.sqrt(30 * 120)
  similarity = detection_scores.keypoint_similarity(annotated, box, detected)
  np.testing.assert_allclose(similarity, [[(np.exp(-0.5) + 1.0) / 3]])


def test_crowded_photos_and_photos_without_people():
  boxes = [[100 * k, 0, 50, 100] for k in range(6)]
  crowd = detection_scores.match_photo(_truth(boxes), [_seen(boxes[0])])
  empty = detection_scores.match_photo(_truth([]), [_seen(boxes[0])])
  rows = {row.group: row for row in detection_scores.summarize([crowd, empty])}
  assert np.isclose(_shares(rows["photos of 6 or more"])[0], 1 / 6)
  assert rows["photos of fewer than 6"].figures["precision"].value == 0.0
  assert _shares(rows["all"])[1] == 0.5
  assert np.isnan(rows["photos of fewer than 6"].figures["recall"].value)


def test_list_of_boxes_is_read(tmp_path):
  file = tmp_path / "people.json"
  file.write_text('{"x/a.jpg": {"people": [[1, 2, 3, 4]]}}')
  (photo,) = detection_truth.read_boxes(file)
  assert photo.photo == tmp_path / "x" / "a.jpg"
  np.testing.assert_array_equal(photo.boxes, [[1, 2, 3, 4]])
  assert photo.ignored.shape == (0, 4)
  (photo,) = detection_truth.read_boxes(file, tmp_path / "y")
  assert photo.photo == tmp_path / "y" / "x" / "a.jpg"


@pytest.mark.parametrize(
  "text",
  [
    "[]",
    "{",
    '{"a.jpg": []}',
    '{"a.jpg": {"people": [[1, 2, 3]]}}',
    '{"a.jpg": {"people": [[1, 2, 3, 0]]}}',
    '{"a.jpg": {"people": [["x", 2, 3, 4]]}}',
    '{"a.jpg": {"people": 3}}',
  ],
)
def test_wrong_lists_are_refused_in_a_line(tmp_path, text):
  file = tmp_path / "people.json"
  file.write_text(text)
  with pytest.raises(ValueError, match="people.json: .*expected") as caught:
    detection_truth.read_boxes(file)
  assert "\n" not in str(caught.value)


def test_coco_crowds_and_people_without_keypoints_are_ignored(tmp_path):
  def annotation(number, **more):
    return {
      "id": number,
      "image_id": 1,
      "bbox": [10 * number, 0, 50, 100],
      "keypoints": [5, 6, 2] + 16 * [0, 0, 0],
    } | more

  file = tmp_path / "coco.json"
  rows = [
    annotation(0),
    annotation(1, iscrowd=1),
    annotation(2, keypoints=51 * [0]),
  ]
  images = [{"id": 1, "file_name": "a.jpg"}]
  file.write_text(json.dumps({"images": images, "annotations": rows}))
  (photo,) = detection_truth.read_keypoints(file)
  np.testing.assert_array_equal(photo.boxes, [[0, 0, 50, 100]])
  np.testing.assert_array_equal(photo.ignored[:, 0], [10, 20])
  np.testing.assert_array_equal(photo.keypoints[0, 0], [5, 6, 1])
  rows[0]["keypoints"] = [1, 2]
  file.write_text(json.dumps({"images": images, "annotations": rows}))
  with pytest.raises(ValueError, match="annotation 0 cannot be used"):
    detection_truth.read_keypoints(file)


def test_the_list_of_the_project_is_one():
  photos = detection_truth.read_boxes(_LIST)
  assert len(photos) == 33
  assert sum(len(photo.boxes) for photo in photos) == 74


def test_real_truth_finds_itself(shared):
  """Boxes of the truth, taken for detections, find everybody."""
  folder = shared / "data" / "real"
  photos = detection_truth.read_keypoints(folder / "mmpose/coco/test_coco.json")
  matches = detection_scores.evaluate(
    photos,
    lambda path: [
      _seen(box, keypoints=points)
      for photo in photos
      if photo.photo == path
      for box, points in zip(photo.boxes, photo.keypoints, strict=True)
    ],
  )
  row = detection_scores.summarize(matches)[-1]
  assert row.counts == {"photos": 4, "people": 12, "found": 12, "ghosts": 0}
  for photo in detection_truth.read_boxes(_LIST, folder):
    assert photo.photo.is_file(), photo.photo
