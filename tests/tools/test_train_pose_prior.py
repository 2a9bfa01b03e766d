"""The training program: a tiny run, its flags, its errors, its picture."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from hund_tf.body import flows, joint_limits
from hund_tf.body.pose_prior import PosePrior
from hund_tf.compat import tf
from hund_tf.motion import pose_augmentation, pose_dataset

_ROOT = Path(__file__).parents[2]


def _run(*arguments):
  return subprocess.run(
    [sys.executable, "-m", "tools.train_pose_prior", *map(str, arguments)],
    cwd=_ROOT,
    capture_output=True,
    text=True,
  )


def test_folder_without_clips_is_one_clear_line(tmp_path):
  result = _run(
    f"--mocap_dir={tmp_path}", f"--prior_output={tmp_path}/prior.npz"
  )
  assert result.returncode == 1
  assert "cmu_mb_bvh" in result.stderr.splitlines()[-1]
  assert not (tmp_path / "prior.npz").exists()


def test_tiny_run_writes_priors_metrics_and_flags(shared, tmp_path):
  clips = tmp_path / "mocap" / "cmu_mb_bvh"
  clips.mkdir(parents=True)
  for number in (4, 5, 28):
    name = f"exp_train_walking_{number}.bvh"
    source = shared / "data" / "mocap" / "cmu_mb_bvh" / name
    (clips / name).symlink_to(source)
  output = tmp_path / "prior.npz"
  result = _run(
    f"--mocap_dir={clips.parent}",
    f"--prior_output={output}",
    "--body_steps=3",
    "--hand_steps=3",
    "--body_hidden=8",
    "--hand_hidden=8",
    "--body_couplings=2",
    "--hand_couplings=2",
    "--hand_poses=1000",
  )
  assert result.returncode == 0, result.stderr
  assert PosePrior.load(output).flows.body.config.hidden == 8
  metrics = json.loads(output.with_suffix(".metrics.json").read_text())
  assert np.isfinite(metrics["body"]["held_out_nll_flow"])
  assert "--body_steps=3\n" in output.with_suffix(".flags").read_text()


def test_shipped_flags_are_those_of_the_run_file():
  def lines(path):
    text = (_ROOT / path).read_text().splitlines()
    return [line for line in text if line and not line.startswith("#")]

  assert sorted(lines("hund_tf/body/assets/pose_prior.flags")) == sorted(
    lines("flags/pose_prior.flags")
  )


@pytest.mark.parametrize(
  "clip", ["cmu_mb_bvh/exp_train_walking_21", "cmu_mb_bvh/01_11"]
)
def test_shipped_flow_beats_the_gaussian_on_a_clip_held_out(shared, clip):
  """The flow's outermost layer is the Gaussian fitted on its training data."""
  assert clip in pose_dataset.HELD_OUT
  splits = pose_dataset.load_body(
    shared / "data" / "mocap", pose_dataset.PoseDataConfig(), (clip,)
  )
  angles = tf.constant(splits.held_out)
  assert len(angles) == 2 * (len(angles) // 2) > 0
  value = joint_limits.unsquash(angles, joint_limits.BODY)
  value = tf.reshape(value, [len(angles), -1])
  flow = PosePrior.load().flows.body
  arrays = flow.arrays()
  white = (value - arrays["mean"]) @ arrays["unmixing"]
  gaussian = flows.unit_gaussian_log_prob(white) - arrays["mixing_log_det"]
  likelihood = flow.log_prob(value)
  assert tf.reduce_mean(likelihood) > tf.reduce_mean(gaussian) + 5.0
  # Left-right mirrored poses are as likely on average.
  mirrored = pose_augmentation.mirror_angles(splits.held_out)
  mirrored = joint_limits.unsquash(np.float32(mirrored), joint_limits.BODY)
  mirrored = flow.log_prob(tf.reshape(mirrored, [len(angles), -1]))
  assert abs(tf.reduce_mean(mirrored - likelihood)) < 0.01
