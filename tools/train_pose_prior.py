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

from absl import app

from flags import flagfile, program
from flags.from_config import define
from hund_tf import files, locks
from hund_tf.body import pose_prior
from hund_tf.body.model import BodyModel
from hund_tf.motion import pose_dataset
from hund_tf.motion.bvh import MotionError
from hund_tf.training import pose_prior as flow_training
from hund_tf.training import run_devices
from hund_tf.training.pose_prior import PosePriorConfig
from hund_tf.visualization import pose_sheet

_to_config = define(PosePriorConfig, "Pose priors")
# Flags that say nothing of the result.
_LOCAL = (
  "mocap_dir",
  "prior_output",
  "checkpoint_dir",
  "train",
  "sample_picture",
  "prior_threads",
)


def train(config: PosePriorConfig) -> pose_prior.PosePrior:
  """Trains, measures and writes the priors."""
  output = pathlib.Path(config.output)
  with locks.only_writer(output.parent, output.stem):
    return _train(config, output)


def _train(
  config: PosePriorConfig, output: pathlib.Path
) -> pose_prior.PosePrior:
  data = {
    "body": pose_dataset.load_body(config.mocap_dir, config.data),
    "hand": pose_dataset.load_hands(config.data),
  }
  prior, metrics = flow_training.fit_priors(
    data, {"body": config.body, "hand": config.hand}, config.checkpoint_dir
  )
  prior.save(output)
  files.write_json(output.with_suffix(".metrics.json"), metrics)
  files.write_text(
    output.with_suffix(".flags"), flagfile.to_text([_to_config], exclude=_LOCAL)
  )
  print(json.dumps(metrics, indent=2))
  return prior


def main(argv: list[str]) -> int:
  if len(argv) > 1:
    raise app.UsageError(f"unexpected arguments {argv[1:]}")
  config = _to_config().seeded()
  run_devices.prepare(config.threads, cpu_devices=1, deterministic=False)
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
  program.run(main)
