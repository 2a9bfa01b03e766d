"""Publishes the multitask network of finished runs, in 16 bits.

  python -m tools.publish_multitask --network_run_dirs=RUN,RUN2

writes the last run's best weights, and beside them the flags of the runs and
what they did; `tools.evaluate_multitask --metrics_output` adds what the weights
reach. `--add_to_history` is for runs that went on from published weights.
"""

import pathlib
import sys

from absl import app, flags

from hund_tf.models.multitask import weights
from hund_tf.training.multitask.publication import publish

_RUN_DIRS = flags.DEFINE_list(
  "network_run_dirs",
  None,
  "Folders of the finished runs, each begun with the best weights of the one "
  "before; the last has the weights.",
  required=True,
)
_OUTPUT = flags.DEFINE_string(
  "network_output",
  str(weights.DEFAULT_PATH),
  "The .npz of weights; flags and metrics go beside it.",
)
_ADD = flags.DEFINE_bool(
  "add_to_history",
  False,
  "The first run began with the weights of --network_output: the runs that "
  "made those are told of too.",
)


def main(argv: list[str]) -> int:
  if len(argv) > 1:
    raise app.UsageError(f"unexpected arguments {argv[1:]}")
  try:
    publish(_RUN_DIRS.value, pathlib.Path(_OUTPUT.value), _ADD.value)
  except (ValueError, OSError) as error:
    print(f"publish_multitask: {error}", file=sys.stderr)
    return 1
  return 0


if __name__ == "__main__":
  app.run(main)
