"""Flags as the text of a flagfile."""

from collections.abc import Iterable
from types import ModuleType

from absl import flags


def to_text(modules: Iterable[ModuleType]) -> str:
  """The flags that the modules define, with their values, one a line."""
  by_module = flags.FLAGS.flags_by_module_dict()
  found = [f for m in modules for f in by_module[m.__name__]]
  lines = [line for flag in found if (line := flag.serialize())]
  return "".join(f"{line}\n" for line in lines)
