"""Calibrates the polish after the learned descent.

  python -m tools.calibrate_polish --synthetic_mocap_dir=MOCAP \\
    --pose_file=poses.npz

Takes the covariances of (truth - s_M) on synthetic examples of validation
clips, scales the expected errors of the joints on held-out ones, and writes
NAME.polish.npz beside the weights. To be run again whenever the weights change.
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
from hund_tf.evaluation import polish_fitting
from hund_tf.losses.alignment import AlignmentObjective
from hund_tf.models import weight_files
from hund_tf.models.hund import polish_anchor
from hund_tf.models.hund.polish import Polish
from hund_tf.options import check, option
from hund_tf.reconstruction.methods import HundMethod


@dataclasses.dataclass(frozen=True)
class PolishConfig:
  """How the polish is calibrated."""

  fit_examples: int = option(
    3072,
    "Examples of validation clips that the covariances are of.",
    name="polish_fit_examples",
    low=64,
  )
  check_examples: int = option(
    512,
    "Examples of held-out clips by which expected errors are scaled.",
    name="polish_check_examples",
    low=32,
  )
  keypoint_sigma: float = option(
    10.0, "Error of sure keypoints, pixels of crops of 480.", low=0.1
  )
  keypoint_cut: float = option(
    1.5, "Errors of keypoints, in sigmas, from which they count less.", low=0.1
  )
  landmark_sigma: float = option(
    0.0,
    "Error of the body's 3D landmarks, metres; 0: they are not looked at, as "
    "descents that read them have heard them already.",
    low=0.0,
  )
  landmark_cut: float = option(
    1.5,
    "Errors of 3D landmarks, in sigmas, from which they count less.",
    low=0.1,
  )
  outline_sigma: float = option(
    6.0,
    "Error of the mask's border, pixels of crops of 480; 0: masks are not "
    "looked at.",
    low=0.0,
  )
  outline_cut: float = option(
    2.0, "Errors of outlines, in sigmas, from which they count less.", low=0.1
  )
  batch_size: int = option(
    32, "Examples at a time.", name="polish_batch_size", low=1
  )
  seed: int = option(13, "Seed of the examples.", name="polish_seed")
  output: str | None = option(
    None,
    "The file to write; by default NAME.polish.npz beside the weights, where "
    "tools.reconstruct looks for it.",
    name="polish_file",
  )

  def __post_init__(self):
    check(self)


_to_config = define(PolishConfig, "Polish")


def _ends(config, method, split: str, count: int) -> polish_fitting.Ends:
  """Ends of at least `count` descents on examples of a split."""
  batches = synthetic_flags.to_measured_batches(
    method.objective.body_model, split, config.seed, config.batch_size, count
  )
  return polish_fitting.measure(batches, method)


def _calibrate(config) -> None:
  path = method_flags.weights_path()
  digest = weight_files.digest(path)
  body = body_flags.to_model()
  objective = AlignmentObjective(body, objective_flags.to_config())
  model = method_flags.to_model(body)
  method = HundMethod(model, objective=objective)
  fitted = _ends(config, method, "validation", config.fit_examples)
  anchor = polish_fitting.fit(
    fitted,
    (config.keypoint_sigma, config.keypoint_cut),
    (config.landmark_sigma, config.landmark_cut),
    (config.outline_sigma, config.outline_cut),
  )
  held_out = _ends(config, method, "held_out", config.check_examples)
  checked = polish_fitting.check(held_out, Polish(body, anchor), method)
  anchor = polish_fitting.scaled(anchor, checked)
  checked = polish_fitting.check(held_out, Polish(body, anchor), method)
  anchor = dataclasses.replace(
    anchor,
    num_stages=model.config.num_stages,
    weights_sha256=digest,
    provenance={
      "tool": "tools.calibrate_polish",
      "seed": config.seed,
      "captured_poses": synthetic_flags.has_captures(),
      "fit_examples": len(fitted.joints),
      "check_examples": len(held_out.joints),
    },
  )
  output = config.output or polish_anchor.path_beside(path)
  polish_anchor.save(anchor, output)
  print(
    f"{len(held_out.joints)} held-out examples, 63 joints, pelvises together: "
    f"{checked.before.mean():.1f} mm before, {checked.after.mean():.1f} mm "
    f"after the polish\n\n{polish_fitting.reliability(checked)}\n\n"
    f"written to {output}"
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
