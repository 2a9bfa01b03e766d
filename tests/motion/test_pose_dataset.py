"""Pose data: mirror, recombination, splits by clip, noise within limits."""

import numpy as np
import pytest

from hund_tf.body import joint_limits, skeleton
from hund_tf.motion import mocap, pose_augmentation, pose_dataset


def _angles(count=6, seed=0):
  random = np.random.default_rng(seed)
  limits = joint_limits.BODY
  share = random.uniform(0.2, 0.8, (count, 23, 3))
  return limits.lower + share * (limits.upper - limits.lower)


def test_mirror_of_angles_is_the_mirror_of_rotations():
  columns = [skeleton.INDEX[name] for name in skeleton.BODY_JOINTS]

  def full(angles):
    result = np.tile(np.eye(3), (len(angles), 63, 1, 1))
    result[:, columns] = joint_limits.to_rotations(
      angles.astype(np.float32), joint_limits.BODY
    )
    return result

  angles = _angles()
  np.testing.assert_allclose(
    full(pose_augmentation.mirror_angles(angles)),
    mocap.mirror(full(angles)),
    atol=1e-5,
  )


def test_recombined_poses_are_made_of_whole_parts():
  angles = _angles(40)
  random = np.random.default_rng(0)
  mixed = pose_augmentation.recombine(random, angles, 100)
  arm = [
    skeleton.BODY_JOINTS.index(f"l_{j}")
    for j in ("clavicle", "shoulder", "elbow", "wrist")
  ]
  gap = np.abs(mixed[:, None, arm] - angles[None][:, :, arm]).max(axis=(2, 3))
  assert (gap.min(axis=1) == 0.0).all()  # every left arm is somebody's
  whole = np.abs(mixed[:, None] - angles[None]).max(axis=(2, 3)).min(axis=1)
  assert (whole > 0.0).mean() > 0.5  # most poses are new


def test_standing_poses_are_plausible():
  poses = pose_augmentation.standing(np.random.default_rng(0), 200)
  shoulder = skeleton.BODY_JOINTS.index("r_shoulder")
  drop = np.degrees(poses[:, shoulder, 2])
  assert drop.min() < -60 and -20 < drop.max() < 20


def test_no_clip_is_in_two_splits():
  assert not set(pose_dataset.HELD_OUT) & set(pose_dataset.VALIDATION)


def test_folder_without_clips(tmp_path):
  with pytest.raises(ValueError, match="cmu_mb_bvh"):
    pose_dataset.list_clips(tmp_path)


def test_splits_hold_the_clips_they_name(shared):
  folder = shared / "data" / "mocap"
  names = pose_dataset.list_clips(folder)
  listed = {*pose_dataset.HELD_OUT, *pose_dataset.VALIDATION}
  assert listed <= set(names)
  config = pose_dataset.PoseDataConfig(standing_poses=10, recombined=0.5)
  only = (
    "cmu_mb_bvh/exp_train_walking_5",
    "cmu_mb_bvh/exp_train_walking_28",
    "cmu_mb_bvh/exp_train_walking_4",
  )
  splits = pose_dataset.load_body(folder, config, only)
  again = pose_dataset.load_body(folder, config, only)
  for part, same in zip(splits, again, strict=True):
    assert len(part) and joint_limits.inside(part, joint_limits.BODY).all()
    np.testing.assert_array_equal(part, same)
  captured = (len(splits.train) - 10) / 1.5
  assert captured == 2 * len(pose_dataset.read_poses(folder, only[0], config))
  # Captured poses and their mirror images, pairwise.
  half = int(captured) // 2
  np.testing.assert_allclose(
    pose_augmentation.mirror_angles(splits.train[:half]),
    splits.train[half : 2 * half],
    atol=1e-6,
  )


def test_broken_frames_are_dropped(shared):
  """In this take an ankle is turned over in more than half of the frames."""
  folder = shared / "data" / "mocap"
  config = pose_dataset.PoseDataConfig(min_change=0.0, max_per_clip=10**6)
  poses = pose_dataset.read_poses(folder, "cmu_mb_bvh/01_12", config)
  assert 300 < len(poses) < 500
  assert joint_limits.inside(poses, joint_limits.BODY).all()
