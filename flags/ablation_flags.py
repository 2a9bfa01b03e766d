"""Flags of the comparison of meta-losses."""

from dataclasses import dataclass

from absl import flags

from hund_tf.losses.meta import META_LOSSES

_META_LOSSES = flags.DEFINE_list(
  "ablated_meta_losses", list(META_LOSSES), "Meta-losses to compare."
)
_EXAMPLES = flags.DEFINE_integer(
  "ablation_examples", 512, "Held-out examples to measure.", lower_bound=1
)

flags.register_validator(
  _META_LOSSES,
  lambda names: bool(names) and set(names) <= set(META_LOSSES),
  f"--ablated_meta_losses takes some of {', '.join(META_LOSSES)}",
)


@dataclass(frozen=True)
class AblationConfig:
  """What is compared; see the flags of the same names."""

  meta_losses: tuple[str, ...]
  examples: int


def to_config() -> AblationConfig:
  """The comparison as the flags describe it."""
  return AblationConfig(tuple(_META_LOSSES.value), _EXAMPLES.value)
