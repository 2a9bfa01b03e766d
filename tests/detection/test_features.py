"""Crops, heatmaps K and part maps B."""

import numpy as np
import pytest

from hund_tf.detection.features import (
  crop_box,
  crop_image,
  foreground_map,
  image_features,
)
from hund_tf.detection.interface import (
  Detection,
  check_boxes,
  check_image,
  empty_keypoints,
)
from hund_tf.losses.heatmaps import decode_heatmaps


def _detection(box, points=(), mask=None):
  rows = empty_keypoints()
  for i, row in enumerate(points):
    rows[i] = row
  return Detection(np.asarray(box, np.float32), 1.0, rows, mask)


def test_crop_box_is_a_centred_square():
  box = crop_box(_detection([10, 20, 30, 60]), 1.5)
  np.testing.assert_allclose(box, [25 - 45, 50 - 45, 90, 90])
  with pytest.raises(ValueError, match="no area"):
    crop_box(_detection([0, 0, 0, 5]))
  with pytest.raises(ValueError, match="crop scale"):
    crop_box(_detection([0, 0, 5, 5]), 0.0)


def test_crop_image_places_pixels_and_blackens_the_outside():
  image = np.zeros((40, 40, 3), np.uint8)
  image[10, 20] = 255
  crop = crop_image(image, np.array([-20, -20, 60, 60]))
  bright = np.argwhere(crop[..., 0] > 128) + 0.5
  np.testing.assert_allclose(bright.mean(axis=0), [30.5 * 8, 40.5 * 8])
  full = crop_image(np.full_like(image, 9), np.array([-20, -20, 60, 60]))
  assert full[:150].max() == 0 and full[-100, -100, 0] == 9
  with pytest.raises(ValueError, match="crop box"):
    crop_image(image, np.array([0, 0, 5, 6]))


def test_heatmaps_decode_to_the_keypoints():
  rng = np.random.default_rng(0)
  box = np.array([30.0, -15.0, 120.0, 120.0], np.float32)
  inside = rng.uniform(0.02, 0.98, (137, 2)) * 120 + box[:2]
  rows = np.concatenate([inside, rng.uniform(0.1, 1, (137, 1))], axis=1)
  features = image_features([_detection(box, rows)], [box])
  assert features.heatmaps.shape == (1, 60, 60, 137)
  located, peaks = decode_heatmaps(features.heatmaps)
  expected = (inside - box[:2]) * 4.0
  np.testing.assert_allclose(located[0], expected, atol=0.1)
  assert float(np.min(peaks)) > 0.9
  np.testing.assert_allclose(features.heatmap_weights[0], rows[:, 2], 1e-6)
  assert features.features.shape == (1, 60, 60, 0)
  assert not np.any(features.part_weights)


def test_keypoints_outside_the_crop_or_unknown_weigh_nothing():
  person = _detection([0, 0, 9, 9], [[5, 5, 1], [50, 5, 1], [5, 5, 0]])
  features = image_features([person], [np.array([0, 0, 10, 10])])
  np.testing.assert_allclose(features.heatmap_weights[0, :3], [1, 0, 0])
  assert not np.any(features.heatmaps[0, ..., 1:])


def test_mask_fills_background_and_visibility_only():
  mask = np.zeros((60, 60), np.uint8)
  mask[:, :30] = 1
  box = np.array([0, 0, 60, 60], np.float32)
  features = image_features([_detection(box, mask=mask)], [box])
  background = np.array(features.part_probs[0, ..., 0])
  np.testing.assert_allclose(background[:, :28], 0)
  np.testing.assert_allclose(background[:, 32:], 1)
  assert not np.any(features.part_probs[0, ..., 1:])
  weights = np.zeros(16)
  weights[[0, 15]] = 1
  np.testing.assert_allclose(features.part_weights[0], weights)


def test_mask_is_averaged_over_cells():
  mask = np.zeros((480, 480), np.uint8)
  mask[:, :12] = 1  # one cell and a half
  row = foreground_map(mask, np.array([0, 0, 480, 480]))[30]
  np.testing.assert_allclose(row[:3], [1, 0.5, 0], atol=1e-6)


def test_nothing_is_known_beyond_the_border():
  known = foreground_map(
    np.ones((60, 60), np.uint8), np.array([-60, 0, 60, 60])
  )
  np.testing.assert_allclose(known[:, :59], 0.5)


def test_numbers_must_agree():
  with pytest.raises(ValueError, match="one a person"):
    image_features([_detection([0, 0, 1, 1])], [])


@pytest.mark.parametrize(
  ("boxes", "message"),
  [
    ([[0, 0, 5]], "box 0"),
    ([[0, 0, 5, 5], [0, 0, -1, 5]], "box 1.*<= 0"),
    ([[100, 0, 5, 5]], "outside the photo"),
    ([[0, 0, np.nan, 5]], "finite"),
    (["a"], "box 0"),
  ],
)
def test_boxes_are_checked(boxes, message):
  with pytest.raises(ValueError, match=message):
    check_boxes(boxes, 50, 100)


def test_images_are_checked():
  for bad in (np.zeros((4, 4)), np.zeros((0, 4, 3), np.uint8), [[1]]):
    with pytest.raises(ValueError, match="image"):
      check_image(bad)
  with pytest.raises(ValueError, match="uint8"):
    check_image(np.zeros((4, 4, 3)))
