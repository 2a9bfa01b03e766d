"""Publishes the descent of a hand or a face of finished runs, in 16 bits.

  python -m tools.publish_parts --published_part=hand --part_run_dirs=RUN,RUN2

writes the last run's best weights, and beside them the flags of the runs, what
they did, and the errors on held-out synthetic close-ups.
"""

import dataclasses
import json
import sys

from absl import app

from flags import program
from flags.from_config import define
from hund_tf.body.part_bodies import KINDS
from hund_tf.models.hund import part_weights
from hund_tf.options import REQUIRED, check, option
from hund_tf.training.parts.publication import publish


@dataclasses.dataclass(frozen=True)
class _Publication:
  """What is published."""

  part: str = option(
    REQUIRED,
    "The part whose weights are published.",
    name="published_part",
    choices=KINDS,
  )
  run_dirs: tuple[str, ...] = option(
    REQUIRED,
    "Folders of the finished runs, each begun with the best weights of the one "
    "before; the last has the weights.",
    name="part_run_dirs",
  )
  output: str | None = option(
    None,
    "The .npz file of weights; by default those that come with the project.",
    name="part_output",
  )
  examples: int = option(
    4096, "Held-out close-ups.", name="part_examples", low=1
  )

  def __post_init__(self):
    check(self)


_to_config = define(_Publication, "Publication")


def main(argv: list[str]) -> int:
  if len(argv) > 1:
    raise app.UsageError(f"unexpected arguments {argv[1:]}")
  config = _to_config()
  output = config.output or part_weights.DEFAULT_PATHS[config.part]
  try:
    found = publish(config.run_dirs, config.part, output, config.examples)
  except (ValueError, OSError) as error:
    print(f"publish_parts: {error}", file=sys.stderr)
    return 1
  print(json.dumps(found["stages"], indent=2))
  return 0


if __name__ == "__main__":
  program.run(main)
