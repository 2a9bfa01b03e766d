"""Compares BFGS, L-BFGS, the learned descent and hybrids (Figs. 3 and 4).

  python -m tools.compare_optimizers --output_dir=results \\
    --synthetic_mocap_dir=MOCAP --pose_file=poses.npz

Without motion capture the poses of the problems come from the pose prior.
Writes descents.csv, summary.md and descents.png.
"""

import csv
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from absl import app
from tqdm import tqdm

from flags import (
  body_flags,
  comparison_flags,
  method_flags,
  objective_flags,
  optimizer_flags,
  synthetic_flags,
)
from hund_tf.data import output_folder
from hund_tf.data.synthetic import SyntheticExamples
from hund_tf.evaluation import descent_comparison
from hund_tf.losses.alignment import AlignmentObjective
from hund_tf.reconstruction.methods import HundMethod, OptimizerMethod
from hund_tf.visualization.descent_plots import save_descent_plots

_STAGES = 5
_LEARNED = f"HUND({_STAGES})"


def _methods(objective: AlignmentObjective, hybrids: Sequence[int]) -> dict:
  model = method_flags.to_model(objective.body_model)
  bfgs = optimizer_flags.to_config("bfgs")
  jit_compile = optimizer_flags.jit_compile()
  methods = {
    "BFGS": OptimizerMethod(objective, bfgs),
    "L-BFGS": OptimizerMethod(objective, optimizer_flags.to_config("lbfgs")),
    _LEARNED: HundMethod(model, _STAGES, None, objective, jit_compile),
  }
  for stages in hybrids:
    methods[f"HUND({stages})+BFGS"] = HundMethod(
      model, stages, bfgs, objective, jit_compile
    )
  return methods


def _speed(rows, together: float) -> str:
  """How long the optimisers take to reach the learned descent's objective.

  Args:
    rows: of the comparison.
    together: seconds of the learned descent on all problems in one batch.
  """
  ends = {r.problem: r for r in rows if r.method == _LEARNED}
  seconds = np.median([r.seconds for r in ends.values()])
  lines = [
    f"{_LEARNED} takes {seconds:.3f} s alone (median), and {together:.3f} s "
    f"for all {len(ends)} problems in one batch."
  ]
  for method in ("BFGS", "L-BFGS"):
    times = descent_comparison.seconds_to_reach(
      rows, method, {p: r.objective for p, r in ends.items()}
    )
    reached = np.isfinite(times)
    whole = np.where(reached, times, _last_seconds(rows, method, ends)).sum()
    lines.append(
      f"{method} reaches its objective in {reached.sum()} of {len(times)} "
      "problems"
      + (
        f", after {np.median(np.array(times)[reached]):.2f} s (median of "
        f"these), {np.median(np.array(times)[reached]) / seconds:.0f} times "
        "as long."
        if reached.any()
        else "."
      )
      + f" One problem after the other it takes {whole:.1f} s for all of them "
      f"(to its end where it does not get there), {whole / together:.0f} times "
      "as long as the batch."
    )
  return "\n".join(lines)


def _last_seconds(rows, method: str, problems) -> list[float]:
  """When a method ended on each problem."""
  ends = {r.problem: r.seconds for r in rows if r.method == method}
  return [ends[problem] for problem in problems]


def _write(folder: Path, rows, together: float) -> str:
  with output_folder.atomic_path(folder / "descents.csv") as temporary:
    with temporary.open("w", newline="", encoding="utf-8") as file:
      writer = csv.writer(file)
      writer.writerow(descent_comparison.FIELDS)
      writer.writerows(rows)
  stages = descent_comparison.stages_as_methods(rows, _LEARNED)
  text = "\n\n".join(
    [
      descent_comparison.table(descent_comparison.summarize(stages + rows)),
      _speed(rows, together),
    ]
  )
  with output_folder.atomic_path(folder / "summary.md") as temporary:
    temporary.write_text(text + "\n", encoding="utf-8")
  save_descent_plots(folder / "descents.png", rows)
  return text


def main(argv: Sequence[str]) -> int:
  if len(argv) > 1:
    print(f"unknown arguments {argv[1:]}; see --help", file=sys.stderr)
    return 1
  try:
    config = comparison_flags.to_config()
    folder = output_folder.prepare_output_dir(config.output_dir)
    body = body_flags.to_model()
    objective = AlignmentObjective(body, objective_flags.to_config())
    methods = _methods(objective, config.hybrids)
    poses = synthetic_flags.to_poses(body.pose_prior, split=config.split)
    problems = SyntheticExamples(
      body, poses, synthetic_flags.to_config().captured_only()
    )
    bar = tqdm(total=config.num_problems, unit="problem", file=sys.stderr)
    examples = [
      problems.example_batch(config.seed, step, 1)
      for step in range(config.num_problems)
    ]
    rows = descent_comparison.compare(
      examples, methods, body, lambda index: bar.update()
    )
    together = descent_comparison.seconds_together(examples, methods[_LEARNED])
    print(_write(folder, rows, together))
  except ValueError as error:
    print(error, file=sys.stderr)
    return 1
  return 0


if __name__ == "__main__":
  app.run(main)
