"""Features of the network, alone and fused with landmarks."""

import dataclasses

import numpy as np
import pytest

from hund_tf.body import keypoints as keypoint_table
from hund_tf.body import parts
from hund_tf.compat import tf
from hund_tf.detection import features as landmark_features
from hund_tf.detection.interface import Detection
from hund_tf.detection.network_features import (
  NetworkFeatures,
  fuse,
  landmarks_only,
)
from hund_tf.losses.heatmaps import render_heatmaps, target_from_features
from hund_tf.models.multitask.network import MultitaskNetwork, image_features
from hund_tf.types import ImageFeatures, no_landmarks_3d
from tests.models.tiny_network import TINY


def _features(points, weights, height=1.0, channels=0):
  points = np.asarray(points, np.float32)[None]
  weights = np.asarray(weights, np.float32)[None]
  number = points.shape[1]
  full = np.zeros([1, 137, 2], np.float32)
  full[:, :number] = points
  known = np.zeros([1, 137], np.float32)
  known[:, :number] = weights
  return ImageFeatures(
    heatmaps=height * render_heatmaps(full, known),
    heatmap_weights=tf.constant(known),
    part_probs=tf.zeros([1, 60, 60, 15]),
    part_weights=tf.zeros([1, 16]),
    features=tf.zeros([1, 60, 60, channels]),
    **no_landmarks_3d(1)._asdict(),
  )


def test_agreeing_peaks_strengthen_each_other():
  """The place lies between, nearer to the more confident one."""
  landmarks = _features([[204.0, 204.0]], [0.6])  # a cell's centre
  network = _features([[208.0, 204.0]], [1.0], height=0.4)
  target = target_from_features(fuse(landmarks, network, trust=0.5))
  x, y = target.keypoints[0, 0].numpy()
  assert 204.2 < x < 206.0
  np.testing.assert_allclose(y, 204.0, atol=0.1)
  weight = float(target.keypoint_weights[0, 0])
  np.testing.assert_allclose(weight, 0.6 + 0.5 * 0.4, atol=0.02)


@pytest.mark.parametrize(
  ("confidence", "expected"), [(0.9, 100.0), (0.1, 404.0)]
)
def test_of_two_that_differ_the_confident_one_is_taken(confidence, expected):
  landmarks = _features([[100.0, 244.0]], [confidence])
  network = _features([[404.0, 244.0]], [1.0])
  target = target_from_features(fuse(landmarks, network, trust=0.5))
  np.testing.assert_allclose(target.keypoints[0, 0, 0], expected, atol=0.5)
  weight = float(target.keypoint_weights[0, 0])
  np.testing.assert_allclose(weight, max(confidence, 0.5), atol=0.02)


def test_keypoints_that_one_of_them_knows():
  landmarks = _features([[100.0, 100.0], [0.0, 0.0]], [0.8, 0.0])
  network = _features([[0.0, 0.0], [300.0, 92.0]], [0.0, 1.0])
  target = target_from_features(fuse(landmarks, network, trust=0.5))
  np.testing.assert_allclose(
    target.keypoints[0, :2], [[100.0, 100.0], [300.0, 92.0]], atol=0.5
  )
  np.testing.assert_allclose(
    target.keypoint_weights[0, :3], [0.8, 0.5, 0.0], atol=0.02
  )


def test_hands_that_were_not_found_stay_unknown():
  hand = keypoint_table.LEFT_HAND.start
  points = np.full([137, 2], 244.0)
  weights = np.full(137, 0.8)
  weights[[0, hand]] = 0.0
  fused = fuse(_features(points, weights), _features(points, np.ones(137)))
  confidence = fused.heatmap_weights.numpy()[0]
  assert confidence[0] > 0.3  # the nose
  assert confidence[hand] == 0.0
  assert confidence[hand + 1] > 0.8
  assert fused.heatmaps.numpy()[..., hand].max() == 0.0


def _with_parts(features, places):
  """Square parts of 8 x 8 cells by name and middle, in crop pixels."""
  maps = np.zeros([1, 60, 60, 15], np.float32)
  for part, (x, y) in places.items():
    row, column = int(y / 8), int(x / 8)
    cells = slice(row - 4, row + 4), slice(column - 4, column + 4)
    maps[(0, *cells, parts.INDEX[part])] = 1.0
  maps[..., 0] = 1.0 - maps.sum(-1)
  return features._replace(
    part_probs=tf.constant(maps), part_weights=tf.ones([1, 16])
  )


@pytest.fixture
def arms():
  """A detector's features with both lower arms, and the network's alike."""
  points, weights = np.full([137, 2], 244.0), np.zeros(137)
  for name, place in (
    ("l_elbow", (360, 200)),
    ("l_wrist", (400, 200)),
    ("r_elbow", (120, 200)),
    ("r_wrist", (80, 200)),
  ):
    points[keypoint_table.INDEX[name]] = place
    weights[keypoint_table.INDEX[name]] = 1.0
  landmarks = _features(points, weights)._replace(
    part_probs=tf.fill([1, 60, 60, 15], 0.25)
  )
  return landmarks, _features(points, weights, channels=3)


@pytest.mark.parametrize(
  ("places", "agreed"),
  [
    ({"l_lower_arm": (380, 200), "r_lower_arm": (100, 200)}, True),
    ({"l_lower_arm": (380, 230), "r_lower_arm": (100, 200)}, True),
    ({"l_lower_arm": (100, 200), "r_lower_arm": (380, 200)}, False),
    ({"l_lower_arm": (380, 200), "r_lower_arm": (100, 400)}, False),
    # One of them is not seen; what no keypoint was found of is not judged.
    ({"l_lower_arm": (380, 200), "torso": (100, 100)}, True),
    ({"torso": (240, 240)}, False),
  ],
)
def test_parts_are_of_the_network_where_they_agree(arms, places, agreed):
  landmarks, network = arms
  network = _with_parts(network, places)
  fused = fuse(landmarks, network)
  taken = network if agreed else landmarks
  np.testing.assert_array_equal(fused.part_probs, taken.part_probs)
  np.testing.assert_array_equal(fused.part_weights, taken.part_weights)
  assert fused.features.shape == (1, 60, 60, 3)


@pytest.fixture(scope="module")
def network():
  return MultitaskNetwork(TINY)


@pytest.fixture
def person():
  random = np.random.default_rng(0)
  keypoints = random.uniform(60.0, 180.0, [137, 3]).astype(np.float32)
  keypoints[:, 2] = 0.7
  return Detection(np.array([50.0, 40.0, 100.0, 150.0]), 1.0, keypoints)


def test_network_looks_at_the_crop(network, person):
  random = np.random.default_rng(1)
  image = random.integers(0, 255, [200, 220, 3], dtype=np.uint8)
  box = landmark_features.crop_box(person)
  crop = landmark_features.crop_image(image, box, 240)
  inside = landmark_features.photo_map(image.shape, box)
  assert 0.5 < inside.mean() < 1.0  # the crop exceeds the photo
  output = network(crop[None] / np.float32(255.0))
  expected = image_features(output, inside[None])
  found = NetworkFeatures(network, "network", with_features=True)(
    image, [person], [box]
  )
  for name in ImageFeatures._fields:
    np.testing.assert_allclose(
      getattr(found, name), getattr(expected, name), atol=1e-5
    )
  both = NetworkFeatures(network, "both")(image, [person], [box])
  assert both.features.shape[-1] == 0
  landmarks = landmarks_only(None, [person], [box])
  np.testing.assert_allclose(
    both.heatmaps, fuse(landmarks, expected).heatmaps, atol=1e-5
  )


def test_each_person_has_a_photo_of_its_own(network, person):
  random = np.random.default_rng(2)
  photos = random.integers(0, 255, [2, 200, 220, 3], dtype=np.uint8)
  box = landmark_features.crop_box(person)
  look = NetworkFeatures(network, "network")
  found = look(list(photos), [person] * 2, [box] * 2)
  for i in range(2):
    alone = look(photos[i], [person], [box])
    np.testing.assert_allclose(
      found.part_probs[i], alone.part_probs[0], atol=1e-5
    )
  with pytest.raises(ValueError):
    look(list(photos), [person], [box])


def test_bad_input_is_named(network, person):
  with pytest.raises(ValueError, match="features: got 'landmarks'"):
    NetworkFeatures(network, "landmarks")
  box = landmark_features.crop_box(person)
  with pytest.raises(ValueError, match="photo: got none"):
    NetworkFeatures(network, "network")(None, [person], [box])


def test_a_guided_network_is_told_who_is_meant(person):
  """B and F are of the network that was told, K is the detector's."""
  config = dataclasses.replace(TINY, guided=True)
  network = MultitaskNetwork(config)
  random = np.random.default_rng(1)
  image = random.integers(0, 255, [200, 220, 3], dtype=np.uint8)
  box = landmark_features.crop_box(person)
  both = NetworkFeatures(network, "both", with_features=True)(
    image, [person], [box]
  )
  landmarks = landmarks_only(None, [person], [box])
  np.testing.assert_array_equal(both.heatmaps, landmarks.heatmaps)
  crop = landmark_features.crop_image(image, box, 240)[None] / np.float32(255.0)
  inside = landmark_features.photo_map(image.shape, box)[None]
  weighted = landmarks.heatmaps * np.float32(0.7)
  told = image_features(network(crop, weighted[..., :25]), inside)
  alone = image_features(network(crop), inside)
  np.testing.assert_allclose(both.part_probs, told.part_probs, atol=1e-5)
  np.testing.assert_allclose(both.features, told.features, atol=1e-5)
  assert np.abs(told.part_probs - alone.part_probs).max() > 1e-4
