"""Synthetic examples: pure in seed and step, true to their own state."""

import dataclasses

import numpy as np
import pytest

from hund_tf.body import keypoints as table
from hund_tf.body.landmarks_3d import viewed_landmarks
from hund_tf.compat import tf
from hund_tf.geometry import camera
from hund_tf.losses.heatmaps import decode_heatmaps
from hund_tf.motion import pose_library
from hund_tf.synthetic import detector_noise
from hund_tf.synthetic import examples as synthetic
from hund_tf.synthetic.detector_noise import DetectorNoiseConfig
from hund_tf.types import CROP_SIZE
from tests.eager import run_eagerly

pytestmark = pytest.mark.usefixtures("eager")

_BATCH = 8
_NOISY = synthetic.SyntheticConfig()
_CLEAN = dataclasses.replace(_NOISY, noise=DetectorNoiseConfig(scale=0.0))


@pytest.fixture(scope="module")
def noisy(body_model):
  return synthetic.SyntheticExamples(body_model, pose_library.empty(), _NOISY)


@pytest.fixture(scope="module")
def clean(body_model):
  return synthetic.SyntheticExamples(body_model, pose_library.empty(), _CLEAN)


@pytest.fixture(scope="module")
def clean_batch(clean):
  with run_eagerly():
    return clean.example_batch(7, 3, _BATCH)


def _flat(batch):
  return [np.asarray(x) for x in tf.nest.flatten(batch)]


def test_a_step_gives_the_same_batch_and_another_step_another(noisy):
  first = noisy.example_batch(7, 3, _BATCH)
  again = noisy.example_batch(7, 3, _BATCH)
  for a, b in zip(_flat(first), _flat(again), strict=True):
    np.testing.assert_array_equal(a, b)
  for other in (
    noisy.example_batch(7, 4, _BATCH),
    noisy.example_batch(8, 3, _BATCH),
  ):
    assert not np.allclose(first.state.body_pose, other.state.body_pose)
    assert not np.allclose(first.intrinsics.focal, other.intrinsics.focal)


def test_the_dataset_goes_on_from_any_step(noisy):
  """Its shapes are static, its values finite and those of Python."""
  direct = noisy.example_batch(1, 1, _BATCH)
  tf.config.run_functions_eagerly(False)  # as in training
  dataset = noisy.dataset(1, 0, _BATCH)
  batches = iter(dataset)
  next(batches)
  second = next(batches)
  resumed = next(iter(noisy.dataset(1, 1, _BATCH)))
  for a, b, c in zip(_flat(second), _flat(resumed), _flat(direct), strict=True):
    np.testing.assert_array_equal(a, b)
    np.testing.assert_allclose(a, c, rtol=1e-3, atol=1e-2)
  for spec, value in zip(
    tf.nest.flatten(dataset.element_spec), _flat(second), strict=True
  ):
    assert spec.shape.is_fully_defined(), spec
    assert spec.dtype == tf.float32
    assert value.shape == spec.shape
    assert np.isfinite(value).all()


def test_targets_are_the_projection_of_the_true_state(clean_batch, body_model):
  body = body_model.decode(clean_batch.state, mesh="proxy_1500")
  np.testing.assert_allclose(body.vertices, clean_batch.vertices, atol=1e-4)
  np.testing.assert_allclose(body.joints, clean_batch.joints, atol=1e-4)
  projected = camera.project(body.keypoints, clean_batch.intrinsics)
  near = np.abs(clean_batch.keypoints) < 4 * CROP_SIZE
  difference = np.abs(projected - clean_batch.keypoints)
  assert difference[near].max() < 0.05
  assert (body.keypoints.numpy()[..., 2] > 0.3).all()


def test_clean_heatmaps_decode_to_the_truth(clean_batch):
  found, peaks = decode_heatmaps(clean_batch.features.heatmaps)
  known = clean_batch.features.heatmap_weights.numpy() > 0
  assert known.mean() > 0.5
  np.testing.assert_allclose(
    found.numpy()[known], clean_batch.keypoints.numpy()[known], atol=0.05
  )
  np.testing.assert_array_equal(peaks.numpy()[~known], 0.0)
  assert (clean_batch.features.heatmap_weights.numpy()[known] == 1.0).all()


def test_clean_3d_landmarks_are_those_of_the_body(clean_batch, body_model):
  body = body_model.decode(clean_batch.state, mesh=_CLEAN.mesh)
  expected = viewed_landmarks(body.keypoints, clean_batch.intrinsics).numpy()
  found = clean_batch.features.landmarks_3d.numpy()
  known = clean_batch.features.landmark_3d_weights.numpy() == 1.0
  np.testing.assert_allclose(found[known], expected[known], atol=1e-4)
  assert not found[~known].any()
  assert known[:, [table.INDEX["l_knee"], table.INDEX["r_wrist"]]].mean() > 0.8


def test_3d_landmarks_of_faces_and_hands_need_their_keypoints(noisy):
  features = noisy.example_batch(7, 3, 64).features
  for rows in (table.FACE, table.LEFT_HAND, table.RIGHT_HAND):
    # Weights of K are those within the crop only.
    seen = features.heatmap_weights.numpy()[:, rows].max(axis=1) > 0
    known = features.landmark_3d_weights.numpy()[:, rows].max(axis=1) > 0
    assert known.any() and not known.all()
    assert (known & ~seen).mean() < 0.05
  none = features.landmark_3d_weights.numpy().max(axis=1) == 0.0
  assert 0.02 < none.mean() < 0.4


def test_clean_parts_show_the_keypoints(clean_batch):
  """A body keypoint lies on the foreground."""
  parts = clean_batch.features.part_probs.numpy()
  known = clean_batch.features.part_weights.numpy()[:, 0] > 0
  cells = (clean_batch.keypoints.numpy() / 8.0).astype(int)
  body = ("l_hip", "r_hip", "neck", "l_knee", "r_knee")
  inside = clean_batch.features.heatmap_weights.numpy() > 0
  seen = [
    1.0 - parts[b, cells[b, i, 1], cells[b, i, 0], 0]
    for b in np.flatnonzero(known)
    for i in (table.INDEX[name] for name in body)
    if inside[b, i]
  ]
  assert len(seen) > 5
  assert np.mean(np.array(seen) > 0.9) > 0.9


def test_detections_are_inside_photo_and_crop(noisy):
  batch = noisy.example_batch(2, 0, _BATCH)
  detected = batch.features.heatmap_weights.numpy() > 0
  assert not (detected & (batch.keypoint_weights.numpy() == 0)).any()
  found, _ = decode_heatmaps(batch.features.heatmaps)
  assert (found.numpy()[detected] >= 0).all()
  assert (found.numpy()[detected] <= CROP_SIZE).all()


def test_noise_outside_its_range_is_refused():
  with pytest.raises(ValueError, match="scale: got 1.5"):
    DetectorNoiseConfig(scale=1.5)
  with pytest.raises(ValueError, match="at most 1"):
    synthetic.SyntheticConfig(full_parts=0.8, no_parts=0.3)


def test_annotated_people_have_all_their_keypoints_without_errors(body_model):
  config = dataclasses.replace(_NOISY, annotated=0.5, render_parts=False)
  batch = synthetic.SyntheticExamples(
    body_model, pose_library.empty(), config
  ).example_batch(7, 3, 32)
  weights = batch.features.heatmap_weights.numpy()
  sure = np.isin(weights, (0.0, 1.0)).all(axis=1)
  assert 6 <= sure.sum() <= 26
  points = decode_heatmaps(batch.features.heatmaps)[0].numpy()
  error = np.linalg.norm(points - batch.keypoints.numpy(), axis=-1)
  known = weights > 0.0
  assert error[sure][known[sure]].max() < 0.05
  assert np.median(error[~sure][known[~sure]]) > 1.0
  # All that lie in photo and crop.
  true = batch.keypoints.numpy()
  there = batch.keypoint_weights.numpy() > 0.0
  there &= ((true >= 0.0) & (true < CROP_SIZE)).all(axis=-1)
  np.testing.assert_array_equal(known[sure], there[sure])
  assert not config.captured_only().annotated


def test_detectors_err_more_where_all_of_b_is_known(body_model):
  """In K of two thirds of the people, in B of the others, and in training."""
  config = dataclasses.replace(
    _NOISY, full_parts=0.5, no_parts=0.5, mendable_errors=12.0
  )
  examples = synthetic.SyntheticExamples(
    body_model, pose_library.empty(), config
  )
  lost, known, torso = [], [], []
  for step in range(4):
    batch = examples.example_batch(7, step, 32)
    legs = batch.features.heatmap_weights.numpy()[:, detector_noise.LEGS]
    there = batch.keypoint_weights.numpy()[:, detector_noise.LEGS] > 0.0
    lost.append((legs == 0.0).all(axis=1) & there.any(axis=1))
    known.append(batch.features.part_weights.numpy()[:, 1] > 0.0)
    torso.append(batch.features.part_probs.numpy()[..., 1].max(axis=(1, 2)))
  lost, known, torso = map(np.concatenate, (lost, known, torso))
  assert 40 <= known.sum() <= 88
  assert 0.3 < lost[known].mean() < 0.7  # two thirds of 12 times 0.06, and 0.06
  assert lost[~known].mean() < 0.25
  assert 0.03 < (torso[known] < 0.1).mean() < 0.25  # a third of 12 times 0.03
  assert config.captured_only().mendable_errors == 1.0


def test_measured_people_have_keypoints_at_the_border(body_model, noisy):
  config = dataclasses.replace(
    _NOISY,
    annotated=0.0,
    render_parts=False,
    noise=DetectorNoiseConfig(measured_keypoints=1.0),
  )
  made = synthetic.SyntheticExamples(body_model, pose_library.empty(), config)
  batch, plain = (m.example_batch(7, 3, 32) for m in (made, noisy))
  np.testing.assert_allclose(batch.keypoints.shape, plain.keypoints.shape)
  beyond = batch.keypoint_weights.numpy() == 0.0
  sure = batch.features.heatmap_weights.numpy()
  body = np.arange(137) < 25
  assert np.isfinite(sure).all() and sure.max() <= 1.0
  # Only measured bodies report what the photo does not show.
  assert (sure[:, body][beyond[:, body]] > 0).mean() > 0.3
  assert not sure[:, ~body][beyond[:, ~body]].any()
  unseen = plain.keypoint_weights.numpy() == 0.0
  assert not plain.features.heatmap_weights.numpy()[unseen].any()
