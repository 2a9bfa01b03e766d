"""OpenPose JSON files, good and bad."""

import json

import numpy as np
import pytest

from hund_tf.detection.openpose import (
  OpenPoseDetector,
  OpenPoseError,
  read_openpose,
)


def _write(tmp_path, content):
  path = tmp_path / "photo_keypoints.json"
  text = content if isinstance(content, str) else json.dumps(content)
  path.write_text(text)
  return path


def _person(offset=0.0, confidence=0.5, **extra):
  body = np.full((25, 3), confidence)
  body[:, 0] = offset + np.arange(25)
  body[:, 1] = 2 * np.arange(25)
  return {"pose_keypoints_2d": body.ravel().tolist()} | extra


def test_reads_people_in_our_order(tmp_path):
  hand = np.tile([7.0, 8.0, 0.9], 21).tolist()
  people = [_person(), _person(100, 0.8, hand_right_keypoints_2d=hand)]
  first, second = read_openpose(_write(tmp_path, {"people": people}))
  assert first.score > second.score
  np.testing.assert_allclose(first.keypoints[3], [103, 6, 0.8], rtol=1e-6)
  np.testing.assert_allclose(first.keypoints[116], [7, 8, 0.9], rtol=1e-6)
  assert not first.keypoints[25:116].any()
  assert not second.keypoints[25:].any()
  np.testing.assert_allclose(second.box, [0, 0, 24, 48])
  assert first.mask is None


def test_unknown_people_are_left_out(tmp_path):
  person = _person(confidence=0.0, face_keypoints_2d=[])
  assert read_openpose(_write(tmp_path, {"people": [person]})) == []


@pytest.mark.parametrize(
  ("content", "message"),
  [
    ("{", "not a JSON file"),
    ("[1]", "no list 'people'"),
    ({"people": {}}, "no list 'people'"),
    ({"people": [3]}, "person 0: is not an object"),
    ({"people": [{}]}, "has no 'pose_keypoints_2d'"),
    ({"people": [{"pose_keypoints_2d": [0] * 54}]}, "COCO-18"),
    ({"people": [{"pose_keypoints_2d": [0] * 7}]}, "7 numbers, expected 75"),
    ({"people": [{"pose_keypoints_2d": "a"}]}, "not a list of 75"),
    (
      {"people": [_person(hand_left_keypoints_2d=[1.0])]},
      "hand_left_keypoints_2d: has 1 numbers, expected 63",
    ),
    ({"people": [{"pose_keypoints_2d": [0.5] * 75}]}, "keypoint_scale"),
  ],
)
def test_malformed_files_name_the_fault(tmp_path, content, message):
  path = _write(tmp_path, content)
  with pytest.raises(OpenPoseError, match=message) as error:
    read_openpose(path)
  assert str(path) in str(error.value)


def test_missing_file(tmp_path):
  with pytest.raises(OpenPoseError, match="cannot be read"):
    read_openpose(tmp_path / "none.json")


def test_detector_selects_by_box_and_checks_the_photo(tmp_path):
  people = [_person(), _person(100, 0.8)]
  detector = OpenPoseDetector(_write(tmp_path, {"people": people}))
  image = np.zeros((60, 200, 3), np.uint8)
  assert len(detector.detect(image)) == 2
  assert len(detector.detect(image, max_people=1)) == 1
  (found,) = detector.detect(image, boxes=[[0, 0, 30, 50]])
  assert found.keypoints[0, 0] == 0 and found.keypoints[0, 2] > 0
  np.testing.assert_allclose(found.box, [0, 0, 30, 50])
  with pytest.raises(OpenPoseError, match="outside the photo"):
    detector.detect(image[:, :50])


def _moved(x=0.0, y=0.0, scale=1.0):
  """A person within 20 to 180 by 10 to 90 pixels, moved and scaled."""
  rng = np.random.default_rng(0)
  points = rng.uniform([20, 10, 0.5], [180, 90, 1.0], (25, 3))
  points[:, :2] = points[:, :2] * scale + [x, y]
  return {"pose_keypoints_2d": points.ravel().tolist()}


@pytest.mark.parametrize(
  ("person", "problem"),
  [
    (_moved(x=200), "person 0 lies outside the photo of .* with 25 of 25"),
    (_moved(x=110), "person 0 lies outside the photo of .* with"),
    (_moved(y=-60), "person 0 lies outside the photo of .* with"),
    (_moved(x=1000), "outside the photo of 200 x 100 pixels, at up to 1.18e"),
    (_moved(scale=1e-3, x=50, y=50), "25 keypoints within a pixel"),
    (_moved(x=1e30), "person 0: has values of up to 1e[+]30"),
    (_moved(x=1e300), "person 0: has values of up to inf"),
    (_moved(scale=1e7), "person 0: has values of up to"),
  ],
)
def test_people_of_other_photos_are_refused(tmp_path, person, problem):
  path = _write(tmp_path, {"people": [person]})
  image = np.zeros((100, 200, 3), np.uint8)
  with pytest.raises(OpenPoseError, match=problem) as caught:
    OpenPoseDetector(path).detect(image)
  assert str(path) in str(caught.value)
  (fine,) = OpenPoseDetector(
    _write(tmp_path, {"people": [_moved(x=15)]})
  ).detect(image)
  assert fine.box[2] > 100
