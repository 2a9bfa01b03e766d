"""What the confidences of keypoints promise, and what they keep."""

import os
from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from hund_tf.files import atomic_path


def save_keypoint_plot(
  path: str | os.PathLike, groups: Mapping[str, Any]
) -> None:
  """A panel for each group: the share that is right over the confidence.

  Args:
    path: of the PNG; replaced atomically.
    groups: of `evaluation.keypoint_reliability.about`, one at least.
  """
  figure = Figure(figsize=(3.0 * len(groups), 3.2), layout="constrained")
  panels = figure.subplots(1, len(groups), sharey=True, squeeze=False)[0]
  for panel, (name, found) in zip(panels, groups.items(), strict=True):
    lines = found["reliability"]
    promised, right, points = (
      np.array([line[key] for line in lines], float)
      for key in ("confidence", "right", "points")
    )
    centers = np.array([line["from"] + line["to"] for line in lines]) / 2
    panel.bar(centers, points / points.sum(), width=0.09, color="0.85")
    panel.plot([0, 1], [0, 1], color="0.6", linestyle="--", linewidth=1)
    error = np.sqrt(right * (1 - right) / points)
    panel.errorbar(promised, right, yerr=error, marker="o", capsize=3)
    panel.set(xlim=(0, 1), ylim=(0, 1.02), xlabel="confidence")
    panel.set_title(
      f"{name}: {found['points']} points,\n"
      f"calibration error {found['calibration_error']:.3f}",
      fontsize=9,
    )
    panel.grid(alpha=0.3)
  panels[0].set_ylabel("share that is right; bars: share of the points")
  with atomic_path(path) as temporary:
    figure.savefig(temporary, dpi=80)
