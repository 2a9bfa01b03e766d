"""Flags of what is written and where."""

from dataclasses import dataclass

from absl import flags

from flags import folder_flags

KINDS = ("overlay", "views", "stages", "gif", "glb", "obj", "json")

_SAVE = flags.DEFINE_list(
  "save", "overlay,glb,json", f"What to write, of {', '.join(KINDS)}."
)

flags.register_validator(
  _SAVE,
  lambda kinds: len(kinds) > 0 and all(kind in KINDS for kind in kinds),
  f"--save takes a comma-separated list of {', '.join(KINDS)}",
)


@dataclass(frozen=True)
class OutputConfig:
  """Which results, and the folder for them."""

  output_dir: str
  save: frozenset[str]


def to_config() -> OutputConfig:
  """The outputs as the flags describe them."""
  return OutputConfig(
    output_dir=folder_flags.output_dir(), save=frozenset(_SAVE.value)
  )
