"""The reliability plot of the quality."""

import os

import numpy as np
from matplotlib.figure import Figure

from hund_tf.evaluation.quality_fitting import Measurements, Reliability
from hund_tf.files import atomic_path
from hund_tf.reconstruction.quality import THRESHOLD_MM


def save_reliability_plot(
  path: str | os.PathLike,
  scores: Reliability,
  quality: np.ndarray,
  measured: Measurements,
) -> None:
  """Predicted against observed, their numbers, and quality against error.

  Args:
    path: of the PNG; replaced atomically.
    scores: of the examples.
    quality: `[N]` of the examples.
    measured: errors of the N examples.
  """
  figure = Figure(figsize=(11, 4.4), layout="constrained")
  left, right = figure.subplots(1, 2)
  left.plot([0, 1], [0, 1], color="0.6", linestyle="--", linewidth=1)
  filled = scores.count > 0
  total = scores.count.sum()
  deviation = np.sqrt(
    scores.observed * (1 - scores.observed) / np.maximum(scores.count, 1)
  )
  left.errorbar(
    scores.predicted[filled],
    scores.observed[filled],
    yerr=deviation[filled],
    marker="o",
    capsize=3,
    label="observed, with its standard error",
  )
  edges = (np.arange(len(scores.count)) + 0.5) / len(scores.count)
  left.bar(
    edges,
    scores.count / total,
    width=0.9 / len(edges),
    color="0.85",
    zorder=0,
    label="share of the examples",
  )
  left.set(
    xlabel="quality",
    ylabel=f"share with PA-MPJPE under {THRESHOLD_MM:.0f} mm",
    xlim=(0, 1),
    ylim=(0, 1),
    title=f"{total} held-out examples: Brier score {scores.brier:.3f}, "
    f"calibration error {scores.calibration_error:.3f}",
  )
  left.title.set_fontsize(10)
  left.legend(fontsize=8, loc="upper left")
  right.scatter(quality, measured.pa_mpjpe, s=6, alpha=0.5)
  right.axhline(THRESHOLD_MM, color="0.4", linestyle="--", linewidth=1)
  right.set(xlabel="quality", ylabel="PA-MPJPE, mm", xlim=(0, 1), yscale="log")
  right.set_yticks([10, 20, 50, 100, 200, 500], minor=False)
  right.yaxis.set_major_formatter("{x:.0f}")
  right.minorticks_off()
  for axis in (left, right):
    axis.grid(alpha=0.3)
  with atomic_path(path) as temporary:
    figure.savefig(temporary, dpi=100)
