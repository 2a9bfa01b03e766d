"""Flags of the publication of trained weights."""

from dataclasses import dataclass

from absl import flags

from hund_tf.models.hund import weights

_RUN_DIRS = flags.DEFINE_list(
  "trained_run_dirs",
  None,
  "Folders of the finished runs, each begun with the best weights of the one "
  "before; the last has the weights.",
  required=True,
)
_BEGUN_WITH = flags.DEFINE_string(
  "begun_with",
  None,
  "Published weights that the first run was begun with: runs told of beside "
  "them come before it.",
)
_OUTPUT = flags.DEFINE_string(
  "weights_output",
  str(weights.DEFAULT_PATH),
  "The .npz of weights; flags and metrics go beside it.",
)
_CURVES = flags.DEFINE_string(
  "curves", None, "PNG of the training curves; none draws none."
)
_EXAMPLES = flags.DEFINE_integer(
  "held_out_examples", 256, "Held-out examples to measure.", lower_bound=1
)


@dataclass(frozen=True)
class PublicationConfig:
  """What is published; see the flags of the same names."""

  run_dirs: tuple[str, ...]
  begun_with: str | None
  output: str
  curves: str | None
  examples: int


def to_config() -> PublicationConfig:
  """The publication as the flags describe it."""
  return PublicationConfig(
    run_dirs=tuple(_RUN_DIRS.value),
    begun_with=_BEGUN_WITH.value,
    output=_OUTPUT.value,
    curves=_CURVES.value,
    examples=_EXAMPLES.value,
  )
