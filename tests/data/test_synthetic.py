"""Synthetic examples: pure in seed and step, true to their own state."""

import dataclasses

import numpy as np
import pytest

from hund_tf.body import keypoints as table
from hund_tf.compat import tf
from hund_tf.data import (
  detector_noise,
  mask_noise,
  pose_dataset,
  pose_library,
  scenes,
  synthetic,
)
from hund_tf.data.detector_noise import DetectorNoiseConfig
from hund_tf.data.draws import Draws
from hund_tf.geometry import camera, rotation
from hund_tf.losses.heatmaps import decode_heatmaps
from hund_tf.types import CROP_SIZE, STATE_DIMS, HumanState

_BATCH = 8
_CLEAN = synthetic.SyntheticConfig(noise=DetectorNoiseConfig(scale=0.0))


@pytest.fixture(scope="module")
def noisy(body_model):
  return synthetic.SyntheticExamples(body_model, pose_library.empty())


@pytest.fixture(scope="module")
def clean(body_model):
  return synthetic.SyntheticExamples(body_model, pose_library.empty(), _CLEAN)


@pytest.fixture(scope="module")
def clean_batch(clean):
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
  batches = iter(noisy.dataset(1, 0, _BATCH))
  next(batches)
  second = next(batches)
  resumed = next(iter(noisy.dataset(1, 1, _BATCH)))
  direct = noisy.example_batch(1, 1, _BATCH)
  for a, b, c in zip(_flat(second), _flat(resumed), _flat(direct), strict=True):
    np.testing.assert_array_equal(a, b)
    np.testing.assert_allclose(a, c, rtol=1e-3, atol=1e-2)


def test_shapes_are_static_and_values_finite(noisy):
  spec = noisy.dataset(0, 0, _BATCH).element_spec
  batch = noisy.example_batch(0, 0, _BATCH)
  for tensor, value in zip(
    tf.nest.flatten(spec), tf.nest.flatten(batch), strict=True
  ):
    assert tensor.shape.is_fully_defined(), tensor
    assert tensor.dtype == tf.float32
    assert value.shape == tensor.shape
    assert np.isfinite(value.numpy()).all()


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


def test_nothing_outside_the_photo_has_weight(body_model):
  config = scenes.SceneConfig(close_ups=1.0)
  scene = tf.function(
    lambda: scenes.sample_scene(
      Draws(0, 0), body_model, pose_library.empty(), 32, config, "proxy_1500"
    )
  )()
  points, size = scene.keypoints.numpy(), scene.photo_size.numpy()[:, None]
  inside = ((points >= 0) & (points < size)).all(-1)
  np.testing.assert_array_equal(scene.inside, inside)
  assert 0.05 < 1.0 - inside.mean() < 0.8
  assert (inside[:, table.BODY].sum(-1) >= config.min_body_keypoints).mean() > (
    0.9
  )


def test_detections_are_inside_photo_and_crop(noisy):
  batch = noisy.example_batch(2, 0, 16)
  detected = batch.features.heatmap_weights.numpy() > 0
  assert not (detected & (batch.keypoint_weights.numpy() == 0)).any()
  found, _ = decode_heatmaps(batch.features.heatmaps)
  assert (found.numpy()[detected] >= 0).all()
  assert (found.numpy()[detected] <= CROP_SIZE).all()


def test_swaps_follow_the_mirror_table():
  points = tf.reshape(tf.range(137.0 * 2), [1, 137, 2])
  config = DetectorNoiseConfig()
  silent = {
    f.name: 0.0
    for f in dataclasses.fields(config)
    if f.name not in ("scale", "occluded_factor")
  }
  hidden = tf.zeros([1, 137])
  for field, rows in (
    ("swap_all", np.ones(137, bool)),
    ("swap_legs", detector_noise.LEG_SIDES),
    ("swap_arms", detector_noise.ARM_SIDES),
  ):
    assert (rows == rows[list(table.MIRROR)]).all()
    only = dataclasses.replace(config, **(silent | {field: 1.0}))
    swapped, confidence, everything = detector_noise.corrupt_keypoints(
      Draws(0, 0), points, hidden, only
    )
    expected = points.numpy()[0].copy()
    expected[rows] = points.numpy()[0][list(table.MIRROR)][rows]
    ends = [table.INDEX["neck"], table.INDEX["mid_hip"]]  # now midpoints
    difference = np.delete(swapped[0].numpy() - expected, ends, axis=0)
    np.testing.assert_allclose(difference, 0.0)
    assert (confidence.numpy() > 0).all()
    assert bool(everything[0]) == (field == "swap_all")


def test_rates_of_errors_are_as_configured():
  config = DetectorNoiseConfig()
  points = tf.zeros([400, 137, 2])
  found, confidence, _ = detector_noise.corrupt_keypoints(
    Draws(3, 0), points, tf.zeros([400, 137]), config
  )
  missing = confidence.numpy() == 0
  legs = missing[:, detector_noise.LEGS & ~detector_noise.SMALL_TOES]
  assert 0.02 < legs.all(-1).mean() < 0.12
  assert 0.15 < missing[:, table.FACE].all(-1).mean() < 0.4
  assert 0.3 < missing[:, table.LEFT_HAND].all(-1).mean() < 0.55
  torso = missing[:, table.INDEX["l_shoulder"]]
  assert torso.mean() < 0.1
  spread = found.numpy()[:, table.INDEX["l_hip"]].std()
  assert config.body_jitter < spread < 3 * config.body_jitter
  hidden, unsure, _ = detector_noise.corrupt_keypoints(
    Draws(3, 0), points, tf.ones([400, 137]), config
  )
  hip = table.INDEX["l_hip"]
  assert np.median(np.abs(hidden[:, hip])) > 2 * np.median(
    np.abs(found[:, hip])
  )
  seen = confidence.numpy()[~missing].mean()
  assert unsure.numpy()[unsure.numpy() > 0].mean() < seen - 0.2


def test_the_far_side_of_a_body_is_hidden(body_model):
  """A person seen from behind hides his face, from the front he does not."""
  for yaw, share in ((0.0, 0.2), (np.pi, 0.8)):
    turn = rotation.from_rotation_vector(tf.constant([[0.0, yaw, 0.0]]))
    state = tf.nest.map_structure(lambda x: x[:1], _rest_state())
    facing = tf.linalg.diag([[1.0, -1.0, -1.0]])
    state = state._replace(
      rotation=rotation.to_6d(facing @ turn),
      translation=tf.constant([[0.0, 0.0, 3.0]]),
    )
    body = body_model.decode(state, mesh="proxy_1500")
    hidden = detector_noise.hidden_keypoints(
      body.keypoints[..., :2] / 1.8,
      body.keypoints[..., 2],
      body.vertices[..., :2] / 1.8,
      body.vertices[..., 2],
    ).numpy()[0]
    face = hidden[table.FACE][27:48].mean()  # nose and eyes
    assert face < share if yaw == 0.0 else face > share


def _rest_state():
  return HumanState(*(tf.zeros([1, size]) for size in STATE_DIMS))


def test_people_stand_upright_and_face_the_camera_more_often(body_model):
  scene = tf.function(
    lambda: scenes.sample_scene(
      Draws(5, 0),
      body_model,
      pose_library.empty(),
      200,
      scenes.SceneConfig(),
      "proxy_1500",
    )
  )()
  matrix = rotation.from_6d(scene.state.rotation).numpy()
  upright = -matrix[:, 1, 1]  # the body's up along the image's up
  assert np.mean(upright > 0.8) > 0.8
  assert np.mean(upright < 0.5) > 0.01  # some lie or stand on their hands
  towards = -matrix[:, 2, 2]
  assert 0.6 < np.mean(towards > 0) < 0.9
  focal = scene.intrinsics.focal.numpy()[:, 0] / 640.0
  assert 0.4 < np.mean(np.abs(focal - 1.0) < 1e-6) < 0.8
  assert focal.min() >= 0.7 and focal.max() <= 1.8
  for latent in (scene.state.shape, scene.state.expression):
    assert np.abs(latent).max() <= 2.5
    assert 0.8 < np.std(latent) < 1.1


def test_up_turns_upright():
  up = tf.math.l2_normalize(
    tf.constant(np.random.default_rng(0).normal(size=(50, 3)), tf.float32), -1
  )
  matrix = scenes._stand_up(tf.concat([up, [[0.0, 0.0, 1.0]]], 0)).numpy()
  eye = np.tile(np.eye(3), (51, 1, 1))
  np.testing.assert_allclose(matrix @ matrix.swapaxes(1, 2), eye, atol=1e-5)
  np.testing.assert_allclose(np.linalg.det(matrix), 1.0, atol=1e-5)
  turned = np.einsum("bij,bj->bi", matrix[:50], up)
  np.testing.assert_allclose(turned, np.tile([0.0, 1, 0], (50, 1)), atol=1e-5)


def test_part_knowledge_has_its_shares():
  weights = mask_noise.part_knowledge(Draws(0, 0), 2000, 0.25, 0.15).numpy()
  full, none = weights.all(-1), ~weights.any(-1)
  mask = ~full & ~none
  assert abs(full.mean() - 0.25) < 0.05 and abs(none.mean() - 0.15) < 0.05
  assert (weights[mask][:, [0, 15]] == 1).all()
  assert (weights[mask][:, 1:15] == 0).all()


def test_part_maps_sum_to_one_and_follow_a_swap():
  truth = np.zeros([2, 60, 60, 15], np.float32)
  truth[..., 0] = 1.0
  truth[:, 20:40, 10:20, 0] = 0.0
  truth[:, 20:40, 10:20, 9] = 1.0  # left lower leg
  foreground = 1.0 - truth[..., :1]
  maps = mask_noise.corrupt_parts(
    Draws(0, 0),
    tf.constant(truth),
    tf.constant(foreground),
    tf.constant([False, True]),
    DetectorNoiseConfig(),
  ).numpy()
  np.testing.assert_allclose(maps.sum(-1), 1.0, atol=1e-5)
  assert maps[0, 30, 15, 9] > 0.99 and maps[1, 30, 15, 8] > 0.99


def test_noise_outside_its_range_is_refused():
  with pytest.raises(ValueError, match="noise scale: got 1.5"):
    DetectorNoiseConfig(scale=1.5)
  with pytest.raises(ValueError, match="at most 1"):
    synthetic.SyntheticConfig(full_parts=0.8, no_parts=0.3)


def test_pose_files_round_trip(tmp_path, body_model):
  random = np.random.default_rng(0)
  poses = pose_library.BodyPoses(
    random.normal(0.0, 0.05, [4, 23, 3]).astype(np.float32),
    np.tile(np.float32([0, 1, 0]), (4, 1)),
  )
  path = tmp_path / "poses.npz"
  pose_library.save(pose_library.PoseSplits(poses, poses, poses), path)
  loaded = pose_library.load(path).held_out
  np.testing.assert_array_equal(loaded.angles, poses.angles)
  library = pose_library.encode(loaded, body_model.pose_prior)
  assert library.latents.shape == (4, 69)
  path.write_bytes(b"nothing")
  with pytest.raises(ValueError, match=r"poses\.npz: cannot be read"):
    pose_library.load(path)
  assert [p.name for p in tmp_path.iterdir()] == ["poses.npz"]


def test_held_out_clips_stay_out_of_training(shared, body_model):
  """Two clips of one family, one of them held out, and the way they stand."""
  held_out = pose_dataset.HELD_OUT[0]
  trained = "cmu_mb_bvh/01_01"
  config = pose_dataset.PoseDataConfig(max_per_clip=10, standing_poses=3)
  splits = pose_library.read_clips(
    shared / "data" / "mocap", config, only=(trained, held_out)
  )
  assert len(splits.held_out.up) and not len(splits.validation.up)
  alone = pose_library.read_clips(
    shared / "data" / "mocap", config, only=(trained,)
  )
  np.testing.assert_array_equal(splits.train.angles, alone.train.angles)
  assert not len(alone.held_out.up)
  np.testing.assert_allclose(
    np.linalg.norm(splits.train.up, axis=-1), 1.0, atol=1e-4
  )
  assert splits.held_out.up[:, 1].mean() > 0.5
  library = pose_library.encode(splits.train, body_model.pose_prior)
  examples = synthetic.SyntheticExamples(body_model, library)
  batch = examples.example_batch(0, 0, 2)
  assert np.isfinite(batch.features.part_probs.numpy()).all()
