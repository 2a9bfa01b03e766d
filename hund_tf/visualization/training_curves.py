"""Curves of a training run, from the logs in its folder."""

import csv
import os
import pathlib
from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from hund_tf.files import atomic_path
from hund_tf.training import run_folder
from hund_tf.training.run_folder import STEPS_FILE, VALIDATION_FILE

_SMOOTHING = 8  # rows of the log that a training curve averages


def _columns(path: pathlib.Path) -> dict[str, list]:
  """Columns of a CSV file; cells of several numbers become lists of them."""
  with path.open(newline="", encoding="utf-8") as file:
    rows = list(csv.DictReader(file))
  if not rows:
    raise ValueError(f"{path}: no rows, expected the log of a training run")
  return {
    name: [[float(v) for v in row[name].split()] for row in rows]
    for name in rows[0]
  }


def _smooth(values: list[float]) -> np.ndarray:
  """Means over the last rows, as many as there are."""
  sums = np.cumsum([0.0, *values])
  last = np.arange(1, len(sums))
  first = np.maximum(last - _SMOOTHING, 0)
  return (sums[last] - sums[first]) / (last - first)


def _joined(folders: Sequence[pathlib.Path], name: str) -> dict[str, list]:
  """The columns of runs that went on from each other, steps counted on."""
  joined: dict[str, list] = {}
  before = 0.0
  for i, folder in enumerate(folders):
    columns = _columns(folder / name)
    end = np.inf
    if i + 1 < len(folders):
      end = run_folder.history(folder, final=False)["steps"]
    rows = [k for k, (step,) in enumerate(columns["step"]) if step <= end]
    columns["step"] = [[step + before] for (step,) in columns["step"]]
    for key, values in columns.items():
      joined.setdefault(key, []).extend(values[k] for k in rows)
    before += end
  return joined


def save_training_curves(
  run_dirs: Sequence[str | os.PathLike], path: str | os.PathLike
) -> None:
  """Draws losses of the stages in training, and errors on held-out poses.

  Args:
    run_dirs: with the logs; each run went on from the best of the one before.
    path: of the PNG; replaced atomically.

  Raises:
    ValueError: if a log has no rows.
    OSError: if there is no log.
  """
  folders = [pathlib.Path(folder) for folder in run_dirs]
  steps = _joined(folders, STEPS_FILE)
  validation = _joined(folders, VALIDATION_FILE)
  figure = Figure(figsize=(13, 4), layout="constrained")
  axes = figure.subplots(1, 3)
  at = [row[0] for row in steps["step"]]
  most = max(map(len, steps["stage_losses"]))
  for stage in range(most):
    known = [
      i for i, row in enumerate(steps["stage_losses"]) if len(row) > stage
    ]
    values = _smooth([steps["stage_losses"][i][stage] for i in known])
    axes[0].plot([at[i] for i in known], values, label=f"s_{stage}")
  axes[0].set(title="training loss", xlabel="step", yscale="log")
  at = [row[0] for row in validation["step"]]
  for axis, name, title in (
    (axes[1], "objective", "validation L_u"),
    (axes[2], "pa_mpjpe", "validation PA-MPJPE and MPJPE (dashed), mm"),
  ):
    values = np.array(validation[name])
    for stage in range(values.shape[1]):
      axis.plot(at, values[:, stage], ".-", label=f"s_{stage}")
    axis.set(title=title, xlabel="step")
  values = np.array(validation["mpjpe"])
  for stage in range(values.shape[1]):
    axes[2].plot(at, values[:, stage], "--", color=f"C{stage}", linewidth=1)
  for axis in axes:
    axis.grid(alpha=0.3, which="both")
  axes[1].legend(fontsize=8)
  with atomic_path(path) as temporary:
    figure.savefig(temporary, dpi=100)
