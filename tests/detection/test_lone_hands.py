"""Hands in given boxes, of people of whom nothing else is seen."""

import numpy as np
import pytest

from hund_tf.body import keypoints
from hund_tf.datasets import part_photos
from hund_tf.detection.hands import HandReader
from hund_tf.detection.lone_hands import lone_hands
from hund_tf.photos import loading

_IMAGE = np.zeros((60, 80, 3), np.uint8)


class _Reader(HandReader):
  """Sees best what is turned by half a turn, and nothing at the left."""

  def __init__(self):
    self.regions = []

  def recropped(self, images, rois):
    self.regions += rois
    return rois

  def read(self, images, rois):
    return [
      (
        np.full([21, 2], roi.x) + np.arange(21)[:, None],
        np.full([21, 3], roi.angle),
        0.0 if roi.x < 20 else 0.9 - 0.1 * abs(roi.angle - np.pi),
      )
      for roi in rois
    ]


def test_the_surest_of_four_looks_counts():
  reader = _Reader()
  boxes = [np.array([30.0, 10, 20, 10]), np.array([0.0, 0, 10, 10])]
  found, none = lone_hands(reader, [_IMAGE] * 2, boxes, ["left", "right"])
  assert none is None
  # Square regions about the middle, twice as large as the larger side.
  middle = [(roi.x, roi.y, roi.size) for roi in reader.regions[:4]]
  assert middle == [(40.0, 15.0, 40.0)] * 4
  angles = np.array([roi.angle for roi in reader.regions[:4]])
  np.testing.assert_allclose(angles, np.arange(4) * np.pi / 2)
  hand = found.keypoints[keypoints.LEFT_HAND]
  np.testing.assert_allclose(hand[:, 0], 40.0 + np.arange(21))
  assert 0 < hand[0, 2] < 1 and found.score == pytest.approx(hand[0, 2])
  spatial = found.landmarks_3d[keypoints.LEFT_HAND]
  np.testing.assert_allclose(spatial[:, :3], np.pi, rtol=1e-6)
  np.testing.assert_allclose(spatial[:, 3], 0.9, rtol=1e-6)
  others = np.ones(137, bool)
  others[keypoints.LEFT_HAND] = False
  assert not found.keypoints[others].any()
  np.testing.assert_array_equal(found.box, boxes[0])


def test_hands_of_real_photos(shared):
  folder = shared / "data/real/mmpose/freihand"
  people = part_photos.read_part_photos(folder / "test_freihand.json")[:2]
  images = [loading.load_photo(person.image) for person in people]
  boxes = [person.box for person in people]
  found = lone_hands(HandReader(), images, boxes, ["right"] * 2)
  for person, hand, box in zip(people, found, boxes, strict=True):
    rows = keypoints.RIGHT_HAND
    off = hand.keypoints[rows, :2] - person.keypoints[rows]
    assert np.linalg.norm(off, axis=-1).mean() < 0.15 * box[2:].max()
