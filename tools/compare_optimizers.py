"""Compares optimisers, the learned descent and hybrids (Figs. 3 and 4).

  python -m tools.compare_optimizers --output_dir=results \\
    --synthetic_mocap_dir=MOCAP --pose_file=poses.npz

Without motion capture the poses of the problems come from the pose prior.
BFGS, L-BFGS, Adam and Gauss-Newton are compared, and optimisers of your own
(--optimizers).
Writes descents.csv, summary.md and descents.png.
"""

import dataclasses
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

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
from hund_tf import files, locks
from hund_tf.evaluation import descent_comparison, descent_report
from hund_tf.evaluation.descent_comparison import CountedMethod
from hund_tf.evaluation.descent_report import (
  LEARNED,
  LEARNED_STAGES,
  LearnedSeconds,
)
from hund_tf.losses.alignment import AlignmentObjective
from hund_tf.models.hund.model import HundModel
from hund_tf.optimization.config import METHODS
from hund_tf.optimization.minimizers import Minimizer, find_minimizers
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
    (0, 2, 5),
    "Stages i of HUND(i)+BFGS and HUND(i)+Gauss-Newton to compare.",
    low=0,
  )

  optimizers: tuple[str, ...] = option(
    (),
    "Optimisers of your own to compare: each package.module:name of a function "
    "(function, start, max_iterations, record), or the name of an entry point "
    "of the group hund_tf.optimizers.",
  )

  def __post_init__(self):
    check(self)


_to_config = define(ComparisonConfig, "Comparison")
_OPTIMIZERS = ("BFGS", "L-BFGS", "Adam", "Gauss-Newton")


def _methods(
  objective: AlignmentObjective,
  model: HundModel,
  hybrids: Sequence[int],
  own: Mapping[str, Minimizer],
) -> dict[str, CountedMethod]:
  jit_compile = descent_flags.jit_compile()
  configs = {
    name: optimizer_flags.to_config(method=method, jit_compile=jit_compile)
    for name, method in zip(_OPTIMIZERS, METHODS, strict=True)
  }
  methods: dict[str, CountedMethod] = {
    name: OptimizerMethod(objective, config) for name, config in configs.items()
  }
  for name, minimizer in own.items():
    methods[name] = OptimizerMethod(objective, configs["BFGS"], minimizer)
  methods[LEARNED] = HundMethod(
    model, LEARNED_STAGES, None, objective, jit_compile
  )
  anchor = method_flags.to_anchor(objective.body_model)
  if anchor is not None:
    methods[f"{LEARNED}+polish"] = HundMethod(
      model, LEARNED_STAGES, None, objective, jit_compile, anchor
    )
  for stages in hybrids:
    for name in ("BFGS", "Gauss-Newton"):
      methods[f"HUND({stages})+{name}"] = HundMethod(
        model, stages, configs[name], objective, jit_compile
      )
  return methods


def _compare(config: ComparisonConfig, folder: Path) -> str:
  """Compares, and writes the results; returns what is shown of them."""
  own = find_minimizers(config.optimizers)
  body = body_flags.to_model()
  objective = AlignmentObjective(body, objective_flags.to_config())
  model = method_flags.to_model(body)
  methods = _methods(objective, model, config.hybrids, own)
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
  alone = HundMethod(
    model, LEARNED_STAGES, jit_compile=descent_flags.jit_compile()
  )
  learned = LearnedSeconds(
    descent_comparison.seconds_in_turn(examples, alone),
    descent_comparison.seconds_together(examples, alone),
  )
  text = descent_report.write(folder, rows, learned)
  save_descent_plots(folder / "descents.png", rows)
  return text


def main(argv: Sequence[str]) -> int:
  if len(argv) > 1:
    print(f"unknown arguments {argv[1:]}; see --help", file=sys.stderr)
    return 1
  try:
    config = _to_config()
    with locks.only_writer(config.output_dir):
      print(_compare(config, files.expand(config.output_dir)))
  except (ValueError, OSError) as error:
    print(f"compare_optimizers: {error}", file=sys.stderr)
    return 1
  return 0


if __name__ == "__main__":
  program.run(main)
