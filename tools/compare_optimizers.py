"""Compares BFGS, L-BFGS, the learned descent and hybrids (Figs. 3 and 4).

  python -m tools.compare_optimizers --output_dir=results \\
    --synthetic_mocap_dir=MOCAP --pose_file=poses.npz

Without motion capture the poses of the problems come from the pose prior.
Writes descents.csv, summary.md and descents.png.
"""

import csv
import dataclasses
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from tqdm import tqdm

from flags import (
  body_flags,
  descent_flags,
  method_flags,
  objective_flags,
  optimizer_flags,
  program,
  synthetic_flags,
)
from flags.from_config import define
from hund_tf import files
from hund_tf.evaluation import descent_comparison
from hund_tf.losses.alignment import AlignmentObjective
from hund_tf.models.hund.model import HundModel
from hund_tf.options import check, option
from hund_tf.reconstruction.methods import HundMethod, OptimizerMethod
from hund_tf.synthetic.examples import SyntheticExamples
from hund_tf.visualization.descent_plots import save_descent_plots


@dataclasses.dataclass(frozen=True)
class ComparisonConfig(files.OutputFolder):
  """What is compared, and on what."""

  num_problems: int = option(100, "Number of held-out problems.", low=1)
  split: str = option(
    "held_out",
    "Which captured poses the problems show.",
    name="problem_split",
    choices=("train", "validation", "held_out"),
  )
  seed: int = option(7, "Seed of the problems.", name="comparison_seed")
  hybrids: tuple[int, ...] = option(
    (0, 2, 5), "Stages i of HUND(i)+BFGS to compare.", low=0
  )

  def __post_init__(self):
    check(self)


_to_config = define(ComparisonConfig, "Comparison")
_STAGES = 5
_LEARNED = f"HUND({_STAGES})"


def _methods(
  objective: AlignmentObjective, model: HundModel, hybrids: Sequence[int]
) -> dict:
  jit_compile = descent_flags.jit_compile()
  bfgs, lbfgs = (
    optimizer_flags.to_config(method=name, jit_compile=jit_compile)
    for name in ("bfgs", "lbfgs")
  )
  methods = {
    "BFGS": OptimizerMethod(objective, bfgs),
    "L-BFGS": OptimizerMethod(objective, lbfgs),
    _LEARNED: HundMethod(model, _STAGES, None, objective, jit_compile),
  }
  for stages in hybrids:
    methods[f"HUND({stages})+BFGS"] = HundMethod(
      model, stages, bfgs, objective, jit_compile
    )
  return methods


class _Seconds(NamedTuple):
  """Of the learned descent on all problems, by itself as in use.

  In turns with other methods it finds their data in the caches, and the terms
  of their objective are taken between its descents.
  """

  in_turn: float  # one problem after the other
  together: float  # in one batch


def _speed(rows, learned: _Seconds) -> str:
  """How long the optimisers take to reach the learned descent's objective."""
  ends = {r.problem: r for r in rows if r.method == _LEARNED}
  count = len(ends)
  lines = [
    f"{_LEARNED} takes {learned.in_turn:.3f} s for all {count} problems one "
    f"after the other ({1e3 * learned.in_turn / count:.1f} ms each), and "
    f"{learned.together:.3f} s in one batch; "
    f"{1e3 * np.median([r.seconds for r in ends.values()]):.1f} ms (median) in "
    "turns with the other methods."
  ]
  for method in ("BFGS", "L-BFGS"):
    times = descent_comparison.seconds_to_reach(
      rows, method, {p: r.objective for p, r in ends.items()}
    )
    reached = np.isfinite(times)
    whole = np.where(reached, times, _last_seconds(rows, method, ends)).sum()
    line = f"{method} reaches its objective in {reached.sum()} of {count}"
    if reached.any():
      median = np.median(np.array(times)[reached])
      line += (
        f", after {median:.2f} s (median of these), "
        f"{median * count / learned.in_turn:.0f} times as long"
      )
    line += (
      f". One after the other it takes {whole:.1f} s for all of them (to its "
      "end where it does not get there), "
      f"{whole / learned.in_turn:.0f} times as long, and "
      f"{whole / learned.together:.0f} times as long as the batch."
    )
    lines.append(line)
  return "\n".join(lines)


def _last_seconds(rows, method: str, problems) -> list[float]:
  """When a method ended on each problem."""
  ends = {r.problem: r.seconds for r in rows if r.method == method}
  return [ends[problem] for problem in problems]


def _write(folder: Path, rows, learned: _Seconds) -> str:
  with files.atomic_path(folder / "descents.csv") as temporary:
    with temporary.open("w", newline="", encoding="utf-8") as file:
      writer = csv.writer(file)
      writer.writerow(descent_comparison.FIELDS)
      writer.writerows(rows)
  stages = descent_comparison.stages_as_methods(rows, _LEARNED)
  text = "\n\n".join(
    [
      descent_comparison.table(descent_comparison.summarize(stages + rows)),
      _speed(rows, learned),
      "\n".join(
        descent_comparison.difference(rows, _LEARNED, method)
        for method in ("BFGS", "L-BFGS")
      ),
    ]
  )
  with files.atomic_path(folder / "summary.md") as temporary:
    temporary.write_text(text + "\n", encoding="utf-8")
  save_descent_plots(folder / "descents.png", rows)
  return text


def main(argv: Sequence[str]) -> int:
  if len(argv) > 1:
    print(f"unknown arguments {argv[1:]}; see --help", file=sys.stderr)
    return 1
  try:
    config = _to_config()
    folder = files.prepare_output_dir(config.output_dir)
    body = body_flags.to_model()
    objective = AlignmentObjective(body, objective_flags.to_config())
    model = method_flags.to_model(body)
    methods = _methods(objective, model, config.hybrids)
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
    alone = HundMethod(model, _STAGES, jit_compile=descent_flags.jit_compile())
    learned = _Seconds(
      descent_comparison.seconds_in_turn(examples, alone),
      descent_comparison.seconds_together(examples, alone),
    )
    print(_write(folder, rows, learned))
  except ValueError as error:
    print(error, file=sys.stderr)
    return 1
  return 0


if __name__ == "__main__":
  program.run(main)
