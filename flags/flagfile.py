"""Flags as the text of a flagfile."""

from collections.abc import Iterable

from absl import flags

from flags.from_config import ConfigFlags


def to_text(groups: Iterable[ConfigFlags], exclude: Iterable[str] = ()) -> str:
  """The flags of the groups, with their values, one a line.

  Args:
    groups: the flags.
    exclude: names of flags to leave out.
  """
  names = dict.fromkeys(one.name for group in groups for one in group.options)
  found = [flags.FLAGS[name] for name in names if name not in exclude]
  lines = [line for flag in found if (line := flag.serialize())]
  return "".join(f"{line}\n" for line in lines)
