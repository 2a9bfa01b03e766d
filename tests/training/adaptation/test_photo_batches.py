"""Batches of people in photos: crops, order, and what is kept of a photo."""

import numpy as np
import pytest

from hund_tf.body import keypoints
from hund_tf.detection.features import crop_box
from hund_tf.detection.interface import Detection, empty_keypoints
from hund_tf.records.crop_jitter import CropJitter
from hund_tf.training.adaptation.photo_batches import (
  PhotoBatches,
  SeenPerson,
  compact,
  mirror_image,
  seen_people_batch,
)
from hund_tf.types import ImageFeatures, Intrinsics

_JITTER = CropJitter(shift=0.05, zoom=0.1)


def _person(scale: float = 1.0, offset: float = 0.0, name: str = "a.jpg"):
  """A person with a mask, 100 x 160 pixels times `scale`, at an offset."""
  random = np.random.default_rng(3)
  size = int(600 * scale)
  mask = np.zeros([size, size], np.uint8)
  left, top = int((200 + offset) * scale), int(150 * scale)
  width, height = int(100 * scale), int(160 * scale)
  mask[top : top + height, left : left + width] = 1
  points = empty_keypoints()
  points[:25, :2] = random.uniform(0, 1, [25, 2]) * [width, height]
  points[:25, :2] += [left, top]
  points[:25, 2] = 0.9
  spatial = random.uniform(size=[137, 4]).astype(np.float32)
  box = np.array([left, top, width, height], np.float32)
  cameras = Intrinsics(np.full(2, 700.0 * scale), np.full(2, 300.0 * scale))
  return SeenPerson(name, Detection(box, 1.0, points, mask, spatial), cameras)


@pytest.mark.parametrize(
  ("scale", "tolerance"), [(1.0, 1e-4), (15.0, 0.04)], ids=["small", "large"]
)
def test_a_compact_person_has_the_same_crops(scale, tolerance):
  person = _person(scale)
  small = compact(person, _JITTER)
  assert small.detection.mask.size < 0.3 * person.detection.mask.size
  assert max(small.detection.mask.shape) < 4000
  for number in range(4):
    boxes = [
      _JITTER.draw(np.random.default_rng(number), crop_box(p.detection))
      for p in (person, small)
    ]
    whole, kept = (
      seen_people_batch([p], [box])
      for p, box in zip((person, small), boxes, strict=True)
    )
    for name in set(ImageFeatures._fields) - {"features"}:
      np.testing.assert_allclose(
        getattr(kept[0], name), getattr(whole[0], name), atol=tolerance
      )
    for a, b in zip(kept[1], whole[1], strict=True):
      np.testing.assert_allclose(a, b, rtol=1e-3)


def test_a_compact_person_at_the_border_knows_where_the_photo_ends():
  person = _person(offset=-190.0)  # ten pixels from the left border
  small = compact(person, _JITTER)
  a, b = (
    seen_people_batch([p], [crop_box(p.detection)])[0].part_probs.numpy()
    for p in (person, small)
  )
  assert np.any(a[..., 0] == 0.5)  # beyond the border nothing is known
  np.testing.assert_allclose(a, b, atol=1e-4)


def test_a_mirrored_person_has_mirrored_features():
  person = _person(offset=40.0)
  person.detection.mask[150:200, 240:260] = 0  # not symmetric
  box = crop_box(person.detection)
  mirrored = mirror_image(person)
  left = 600.0 - box[0] - box[2]
  other = np.array([left, *box[1:]], np.float32)
  np.testing.assert_allclose(crop_box(mirrored.detection), other, atol=1e-3)
  before, camera = seen_people_batch([person], [box])
  after, turned = seen_people_batch([mirrored], [other])
  swapped = list(keypoints.MIRROR)
  np.testing.assert_allclose(
    after.heatmaps.numpy(),
    before.heatmaps.numpy()[:, :, ::-1][..., swapped],
    atol=1e-4,
  )
  np.testing.assert_array_equal(
    after.heatmap_weights, before.heatmap_weights.numpy()[:, swapped]
  )
  np.testing.assert_allclose(
    after.part_probs, before.part_probs.numpy()[:, :, ::-1], atol=1e-4
  )
  np.testing.assert_array_equal(
    after.landmarks_3d, before.landmarks_3d.numpy()[:, swapped] * [-1, 1, 1]
  )
  np.testing.assert_array_equal(
    after.landmark_3d_weights, before.landmark_3d_weights.numpy()[:, swapped]
  )
  assert np.any(before.landmark_3d_weights)
  np.testing.assert_allclose(
    turned.center, [[480.0, 0.0]] + camera.center * [-1.0, 1.0], rtol=1e-5
  )
  again = mirror_image(mirrored)
  np.testing.assert_allclose(
    again.detection.keypoints, person.detection.keypoints, atol=1e-4
  )
  no_mask = person._replace(detection=person.detection._replace(mask=None))
  np.testing.assert_allclose(
    mirror_image(no_mask).detection.keypoints[:, 0],
    mirrored.detection.keypoints[:, 0] - 600.0,
    atol=1e-3,
  )


def test_jitter_stays_within_its_reach_and_moves():
  box = np.array([10.0, 20.0, 100.0, 100.0], np.float32)
  low, high = _JITTER.reach(box)
  random = np.random.default_rng(0)
  drawn = np.stack([_JITTER.draw(random, box) for _ in range(300)])
  assert np.all(drawn[:, :2] >= low - 1e-3)
  assert np.all(drawn[:, :2] + drawn[:, 2:] <= high + 1e-3)
  np.testing.assert_array_equal(drawn[:, 2], drawn[:, 3])
  assert np.std(np.log(drawn[:, 2])) == pytest.approx(0.1, rel=0.2)
  middles = drawn[:, :2] + drawn[:, 2:] / 2.0
  assert np.std(middles[:, 0]) == pytest.approx(5.0, rel=0.2)


def test_everybody_comes_once_before_anybody_twice():
  people = [_person(offset=20.0 * i, name=f"{i}.jpg") for i in range(3)]
  for person, focal in zip(people, (700.0, 800.0, 900.0), strict=True):
    person.intrinsics.focal[:] = focal
  still = CropJitter(0.0, 0.0)
  batches = PhotoBatches(people, 2, vertices=5, jitter=still, seed=1)
  cameras = [batches.batch(i).intrinsics.focal[:, 0].numpy() for i in range(3)]
  seen = np.round(np.concatenate(cameras) / 2.5).astype(int).tolist()
  assert sorted(seen[:3]) == sorted(seen[3:]) == [700, 800, 900]
  again = PhotoBatches(people, 2, vertices=5, jitter=still, seed=1).batch(2)
  np.testing.assert_array_equal(again.intrinsics.focal[:, 0], cameras[2])


def test_batches_are_trained_on_by_the_alignment_alone():
  example = PhotoBatches([_person()], 2, vertices=5).batch(0)
  assert example.vertices.shape == (2, 5, 3)
  weights = {
    k: v.numpy().tolist() for k, v in example.weights._asdict().items()
  }
  assert weights.pop("alignment") == [1.0, 1.0]
  assert all(value == [0.0, 0.0] for value in weights.values())
  # The one person fills the batch, each time in another crop.
  heatmaps = example.features.heatmaps.numpy()
  assert np.abs(heatmaps[0] - heatmaps[1]).max() > 0.05


def test_plain_crops_are_those_of_a_reconstruction_and_count_once():
  people = [_person(offset=20.0 * i) for i in range(3)]
  rows = list(PhotoBatches(people, 2, vertices=5).plain())
  assert [count for _, _, count in rows] == [2, 1]
  assert rows[1][0].heatmaps.shape[0] == 2
  whole, _ = seen_people_batch(people, [crop_box(p.detection) for p in people])
  np.testing.assert_allclose(rows[0][0].heatmaps, whole.heatmaps[:2], atol=1e-4)
  np.testing.assert_allclose(
    rows[1][0].part_probs[0], whole.part_probs[2], atol=1e-4
  )


def test_nobody_is_an_error():
  with pytest.raises(ValueError, match="at least one"):
    PhotoBatches([], 2, vertices=5)
