"""Captured poses: files, splits by clip and encoding."""

import numpy as np
import pytest

from hund_tf.motion import pose_dataset, pose_library
from hund_tf.synthetic import examples as synthetic


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
  config = synthetic.SyntheticConfig(render_parts=False).captured_only()
  examples = synthetic.SyntheticExamples(body_model, library, config)
  batch = examples.example_batch(0, 0, 4)
  distance = np.linalg.norm(
    batch.state.body_pose.numpy()[:, None] - library.latents, axis=-1
  )
  np.testing.assert_allclose(distance.min(-1), 0.0, atol=1e-5)
  assert not batch.features.part_weights.numpy().any()
