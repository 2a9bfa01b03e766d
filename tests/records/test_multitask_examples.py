"""Examples of the multitask network from stored records."""

import dataclasses

import cv2
import numpy as np
import pytest

from hund_tf.body import keypoints as names
from hund_tf.compat import tf
from hund_tf.records import multitask_examples, schema
from hund_tf.records.crop_augmentation import CropAugmentation
from hund_tf.records.examples import ExampleConfig, RecordExamples
from hund_tf.records.regions import encode_png
from tests.records import people, pictures

_STILL = CropAugmentation(
  scale=0.0, shift=0.0, rotation=0.0, flip=0.0, color=0.0, patch=0.0
)


@pytest.fixture(scope="module")
def record(body_model):
  return pictures.make(body_model, 1)[0]


def _make(records, config=_STILL, first=0, **options):
  data = tf.constant([schema.encode(record) for record in records])
  positions = tf.range(first, first + len(records), dtype=tf.int64)
  return multitask_examples.make_batch(data, positions, 240, config, **options)


def test_still_example(record):
  """Keypoints by hand; labels where the mask is; the picture's colours."""
  example = _make([record])
  left, top, width, height = record.box
  side = 1.2 * max(width, height)
  corner = np.array([left + width / 2, top + height / 2]) - side / 2
  expected = (record.keypoints[:, :2] - corner) * 480.0 / side
  np.testing.assert_allclose(example.keypoints[0], expected, atol=0.01)
  np.testing.assert_allclose(
    example.box_side[0], 480.0 * max(width, height) / side, rtol=1e-5
  )
  labels = np.argmax(example.part_probs[0], axis=-1)
  # The outline is that of the person: keypoints of the trunk are inside.
  column, row = (expected[names.INDEX["mid_hip"]] / 8).astype(int)
  assert labels[row, column] == 14
  assert labels[0, 0] == 0
  picture = example.image[0].numpy()
  x, y = (expected[names.INDEX["nose"]] / 2).astype(int)
  np.testing.assert_allclose(
    picture[y, x] * 255.0, [40.0, 255.0, 0.0], atol=40.0
  )


def test_turned_and_mirrored_labels_follow_the_picture(record):
  """The person is the grey and coloured part of the picture, always."""
  config = dataclasses.replace(_STILL, rotation=60.0, flip=0.5, shift=0.1)
  example = _make([record] * 6, config)
  for picture, parts in zip(example.image, example.part_probs, strict=True):
    person = cv2.resize(
      (picture.numpy().max(-1) > 0.05).astype(np.uint8),
      None,
      fx=0.25,
      fy=0.25,
      interpolation=cv2.INTER_AREA,
    )
    labels = np.argmax(parts, axis=-1) == 14
    assert (person.astype(bool) == labels).mean() > 0.97


def test_mirrored_keypoints_change_sides(record):
  config = dataclasses.replace(_STILL, flip=1.0)
  example, still = _make([record], config), _make([record])
  found, before = example.keypoints[0].numpy(), still.keypoints[0].numpy()
  l_wrist, r_wrist = names.INDEX["l_wrist"], names.INDEX["r_wrist"]
  np.testing.assert_allclose(found[l_wrist, 0], 480.0 - before[r_wrist, 0])
  np.testing.assert_allclose(found[l_wrist, 1], before[r_wrist, 1], atol=0.01)


def test_beyond_the_photo_nothing_is_known(record):
  moved = record._replace(box=record.box + np.float32([-150, 0, 0, 0]))
  example = _make([moved])
  cells = example.cell_weights[0].numpy()
  assert cells[:, 0].max() == 0.0
  assert cells[30, -1] == 1.0


def test_mask_alone(record):
  unlabelled = record._replace(part_labels=b"", part_weights=np.zeros(16))
  example = _make([unlabelled])
  expected = np.zeros(16)
  expected[[0, 15]] = 1.0
  np.testing.assert_array_equal(example.part_weights[0], expected)
  whole = _make([record])
  np.testing.assert_allclose(
    example.part_probs[0, ..., 0], whole.part_probs[0, ..., 0], atol=1e-6
  )
  neither = _make([unlabelled._replace(mask=b"")])
  assert not np.any(neither.part_weights) and not np.any(neither.cell_weights)


def test_unknown_labels_are_left_out(record):
  labels = np.full((people.SIZE, people.SIZE), 255, np.uint8)
  example = _make([record._replace(part_labels=encode_png(labels))])
  assert not np.any(example.cell_weights.numpy())


def test_mirrored_labels_change_sides(record):
  """Left hand 2, right hand 3: the sides of the picture and of the body."""
  labels = np.full((people.SIZE, people.SIZE), 2, np.uint8)
  labels[:, people.SIZE // 2 :] = 3
  middle = np.float32([100, 100, 100, 100])
  halves = record._replace(box=middle, part_labels=encode_png(labels))
  turned = _make([halves], dataclasses.replace(_STILL, flip=1.0))
  still = _make([halves])
  assert np.argmax(still.part_probs[0, 30, 10]) == 2
  np.testing.assert_allclose(turned.part_probs, still.part_probs, atol=1e-6)


def test_a_mask_says_the_same_in_all_examples(record):
  """Person, background, neither, and a probability; see `PersonRecord`."""
  mask = np.full((people.SIZE, people.SIZE), 255, np.uint8)
  mask[:, :100], mask[:, 100:150], mask[:, 150:200] = 0, 128, 64
  masked = record._replace(
    box=np.float32([25, 25, 250, 250]),
    mask=encode_png(mask),
    part_labels=b"",
    part_weights=np.zeros(16),
  )
  learned = _make([masked])
  known = learned.cell_weights[0].numpy()
  np.testing.assert_array_equal(known[30, [10, 25, 35, 50]], [1, 0, 1, 1])
  background = learned.part_probs[0, ..., 0].numpy()
  np.testing.assert_allclose(
    background[30, [10, 35, 50]], [1.0, 1.0 - 64 / 255, 0.0], atol=1e-6
  )
  still = ExampleConfig().without_jitter()
  make = RecordExamples(still, len(record.vertices))
  data = tf.constant([schema.encode(masked)])
  described = make(data, tf.constant([0], tf.int64)).features
  np.testing.assert_array_equal(described.part_weights, learned.part_weights)
  np.testing.assert_allclose(
    described.part_probs[0, ..., 0],
    background * known + 0.5 * (1.0 - known),
    atol=1e-5,
  )


def test_patch_hides_keypoints_and_cells(record):
  config = dataclasses.replace(_STILL, patch=1.0, patch_size=0.9)
  example = _make([record] * 4, config)
  assert (example.visibility.numpy() == 0.0).any()
  assert (example.keypoint_weights.numpy() == 1.0).all()
  assert (example.cell_weights.numpy() == 0.0).any()
  # The image is covered where the cells are unknown; elsewhere but for pixels
  # at the patch's edge, which are finer than the samples of a cell, it is not.
  plain = _make([record] * 4)
  changed = np.any(example.image != plain.image, axis=-1)
  step = changed.shape[1] // example.cell_weights.shape[1]
  cells = np.repeat(
    np.repeat(example.cell_weights.numpy(), step, axis=1), step, axis=2
  )
  assert changed[cells == 0.0].mean() > 0.99
  assert changed[cells == 1.0].mean() < 0.02


def test_detected_keypoints_stand_in(record):
  bare = people.unlabelled(record)._replace(image=record.image)
  assert not np.any(_make([bare]).keypoint_weights)
  example = _make([bare], detected=True)
  np.testing.assert_allclose(example.keypoint_weights, 0.9, rtol=1e-5)
  with_labels = _make([record], detected=True)
  np.testing.assert_array_equal(with_labels.keypoint_weights, 1.0)


def test_a_place_in_the_stream_decides(record):
  config = CropAugmentation()
  first, again = _make([record], config, 5), _make([record], config, 5)
  other = _make([record], config, 6)
  np.testing.assert_array_equal(first.image, again.image)
  assert np.abs(first.keypoints - other.keypoints).max() > 1.0
