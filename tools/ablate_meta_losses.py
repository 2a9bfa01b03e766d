"""Compares the meta-losses of Eq. 7 and 8 (Table 4).

  python -m tools.ablate_meta_losses --flagfile=flags/meta_losses.flags \\
    --run_dir=runs/meta_losses --synthetic_mocap_dir=MOCAP

Trains a model with each meta-loss, all with the seed, the examples and the
number of steps that the flags of tools.train_hund state, in a folder of its own
below --run_dir; started again it goes on. The last weights are measured on
held-out clips: meta_losses.csv and meta_losses.md.
"""

import csv
import dataclasses
import pathlib
import sys

from absl import app, flags

from flags import body_flags, program, run_flags, synthetic_flags
from flags.from_config import define
from hund_tf.compat import tf
from hund_tf.files import atomic_path
from hund_tf.losses.meta import META_LOSSES
from hund_tf.models.hund import weights
from hund_tf.motion.bvh import MotionError
from hund_tf.options import check, option
from hund_tf.synthetic.examples import SyntheticExamples
from hund_tf.training.hund.trainer import LAST_WEIGHTS, DivergenceError
from hund_tf.training.hund.validation import (
  HELD_OUT_SEED,
  StageErrors,
  ValidationSet,
)
from tools import train_hund

_PAPER = {  # Table 4: PA-MPJPE and MPJPE on Human3.6M, protocol 1
  "sum": (59.91, 83.26),
  "last": (58.50, 80.16),
  "min": (78.61, 122.60),
  "max": (83.80, 128.0),
  "oi": (79.35, 123.90),
}


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


def _write(run_dir: pathlib.Path, errors: dict[str, StageErrors]) -> str:
  """Writes the CSV and the table, which is returned."""
  with atomic_path(run_dir / "meta_losses.csv") as temporary:
    with temporary.open("w", newline="", encoding="utf-8") as file:
      writer = csv.writer(file)
      writer.writerow(["meta_loss", "stage", *StageErrors._fields])
      for name, stages in errors.items():
        rows = zip(*stages.as_dict().values(), strict=True)
        writer.writerows([name, i, *row] for i, row in enumerate(rows))
  lines = [
    "| meta-loss | PA-MPJPE, mm | MPJPE, mm | MPJPE of s_0 ... s_M "
    "| paper: PA-MPJPE | paper: MPJPE |",
    "|---|---|---|---|---|---|",
  ]
  for name, stages in errors.items():
    course = " ".join(f"{value:.0f}" for value in stages.mpjpe)
    paper = " | ".join(f"{value:.2f}" for value in _PAPER[name])
    lines.append(
      f"| {name} | {stages.pa_mpjpe[-1]:.1f} | {stages.mpjpe[-1]:.1f} "
      f"| {course} | {paper} |"
    )
  text = "\n".join(lines)
  with atomic_path(run_dir / "meta_losses.md") as temporary:
    temporary.write_text(text + "\n", encoding="utf-8")
  return text


def main(argv: list[str]) -> int:
  if len(argv) > 1:
    raise app.UsageError(f"unexpected arguments {argv[1:]}")
  run = run_flags.to_run_config()
  config = _to_config()
  run_dir = pathlib.Path(run.run_dir)
  train_hund.prepare_devices(run)
  try:
    _train(run_dir, config.meta_losses)
    print(_write(run_dir, _measure(run_dir, config)))
  except (ValueError, MotionError, DivergenceError, OSError) as error:
    print(f"ablate_meta_losses: {error}", file=sys.stderr)
    return 1
  return 0


if __name__ == "__main__":
  program.run(main)
