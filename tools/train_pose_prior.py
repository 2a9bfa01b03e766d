"""Trains the pose priors and measures them on clips held out.

  python -m tools.train_pose_prior --flagfile=flags/pose_prior.flags \\
    --mocap_dir=MOCAP [--checkpoint_dir=DIR]

writes the priors, their metrics and the flags of the run; a run that was cut
off goes on from its checkpoints. 40 sampled poses as a picture, without
training:

  python -m tools.train_pose_prior --notrain \\
    --sample_picture=docs/images/pose_samples.png
"""

import json
import pathlib
import sys

import numpy as np
from absl import app

from flags import pose_prior_flags
from hund_tf import files
from hund_tf.body import flows, joint_limits, pose_prior
from hund_tf.body.model import BodyModel
from hund_tf.compat import tf
from hund_tf.motion import pose_dataset
from hund_tf.motion.bvh import MotionError
from hund_tf.training import pose_prior as flow_training
from hund_tf.visualization import pose_sheet

_NEAR_LIMIT = 0.01  # an angle nearer than this share of its range is "at" it
_SAMPLES = 4000


def _values(
  splits: pose_dataset.PoseSplits, joints: joint_limits.JointAngles
) -> pose_dataset.PoseSplits:
  """Unbounded values `[N, D]` of the splits' angles."""
  return pose_dataset.PoseSplits(
    *(
      joint_limits.unsquash(tf.constant(part), joints)
      .numpy()
      .reshape(len(part), -1)
      for part in splits
    )
  )


def _measure(
  flow: flows.CouplingFlow,
  values: pose_dataset.PoseSplits,
  joints: joint_limits.JointAngles,
) -> dict:
  """Likelihoods on the held-out values, and plausibility of samples."""
  latents = tf.random.stateless_normal([_SAMPLES, flow.config.dim], [0, 1])
  sampled, _ = flow.forward(latents)
  ratio = np.tanh(sampled.numpy().reshape(_SAMPLES, -1, 3))
  near = np.abs(ratio) > 1.0 - 2.0 * _NEAR_LIMIT
  encoded, _ = flow.inverse(tf.constant(values.held_out))
  return {
    "training_poses": len(values.train),
    "held_out_poses": len(values.held_out),
    "held_out_nll_flow": flow_training.flow_nll(flow, values.held_out),
    "held_out_nll_gaussian": flow_training.gaussian_nll(
      values.train, values.held_out
    ),
    "training_nll_flow": flow_training.flow_nll(flow, values.train),
    "training_nll_gaussian": flow_training.gaussian_nll(
      values.train, values.train
    ),
    "held_out_mean_square_latent": float(np.mean(np.square(encoded))),
    "sampled_joints_at_a_limit": float(np.mean(near.any(-1))),
    "sampled_angles_at_a_limit": float(np.mean(near)),
  }


def train(config: pose_prior_flags.PosePriorConfig) -> pose_prior.PosePrior:
  """Trains, measures and writes the priors."""
  output = pathlib.Path(config.output)
  output.parent.mkdir(parents=True, exist_ok=True)
  data = {
    "body": pose_dataset.load_body(config.mocap_dir, config.data),
    "hand": pose_dataset.load_hands(config.data),
  }
  fits = {"body": config.body, "hand": config.hand}
  groups = {"body": joint_limits.BODY, "hand": joint_limits.LEFT_HAND}
  made, metrics = {}, {}
  for name, joints in groups.items():
    values = _values(data[name], joints)
    made[name] = flow_training.fit_flow(
      values.train,
      values.validation,
      fits[name],
      name,
      config.checkpoint_dir,
    )
    metrics[name] = _measure(made[name], values, joints)
  # The right hand is the mirrored left one: the same flow on mirrored data.
  metrics = {
    "unit": "nats, of the unbounded angles u (see joint_limits.squash)",
    "body": metrics["body"],
    "left_hand": metrics["hand"],
    "right_hand": metrics["hand"],
    "held_out_clips": list(pose_dataset.HELD_OUT),
    "validation_clips": list(pose_dataset.VALIDATION),
  }
  prior = pose_prior.PosePrior(made["body"], made["hand"])
  prior.save(output)
  files.write_json(output.with_suffix(".metrics.json"), metrics)
  files.write_text(output.with_suffix(".flags"), pose_prior_flags.run_flags())
  print(json.dumps(metrics, indent=2))
  return prior


def main(argv: list[str]) -> int:
  if len(argv) > 1:
    raise app.UsageError(f"unexpected arguments {argv[1:]}")
  config = pose_prior_flags.to_config()
  tf.config.threading.set_intra_op_parallelism_threads(config.threads)
  try:
    if config.train:
      prior = train(config)
    else:
      prior = pose_prior.PosePrior.load(config.output)
    if config.sample_picture:
      model = BodyModel(pose_prior=prior)
      pose_sheet.draw_samples(model, config.sample_picture)
  except (MotionError, ValueError, OSError) as error:
    print(f"train_pose_prior: {error}", file=sys.stderr)
    return 1
  return 0


if __name__ == "__main__":
  app.run(main)
