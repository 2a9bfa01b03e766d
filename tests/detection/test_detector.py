"""The detector on real photos: people, landmarks, sides, masks."""

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from hund_tf.api.demo import demo_photo
from hund_tf.body import keypoints
from hund_tf.datasets.coco import COCO_INDICES, read_coco_keypoints
from hund_tf.detection.detector import PeopleDetector
from hund_tf.evaluation.pck import correct_keypoints, match_people
from hund_tf.photos.loading import load_photo

_SHARED = Path(
  os.environ.get("HUND_SHARED", Path(__file__).parents[2].parent / "shared")
)
_REAL = _SHARED / "data" / "real"
needs_photos = pytest.mark.skipif(
  not _REAL.is_dir(), reason="the shared real photos are not there"
)


@pytest.fixture(scope="module")
def detector():
  return PeopleDetector()


def _load(name):
  return np.asarray(Image.open(_REAL / name).convert("RGB"))


def test_an_empty_photo_has_nobody(detector):
  assert detector.detect(np.full((60, 80, 3), 127, np.uint8)) == []
  assert detector.detect(np.zeros((1, 1, 3), np.uint8)) == []


@pytest.mark.parametrize("quarters", [1, 2])
def test_who_lies_or_stands_on_the_head_is_seen_as_well(detector, quarters):
  image = load_photo(demo_photo())
  (plain,) = detector.detect(image)
  corners = plain.box[:2], plain.box[:2] + plain.box[2:]
  points = np.concatenate([plain.keypoints[:, :2], corners])
  for _ in range(quarters):
    image = np.ascontiguousarray(np.rot90(image))
    points = np.stack([points[:, 1], image.shape[0] - points[:, 0]], axis=1)
  low, high = points[-2:].min(axis=0), points[-2:].max(axis=0)
  (turned,) = detector.detect(image, boxes=[[*low, *(high - low)]])
  sure = np.flatnonzero(plain.keypoints[:25, 2] > 0.5)
  assert len(sure) >= 9
  apart = np.linalg.norm(turned.keypoints[sure, :2] - points[sure], axis=1)
  assert apart.max() < 0.02 * max(plain.box[2:])
  np.testing.assert_allclose(
    turned.keypoints[sure, 2], plain.keypoints[sure, 2], atol=0.05
  )


def test_bad_input_is_named(detector):
  with pytest.raises(ValueError, match="max_people"):
    detector.detect(np.zeros((9, 9, 3), np.uint8), max_people=0)
  with pytest.raises(ValueError, match="outside the photo"):
    detector.detect(np.zeros((9, 9, 3), np.uint8), boxes=[[20, 0, 5, 5]])


def test_photos_together_are_as_each_alone(detector):
  image = load_photo(demo_photo())
  height, width = image.shape[:2]
  images = [
    image,
    np.full((60, 80, 3), 127, np.uint8),
    np.ascontiguousarray(image[: height // 2, ::-1]),
    np.concatenate([image, image], axis=1),
  ]
  boxes = [None, None, None, [[width, 0, width, height], [0, 0, 9, 9]]]
  together = detector.detect_photos(images, boxes)
  assert [len(found) for found in together] == [1, 0, 1, 1]
  for own, of_photo, found in zip(images, boxes, together, strict=True):
    for a, b in zip(found, detector.detect(own, of_photo), strict=True):
      np.testing.assert_allclose(a.box, b.box, atol=0.01)
      np.testing.assert_allclose(a.keypoints, b.keypoints, atol=0.01)
      np.testing.assert_allclose(a.landmarks_3d, b.landmarks_3d, atol=1e-4)
      assert a.score == pytest.approx(b.score, abs=1e-4)
      assert np.mean(a.mask != b.mask) < 1e-4


@needs_photos
def test_landmarks_agree_with_annotations(detector):
  annotated = read_coco_keypoints(_REAL / "mmpose/coco/test_coco.json")
  people = [p for p in annotated if p.image.stem.endswith("197388")]
  found = detector.detect(np.asarray(Image.open(people[0].image)))
  rows = list(COCO_INDICES)
  predicted = np.stack([d.keypoints[rows] for d in found])
  points = np.where(predicted[..., 2:] > 0, predicted[..., :2], np.nan)
  truth = np.stack([p.keypoints[rows] for p in people])
  visible = np.stack([p.visibility[rows] == 2 for p in people])
  box = np.stack([p.box for p in people])
  pairs = match_people(points, truth, visible, box)
  assert min(pairs) >= 0  # all five
  correct = correct_keypoints(points[pairs], truth, visible, box)
  assert correct.sum() / visible.sum() > 0.92


@needs_photos
@pytest.mark.parametrize("name", ["bus", "zidane"])
def test_finds_several_people_facing_the_camera(detector, name):
  image = _load(f"wild/yolov5__{name}.jpg")
  found = detector.detect(image)
  assert len(found) >= 2
  scores = [d.score for d in found]
  assert scores == sorted(scores, reverse=True)
  for person in found[:2]:
    # Facing the camera, the subject's right is on the photo's left.
    right, left = (
      person.keypoints[keypoints.INDEX[f"{s}_shoulder"]] for s in "rl"
    )
    assert min(right[2], left[2]) > 0.2 and right[0] < left[0]
    assert person.mask.shape == image.shape[:2]
    x, y, w, h = person.box.astype(int)
    assert person.mask[y : y + h, x : x + w].mean() > 0.3
  pupils = found[0].keypoints[[93, 94]]
  assert pupils[:, 2].min() > 0.5 and pupils[0, 0] < pupils[1, 0]
  assert not np.any(found[0].mask & found[1].mask)
  assert len(detector.detect(image, max_people=1)) == 1


@needs_photos
def test_hands_and_a_user_box(detector):
  image = _load("wild/pixie__woman-in-white-dress-3830468.jpg")
  box = [200, 160, 730, 1270]
  (person,) = detector.detect(image, boxes=[box])
  np.testing.assert_allclose(person.box, box)
  for side, hand in (
    ("l", keypoints.LEFT_HAND),
    ("r", keypoints.RIGHT_HAND),
  ):
    wrist = person.keypoints[keypoints.INDEX[f"{side}_wrist"]]
    points = person.keypoints[hand]
    assert points[:, 2].min() > 0.5
    assert np.linalg.norm(points[0, :2] - wrist[:2]) < 40
