"""Flags of the comparison of optimisers."""

from dataclasses import dataclass

from absl import flags

from flags import folder_flags

_NUM_PROBLEMS = flags.DEFINE_integer(
  "num_problems", 100, "Held-out problems.", lower_bound=1
)
_SPLIT = flags.DEFINE_enum(
  "split",
  "held_out",
  ["train", "validation", "held_out"],
  "Which captured poses the problems show.",
)
_SEED = flags.DEFINE_integer("comparison_seed", 7, "Seed of the problems.")
_HYBRIDS = flags.DEFINE_list(
  "hybrids", "0,2,5", "Stages i of HUND(i)+BFGS to compare."
)

flags.register_validator(
  _HYBRIDS,
  lambda stages: all(stage.isdigit() for stage in stages),
  "--hybrids takes stage numbers, as 0,2,5",
)


@dataclass(frozen=True)
class ComparisonConfig:
  """How much is compared; see the flags of the same names."""

  num_problems: int
  split: str
  seed: int
  hybrids: tuple[int, ...]
  output_dir: str


def to_config() -> ComparisonConfig:
  """The comparison as the flags describe it."""
  return ComparisonConfig(
    num_problems=_NUM_PROBLEMS.value,
    split=_SPLIT.value,
    seed=_SEED.value,
    hybrids=tuple(int(stage) for stage in _HYBRIDS.value),
    output_dir=folder_flags.output_dir(),
  )
