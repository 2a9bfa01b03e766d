"""Publishes the multitask network of finished runs, in 16 bits.

  python -m tools.publish_multitask --network_run_dirs=RUN,RUN2

writes the last run's best weights, and beside them the flags of the runs and
what they did; `tools.evaluate_multitask --metrics_output` adds what the weights
reach. `--add_to_history` is for runs that went on from published weights.
"""

import dataclasses
import pathlib
import sys

from absl import app

from flags import program
from flags.from_config import define
from hund_tf.models.multitask import weights
from hund_tf.options import REQUIRED, option
from hund_tf.training.multitask.publication import publish


@dataclasses.dataclass(frozen=True)
class _Publication:
  """What is published."""

  run_dirs: tuple[str, ...] = option(
    REQUIRED,
    "Folders of the finished runs, each begun with the best weights of the one "
    "before; the last has the weights.",
    name="network_run_dirs",
  )
  output: str = option(
    str(weights.DEFAULT_PATH),
    "The .npz file of weights; flags and metrics go beside it.",
    name="network_output",
  )
  add: bool = option(
    False,
    "The first run began with the weights of --network_output: the runs that "
    "made those are told of too.",
    name="add_to_history",
  )


_to_config = define(_Publication, "Publication")


def main(argv: list[str]) -> int:
  if len(argv) > 1:
    raise app.UsageError(f"unexpected arguments {argv[1:]}")
  config = _to_config()
  try:
    publish(list(config.run_dirs), pathlib.Path(config.output), config.add)
  except (ValueError, OSError) as error:
    print(f"publish_multitask: {error}", file=sys.stderr)
    return 1
  return 0


if __name__ == "__main__":
  program.run(main)
