"""NanoDet: decoding, tiles, people in photos."""

import numpy as np
import pytest

from hund_tf.detection import nanodet
from hund_tf.detection.anchors import box_iou
from hund_tf.detection.roi import Roi
from hund_tf.photos.loading import load_photo
from tests.detection.graphs import record_references as record


def _outputs(batch=2):
  """Heads in which no cell is sure of any class."""
  return {
    f"stride_{stride}": np.full(
      (batch, 416 // stride, 416 // stride, 124), -9.0, np.float32
    )
    for stride in (8, 16, 32)
  }


def _put(outputs, image, stride, cell, logits, bins):
  """Sets a cell's class logits, and surely one bin for each side."""
  values = outputs[f"stride_{stride}"][image][cell]
  for number, logit in logits.items():
    values[number] = logit
  sides = values[80:].reshape(4, 11)
  sides[np.arange(4), bins] = 90.0


def test_boxes_come_from_cells_and_distances():
  outputs = _outputs()
  _put(outputs, 1, 16, (5, 7), {0: 2.0}, [1, 2, 3, 4])
  _put(outputs, 1, 32, (3, 3), {0: 1.0, 5: 2.0}, [1, 1, 1, 1])  # a bus
  _put(outputs, 0, 8, (9, 2), {0: -1.0}, [1, 1, 1, 1])  # unsure
  none, one = nanodet.decode_boxes(outputs, 416, min_score=0.3)
  assert none.boxes.shape == (0, 4) and one.scores.shape == (1,)
  np.testing.assert_allclose(one.scores, 1 / (1 + np.exp(-2.0)), rtol=1e-6)
  x, y = 7.5 * 16, 5.5 * 16
  expected = [x - 16, y - 2 * 16, 4 * 16, 6 * 16]
  np.testing.assert_allclose(one.boxes[0] * 416, expected, rtol=1e-5)
  # Two bins of equal weight: half way between.
  sides = outputs["stride_16"][1, 5, 7, 80:].reshape(4, 11)
  sides[0, 2] = 90.0
  (_, between) = nanodet.decode_boxes(outputs, 416, 0.3)
  np.testing.assert_allclose(between.boxes[0, 0] * 416, x - 24, rtol=1e-5)


def test_boxes_that_an_inner_border_cuts_are_told():
  boxes = np.array(
    [
      [0.2, 0.2, 0.5, 0.5],
      [-0.01, 0.2, 0.5, 0.5],  # cut at the left
      [0.5, 0.2, 0.5, 0.5],  # at the right
      [0.2, -0.1, 0.5, 0.5],  # at the top
    ]
  )
  middle = Roi(150.0, 150.0, 100.0)
  kept = nanodet.uncut(boxes, middle, 300, 300)
  assert kept.tolist() == [True, False, False, False]
  corner = Roi(50.0, 50.0, 100.0)  # its left and top are the photo's
  kept = nanodet.uncut(boxes, corner, 300, 300)
  assert kept.tolist() == [True, True, False, True]
  assert nanodet.uncut(boxes, Roi(150.0, 150.0, 300.0), 300, 300).all()


def test_people_at_the_borders_of_tiles_are_found_once(monkeypatch):
  """Boxes known in the photo, shown to the tiles that see enough of them."""
  truth = np.array([[20, 30, 100, 200], [250, 40, 120, 240], [380, 9, 20, 40]])
  detector = nanodet.NanoDet()

  def read(images, tiles):
    seen = []
    for tile in tiles:
      start = np.array([tile.x, tile.y]) - tile.size / 2
      low = np.clip((truth[:, :2] - start) / tile.size, 0, 1)
      high = truth[:, :2] + truth[:, 2:]
      high = np.clip((high - start) / tile.size, 0, 1)
      boxes = np.concatenate([low, high - low], axis=-1)
      large = np.prod(boxes[:, 2:], axis=-1) > 0.008
      scores = np.full(len(truth), 0.35 if tile.size > 300 else 0.5)
      seen.append(nanodet.Boxes(boxes[large], scores[large]))
    return seen

  monkeypatch.setattr(detector, "read", read)
  (found,) = detector([np.zeros((300, 420, 3), np.uint8)])
  assert np.all(np.diff(found.scores) <= 0)
  overlap = box_iou(truth, found.boxes)
  # The last one is too small in the whole photo.
  assert len(found.boxes) == 3 and np.all(overlap.max(axis=1) > 0.99)


def test_finds_the_person_of_a_photo_and_nobody_in_noise():
  image = load_photo(record._PHOTO)
  detector = nanodet.NanoDet()
  noise = np.random.default_rng(0).integers(0, 255, (200, 300, 3), np.uint8)
  found, nobody = detector([image, noise])
  height, width = image.shape[:2]
  assert len(found.scores) >= 1 and found.scores[0] > 0.6
  left, top, w, h = found.boxes[0]
  assert 0.4 * width < w < 0.7 * width and h > 0.8 * height
  assert left < 0.5 * width < left + w and top < 0.1 * height
  assert np.all(found.boxes >= 0)
  ends = found.boxes[:, :2] + found.boxes[:, 2:]
  assert np.all(ends <= [width, height])
  assert nobody.boxes.shape == (0, 4) and nobody.scores.shape == (0,)


@pytest.mark.parametrize("batch", [1, 3])
def test_decoding_keeps_crops_apart(batch):
  outputs = _outputs(batch)
  for image in range(batch):
    _put(outputs, image, 32, (image, image), {0: 3.0}, [1, 1, 1, 1])
  found = nanodet.decode_boxes(outputs, 416, 0.3)
  for image, people in enumerate(found):
    center = people.boxes[0, :2] + people.boxes[0, 2:] / 2
    np.testing.assert_allclose(
      center * 416, [(image + 0.5) * 32] * 2, rtol=1e-5
    )
