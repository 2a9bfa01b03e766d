"""Plots of descents over time and iterations (Figs. 3 and 4)."""

import os
from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from hund_tf.evaluation.descent_comparison import DescentRow
from hund_tf.files import atomic_path

_FIELDS = {
  "objective": "L_u",
  "joint_angle_degrees": "joint angle error, degrees",
  "pa_mpjpe_mm": "PA-MPJPE, mm",
}


def _mean_curves(rows: Sequence[DescentRow]) -> dict[str, np.ndarray]:
  """The means of the fields over the problems, at each iteration.

  A descent that ended keeps its last value, as in the paper's aggregates.
  """
  problems = sorted({row.problem for row in rows})
  paths = [[r for r in rows if r.problem == p] for p in problems]
  length = max(len(path) for path in paths)
  padded = [path + [path[-1]] * (length - len(path)) for path in paths]
  return {
    name: np.array([[getattr(r, name) for r in p] for p in padded]).mean(0)
    for name in ("seconds", "evaluations", *_FIELDS)
  }


def save_descent_plots(
  path: str | os.PathLike, rows: Sequence[DescentRow]
) -> None:
  """Objective and errors over time and evaluations, and time over iterations.

  Time, evaluations and the objective are logarithmic.

  Args:
    path: of the PNG; replaced atomically.
    rows: of `descent_comparison.compare`.
  """
  figure = Figure(figsize=(15, 9), layout="constrained")
  axes = figure.subplots(2, 3)
  by_time = dict(zip(_FIELDS, axes[0], strict=True))
  by_evaluations = dict(zip(_FIELDS, axes[1, :2], strict=False))
  for method in dict.fromkeys(row.method for row in rows):
    curves = _mean_curves([row for row in rows if row.method == method])
    seconds = np.maximum(curves["seconds"], 1e-4)
    marker = "o" if len(seconds) < 12 else None
    style = {"label": method, "marker": marker, "markersize": 3}
    for field, axis in by_time.items():
      axis.plot(seconds, curves[field], **style)
    for field, axis in by_evaluations.items():
      axis.plot(curves["evaluations"], curves[field], **style)
    axes[1, 2].plot(1 + np.arange(len(seconds)), seconds, **style)
  for label, shown in (("seconds", by_time), ("evaluations", by_evaluations)):
    for field, axis in shown.items():
      axis.set(xlabel=label, ylabel=_FIELDS[field], xscale="log")
    shown["objective"].set_yscale("log")
  axes[1, 2].set(xlabel="iteration + 1", ylabel="cumulative seconds")
  axes[1, 2].set(xscale="log", yscale="log")
  for axis in axes.flat:
    axis.grid(alpha=0.3, which="both")
  lines = axes[0, 0].get_lines()
  figure.legend(handles=lines, loc="outside lower center", ncols=5)
  with atomic_path(path) as temporary:
    figure.savefig(temporary, dpi=80)
