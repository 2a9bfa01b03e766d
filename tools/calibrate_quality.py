"""Calibrates the quality of the learned descent's reconstructions.

  python -m tools.calibrate_quality --synthetic_mocap_dir=MOCAP \\
    --pose_file=poses.npz --reliability_plot=docs/images/quality_reliability.png

Fits the probability that PA-MPJPE is under 80 mm to synthetic examples of
validation clips, checks it on held-out clips and writes it as JSON. To be run
again whenever the weights change.
"""

import dataclasses
import sys
from collections.abc import Sequence

from flags import (
  body_flags,
  method_flags,
  objective_flags,
  program,
  synthetic_flags,
)
from flags.from_config import define
from hund_tf.evaluation import quality_fitting
from hund_tf.losses.alignment import AlignmentObjective
from hund_tf.models import weight_files
from hund_tf.options import check, option
from hund_tf.reconstruction import quality
from hund_tf.reconstruction.methods import HundMethod
from hund_tf.visualization.quality_plot import save_reliability_plot


@dataclasses.dataclass(frozen=True)
class CalibrationConfig:
  """How the quality is calibrated."""

  fit_examples: int = option(
    2048,
    "Examples of validation clips that the calibration is fitted to.",
    low=32,
  )
  check_examples: int = option(
    1024, "Examples of held-out clips that it is checked on.", low=32
  )
  batch_size: int = option(
    32, "Examples at a time.", name="calibration_batch_size", low=1
  )
  seed: int = option(11, "Seed of the examples.", name="calibration_seed")
  output: str | None = option(
    None,
    "The JSON file to write; by default NAME.quality.json beside the weights, "
    "where tools.reconstruct looks for it.",
    name="calibration_file",
  )
  plot: str | None = option(
    None,
    "PNG of the reliability on the held-out examples.",
    name="reliability_plot",
  )

  def __post_init__(self):
    check(self)


_to_config = define(CalibrationConfig, "Calibration")


def _measure(config, objective, method, split: str, count: int):
  """Measurements of at least `count` examples of a split."""
  batches = synthetic_flags.to_measured_batches(
    objective.body_model, split, config.seed, config.batch_size, count
  )
  return quality_fitting.measure(batches, method, objective)


def _provenance(config, fitted, scores) -> dict:
  return {
    "tool": "tools.calibrate_quality",
    "seed": config.seed,
    "captured_poses": synthetic_flags.has_captures(),
    "detector_noise": synthetic_flags.to_config().noise.scale,
    "fit": {
      "split": "validation",
      "examples": len(fitted.good),
      "base_rate": round(float(fitted.good.mean()), 4),
    },
    "check": {
      "split": "held_out",
      "examples": int(scores.count.sum()),
      "base_rate": round(scores.base_rate, 4),
      "brier_score": round(scores.brier, 4),
      "expected_calibration_error": round(scores.calibration_error, 4),
    },
  }


def _calibrate(config) -> None:
  weights = method_flags.weights_path()
  digest = weight_files.digest(weights)
  body = body_flags.to_model()
  objective = AlignmentObjective(body, objective_flags.to_config())
  model = method_flags.to_model(body)
  method = HundMethod(model)
  fitted = _measure(
    config, objective, method, "validation", config.fit_examples
  )
  checked = _measure(
    config, objective, method, "held_out", config.check_examples
  )
  calibration = quality_fitting.calibrate(
    fitted, objective, model.config.num_stages, digest
  )
  probability = calibration.probability(checked.predictors)
  scores = quality_fitting.reliability(probability, checked.good)
  calibration = dataclasses.replace(
    calibration, provenance=_provenance(config, fitted, scores)
  )
  output = config.output or quality.path_beside(weights)
  quality.save(calibration, output)
  if config.plot:
    save_reliability_plot(config.plot, scores, probability, checked)
  rate = scores.base_rate
  print(
    f"{len(checked.good)} held-out examples, {rate:.1%} under "
    f"{quality.THRESHOLD_MM:.0f} mm: Brier score {scores.brier:.4f} "
    f"({rate * (1 - rate):.4f} for the share alone), expected calibration "
    f"error {scores.calibration_error:.4f}; written to {output}"
  )


def main(argv: Sequence[str]) -> int:
  if len(argv) > 1:
    print(f"unknown arguments {argv[1:]}; see --help", file=sys.stderr)
    return 1
  try:
    _calibrate(_to_config())
  except ValueError as error:
    print(error, file=sys.stderr)
    return 1
  return 0


if __name__ == "__main__":
  program.run(main)
