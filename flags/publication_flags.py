"""Flags of the publication of trained weights."""

import dataclasses

from flags.from_config import define
from hund_tf.models.hund import weights
from hund_tf.options import REQUIRED, check, option


@dataclasses.dataclass(frozen=True)
class PublicationConfig:
  """What is published."""

  run_dirs: tuple[str, ...] = option(
    REQUIRED,
    "Folders of the finished runs, each begun with the best weights of the one "
    "before; the last has the weights.",
    name="trained_run_dirs",
  )
  begun_with: str | None = option(
    None,
    "Published weights that the first run was begun with: runs told of beside "
    "them come before it.",
  )
  output: str = option(
    str(weights.DEFAULT_PATH),
    "The .npz file of weights; flags and metrics go beside it.",
    name="weights_output",
  )
  curves: str | None = option(
    None, "PNG of the training curves; without it none is drawn."
  )
  examples: int = option(
    256, "Held-out examples to measure.", name="held_out_examples", low=1
  )

  def __post_init__(self):
    check(self)


to_config = define(PublicationConfig, "Publication")
