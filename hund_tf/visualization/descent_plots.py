"""Plots of descents over time and iterations (Figs. 3 and 4)."""

import os
from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from hund_tf.evaluation.descent_comparison import DescentRow
from hund_tf.files import atomic_path


def _mean_curve(
  rows: Sequence[DescentRow], field: str
) -> tuple[np.ndarray, np.ndarray]:
  """Mean seconds and mean of a field at each iteration.

  A descent that ended keeps its last value, as in the paper's aggregates.
  """
  problems = sorted({row.problem for row in rows})
  paths = [[r for r in rows if r.problem == p] for p in problems]
  length = max(len(path) for path in paths)
  padded = [path + [path[-1]] * (length - len(path)) for path in paths]
  read = lambda name: np.array([[getattr(r, name) for r in p] for p in padded])
  return read("seconds").mean(0), read(field).mean(0)


def save_descent_plots(
  path: str | os.PathLike, rows: Sequence[DescentRow]
) -> None:
  """Objective over time, joint angle over time, time over iterations.

  Time axes and the objective are logarithmic.

  Args:
    path: of the PNG; replaced atomically.
    rows: of `descent_comparison.compare`.
  """
  figure = Figure(figsize=(15, 4.5), layout="constrained")
  axes = figure.subplots(1, 3)
  for method in dict.fromkeys(row.method for row in rows):
    mine = [row for row in rows if row.method == method]
    seconds, objective = _mean_curve(mine, "objective")
    _, angle = _mean_curve(mine, "joint_angle_degrees")
    seconds = np.maximum(seconds, 1e-4)
    marker = "o" if len(seconds) < 12 else None
    style = {"label": method, "marker": marker, "markersize": 3}
    axes[0].plot(seconds, objective, **style)
    axes[1].plot(seconds, angle, **style)
    axes[2].plot(1 + np.arange(len(seconds)), seconds, **style)
  axes[0].set(xlabel="seconds", ylabel="L_u", xscale="log", yscale="log")
  axes[1].set(xlabel="seconds", ylabel="joint angle error, degrees")
  axes[1].set_xscale("log")
  axes[2].set(xlabel="iteration + 1", ylabel="cumulative seconds")
  axes[2].set(xscale="log", yscale="log")
  for axis in axes:
    axis.grid(alpha=0.3, which="both")
  axes[0].legend(fontsize=8)
  with atomic_path(path) as temporary:
    figure.savefig(temporary, dpi=110)
