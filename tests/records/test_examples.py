"""Records as training examples: projections agree, labels stay where due."""

import dataclasses
import functools

import numpy as np
import pytest

from hund_tf.body import keypoints as keypoint_table
from hund_tf.compat import tf
from hund_tf.geometry import camera
from hund_tf.losses.heatmaps import decode_heatmaps
from hund_tf.records import schema
from hund_tf.records.examples import ExampleConfig, RecordExamples
from hund_tf.records.schema import PersonRecord
from hund_tf.types import CROP_SIZE, Intrinsics
from tests.records import people

_EXACT = ExampleConfig().without_jitter()


@pytest.fixture(scope="module")
def records(body_model):
  return people.make(body_model, 3)


@pytest.fixture(scope="module", autouse=True)
def _forget_functions():
  yield
  _function.cache_clear()


@functools.lru_cache
def _function(config, vertices):
  return tf.function(RecordExamples(config, vertices, seed=5))


def examples_of(
  records, config=_EXACT, annotations=True, start=0, vertices=None
):
  if vertices is None:
    vertices = max(len(record.vertices) for record in records)
  serialized = tf.constant([schema.encode(record) for record in records])
  positions = tf.range(start, start + len(records), dtype=tf.int64)
  make = _function(config, vertices)
  example = make(serialized, positions, tf.constant(annotations))
  return tf.nest.map_structure(lambda x: x.numpy(), example)


def test_the_truth_projects_onto_the_keypoints_of_the_crop(records, body_model):
  example = examples_of(records, ExampleConfig())
  state = tf.nest.map_structure(tf.constant, example.state)
  body = body_model.decode(state, mesh=schema.MESH)
  np.testing.assert_allclose(body.joints, example.joints, atol=1e-5)
  np.testing.assert_allclose(body.vertices, example.vertices, atol=1e-5)
  places = camera.project(body.keypoints, example.intrinsics)
  np.testing.assert_allclose(places, example.keypoints, atol=0.01)
  assert (example.keypoint_weights == 1.0).all()
  assert all((weight == 1.0).all() for weight in example.weights)


def test_heatmaps_peak_at_the_detected_keypoints(records):
  example = examples_of(records)
  places, peaks = decode_heatmaps(example.features.heatmaps)
  for i, record in enumerate(records):
    side = 1.2 * record.box[2:].max()
    corner = record.box[:2] + record.box[2:] / 2 - side / 2
    expected = (record.detected[:, :2] - corner) * (CROP_SIZE / side)
    np.testing.assert_allclose(places[i], expected, atol=0.05)
  assert peaks.numpy().min() > 0.9
  np.testing.assert_allclose(example.features.heatmap_weights, 0.9)


def test_crops_jitter_by_their_position(records):
  same = records[:1] * 60
  focal = lambda start: examples_of(
    same, ExampleConfig(), start=start
  ).intrinsics.focal[:, 0]
  exact = examples_of(same[:3]).intrinsics.focal[:, 0]
  assert np.ptp(exact) < 1e-3
  zoom = np.log(exact[0] / focal(0))
  assert np.std(zoom) == pytest.approx(0.06, rel=0.3)
  later = np.log(exact[0] / focal(30))
  np.testing.assert_array_equal(zoom[30:], later[:30])


def _square(value: int, outside: int = 0) -> PersonRecord:
  """120 pixels, of which the middle 60 x 60 have a value."""
  picture = np.full((120, 120), outside, np.uint8)
  picture[30:90, 30:90] = value
  return PersonRecord(
    key="square",
    dataset="test",
    image_size=np.array([120, 120]),
    intrinsics=np.array([100.0, 100.0, 60.0, 60.0]),
    box=np.array([10.0, 10.0, 100.0, 100.0]),  # crop: the whole picture
    mask=people.encode_png(picture),
    part_labels=people.encode_png(picture),
    part_weights=np.ones(16),
  )


def test_a_mask_is_averaged_over_the_cells():
  example = examples_of([_square(255)])
  person = 1.0 - example.features.part_probs[0, ..., 0]
  expected = np.zeros((60, 60))
  expected[15:45, 15:45] = 1.0
  np.testing.assert_allclose(person, expected, atol=1e-4)
  assert example.features.part_weights.tolist() == [[1.0] + 14 * [0.0] + [1.0]]
  assert not example.features.part_probs[..., 1:].any()
  # A crop over the border, by half a cell: 1.2 * 100 is 120 pixels wide.
  moved = _square(255)._replace(box=np.array([61.0, 10.0, 100.0, 100.0]))
  person = 1.0 - examples_of([moved]).features.part_probs[0, ..., 0]
  np.testing.assert_allclose(person[30, 18:21], [1.0, 0.5, 0.0], atol=1e-4)
  np.testing.assert_allclose(person[30, 33:36], [0.0, 0.25, 0.5], atol=1e-4)


def test_labels_are_averaged_over_the_cells():
  config = dataclasses.replace(_EXACT, features_from="annotated")
  maps = examples_of([_square(3)], config).features.part_probs[0]
  np.testing.assert_allclose(maps.sum(-1), 1.0, atol=1e-4)
  np.testing.assert_allclose(maps[15:45, 15:45, 3], 1.0, atol=1e-4)
  assert maps[:15, :, 0].min() > 0.999
  unknown = _square(14, schema.UNKNOWN_PART)
  maps = examples_of([unknown], config).features.part_probs[0]
  np.testing.assert_allclose(maps[:15, :, 0], 0.5, atol=1e-4)
  np.testing.assert_allclose(maps[20, 20, 14], 1.0, atol=1e-4)


def test_crops_tell_where_the_photo_ends():
  """RGB in [0, 1], and a channel that is 1 in the photo."""
  grey = np.full((120, 120, 3), 102, np.uint8)
  # A crop of 120 pixels whose right half is beyond the photo.
  moved = _square(255)._replace(
    image=people.encode_png(grey), box=np.array([70.0, 10.0, 100.0, 100.0])
  )
  serialized = tf.constant([schema.encode(moved)])
  make = RecordExamples(_EXACT, 0, image_size=60)
  found = make(serialized, tf.constant([0], tf.int64)).image
  assert found.shape == (1, 60, 60, 4)
  expected = np.zeros((60, 60, 4))
  expected[:, :30] = [0.4, 0.4, 0.4, 1.0]
  np.testing.assert_allclose(found[0], expected, atol=1e-5)


def test_self_supervised_batches_see_no_annotation(records):
  annotated = [
    r._replace(detected=np.zeros((137, 3)), mask=b"") for r in records
  ]
  seen = examples_of(annotated, annotations=True)
  assert (seen.features.heatmap_weights == 1.0).all()
  assert (seen.features.part_weights == 1.0).all()
  unseen = examples_of(annotated, annotations=False)
  assert not unseen.features.heatmap_weights.any()
  assert not unseen.features.part_probs.any()
  assert not unseen.weights.alignment.any()
  detected = examples_of(records, annotations=False)
  assert (detected.features.heatmap_weights == np.float32(0.9)).all()
  assert detected.weights.alignment.all()


def test_3d_landmarks_come_with_what_was_detected(records):
  stored = np.stack([record.landmarks_3d for record in records])
  found = examples_of(records).features
  np.testing.assert_allclose(found.landmarks_3d, stored[..., :3], rtol=1e-6)
  np.testing.assert_allclose(
    found.landmark_3d_weights, stored[..., 3], rtol=1e-6
  )
  config = dataclasses.replace(_EXACT, features_from="annotated")
  absent = examples_of(records, config).features
  assert not np.any(absent.landmark_3d_weights)
  assert not np.any(absent.landmarks_3d)


def test_nothing_is_supervised_that_is_not_known(records):
  blank = people.unlabelled(records[0])
  example = examples_of([blank, records[1]], vertices=len(records[1].vertices))
  assert [w.tolist() for w in example.weights] == [[1.0, 1.0]] + 4 * [
    [0.0, 1.0]
  ]
  fitted = records[0]._replace(state_weight=0.5, vertices=np.zeros((0, 3)))
  example = examples_of([fitted], vertices=len(records[1].vertices))
  weights = example.weights
  assert (weights.vertices, weights.joints, weights.latents) == (0, 0.5, 0.5)


def test_mirror_images_project_to_the_other_side(records):
  """A person and the mirror image of a person: left is right, x is -x."""
  config = dataclasses.replace(_EXACT, flip=1.0)
  record = people.unlabelled(records[0])._replace(
    keypoints=records[0].keypoints
  )
  plain = examples_of([record])
  mirrored = examples_of([record], config)
  order = list(keypoint_table.MIRROR)
  expected = plain.keypoints[0, order] * [-1, 1] + [CROP_SIZE, 0]
  np.testing.assert_allclose(mirrored.keypoints[0], expected, atol=1e-3)
  places, _ = decode_heatmaps(mirrored.features.heatmaps)
  detected, _ = decode_heatmaps(plain.features.heatmaps)
  expected = detected.numpy()[0, order] * [-1, 1] + [CROP_SIZE, 0]
  np.testing.assert_allclose(places[0], expected, atol=0.1)
  np.testing.assert_allclose(
    mirrored.features.part_probs[0], plain.features.part_probs[0, :, ::-1]
  )
  np.testing.assert_allclose(
    mirrored.features.landmarks_3d[0],
    plain.features.landmarks_3d[0, order] * [-1.0, 1.0, 1.0],
  )
  np.testing.assert_array_equal(
    mirrored.features.landmark_3d_weights[0],
    plain.features.landmark_3d_weights[0, order],
  )
  # Points in 3D reflected at x = 0 are seen where the keypoints are.
  points = np.float32([[0.3, -0.2, 3.0], [-0.5, 0.6, 4.0]])
  lens = lambda example: Intrinsics(*(part[0] for part in example.intrinsics))
  before = camera.project(points, lens(plain)).numpy()
  after = camera.project(
    points * np.float32([-1, 1, 1]), lens(mirrored)
  ).numpy()
  np.testing.assert_allclose(
    after, before * [-1, 1] + [CROP_SIZE, 0], atol=1e-3
  )
  # A known body has no mirror image.
  known = examples_of(records, config)
  same = examples_of(records)
  np.testing.assert_array_equal(known.keypoints, same.keypoints)


@pytest.mark.parametrize("change", [{"features_from": "K"}, {"flip": 1.5}])
def test_bad_settings_are_refused(change):
  with pytest.raises(ValueError, match=next(iter(change))):
    ExampleConfig(**change)
