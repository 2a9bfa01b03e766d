"""Compares the meta-losses of Eq. 7 and 8 (Table 4).

  python -m tools.ablate_meta_losses --flagfile=flags/meta_losses.flags \\
    --run_dir=runs/meta_losses --synthetic_mocap_dir=MOCAP

Trains a model with each meta-loss, all with the seed, the examples and the
number of steps that the flags of tools.train_hund state, in a folder of its own
below --run_dir; started again it goes on. The last weights are measured on
held-out clips: meta_losses.csv and meta_losses.md.
"""

import dataclasses
import pathlib
import sys

from absl import app, flags

from flags import body_flags, program, run_flags, synthetic_flags
from flags.from_config import define
from hund_tf import locks
from hund_tf.compat import tf
from hund_tf.losses.meta import META_LOSSES
from hund_tf.models.hund import weights
from hund_tf.motion.bvh import MotionError
from hund_tf.options import check, option
from hund_tf.synthetic.examples import SyntheticExamples
from hund_tf.training.hund import ablation
from hund_tf.training.hund.trainer import LAST_WEIGHTS, DivergenceError
from hund_tf.training.hund.validation import (
  HELD_OUT_SEED,
  StageErrors,
  ValidationSet,
)
from tools import train_hund


@dataclasses.dataclass(frozen=True)
class AblationConfig:
  """What is compared."""

  meta_losses: tuple[str, ...] = option(
    tuple(META_LOSSES),
    "Meta-losses to compare (Eq. 7, 8).",
    name="ablated_meta_losses",
    choices=META_LOSSES,
  )
  examples: int = option(
    512, "Held-out examples to measure.", name="ablation_examples", low=1
  )

  def __post_init__(self):
    check(self)
    if not self.meta_losses:
      raise ValueError(
        f"meta_losses: got none, expected some of {', '.join(META_LOSSES)}"
      )


_to_config = define(AblationConfig, "Comparison")


def _train(run_dir: pathlib.Path, meta_losses: tuple[str, ...]) -> None:
  """Trains with each meta-loss: tools.train_hund with two other flags."""
  for name in meta_losses:
    print(f"meta-loss {name}")
    flags.FLAGS.run_dir = str(run_dir / name)
    flags.FLAGS.meta_loss = name
    train_hund.train(run_flags.to_run_config())


def _measure(
  run_dir: pathlib.Path, config: AblationConfig
) -> dict[str, StageErrors]:
  """Errors of every stage of the last weights on held-out clips."""
  with tf.device("CPU:0"):
    body_model = body_flags.to_model()
  poses = synthetic_flags.to_poses(body_model.pose_prior, "held_out")
  examples = SyntheticExamples(
    body_model, poses, synthetic_flags.to_config().captured_only()
  )
  held_out = ValidationSet(examples, config.examples, HELD_OUT_SEED)
  return {
    name: held_out.errors(
      weights.load(body_model, run_dir / name / LAST_WEIGHTS)
    )
    for name in config.meta_losses
  }


def main(argv: list[str]) -> int:
  if len(argv) > 1:
    raise app.UsageError(f"unexpected arguments {argv[1:]}")
  run = run_flags.to_run_config()
  config = _to_config()
  run_dir = pathlib.Path(run.run_dir)
  train_hund.prepare_devices(run)
  try:
    with locks.only_writer(run_dir, "ablation"):
      _train(run_dir, config.meta_losses)
      print(ablation.write(run_dir, _measure(run_dir, config)))
  except (ValueError, MotionError, DivergenceError, OSError) as error:
    print(f"ablate_meta_losses: {error}", file=sys.stderr)
    return 1
  return 0


if __name__ == "__main__":
  program.run(main)
