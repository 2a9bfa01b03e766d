"""Flags of the calibration of the quality."""

from dataclasses import dataclass

from absl import flags

_FIT = flags.DEFINE_integer(
  "fit_examples",
  2048,
  "Examples of validation clips that the calibration is fitted to.",
  lower_bound=32,
)
_CHECK = flags.DEFINE_integer(
  "check_examples",
  1024,
  "Examples of held-out clips that it is checked on.",
  lower_bound=32,
)
_BATCH = flags.DEFINE_integer(
  "calibration_batch_size", 32, "Examples at a time.", lower_bound=1
)
_SEED = flags.DEFINE_integer("calibration_seed", 11, "Seed of the examples.")
_OUTPUT = flags.DEFINE_string(
  "calibration_file",
  None,
  "The JSON to write; by default NAME.quality.json beside the weights, where "
  "tools.reconstruct looks for it.",
)
_PLOT = flags.DEFINE_string(
  "reliability_plot", None, "PNG of the reliability on the held-out examples."
)


@dataclass(frozen=True)
class CalibrationConfig:
  """How the quality is calibrated; see the flags of the same names."""

  fit_examples: int
  check_examples: int
  batch_size: int
  seed: int
  output: str | None
  plot: str | None


def to_config() -> CalibrationConfig:
  """The calibration as the flags describe it."""
  return CalibrationConfig(
    fit_examples=_FIT.value,
    check_examples=_CHECK.value,
    batch_size=_BATCH.value,
    seed=_SEED.value,
    output=_OUTPUT.value,
    plot=_PLOT.value,
  )
