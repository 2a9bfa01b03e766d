"""Files of flags, one a line: reading those that users give, and writing."""

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from absl import flags

from flags.from_config import ConfigFlags
from hund_tf.files import printable
from hund_tf.json_text import shown

_LARGEST = 1 << 20  # bytes
_MOST_FILES = 100  # that name each other
_REMEDY = "expected a text file with a flag a line, as --name=value"


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


def expanded(arguments: Sequence[str]) -> list[str]:
  """Arguments with the flags of a file in the place of each --flagfile.

  A file is UTF-8, with a byte order mark or without. Lines that are empty or
  begin with # or // are left out; a line may name another flag file.

  Raises:
    ValueError: naming the file, if it cannot be read, names itself, or has a
      line that is no known flag.
  """
  return list(_expanded(arguments, ()))


def _expanded(
  arguments: Sequence[str], above: tuple[str, ...]
) -> Iterator[str]:
  rest = iter(arguments)
  for argument in rest:
    if argument == "--":
      yield argument
      yield from rest
    elif argument in ("--flagfile", "-flagfile"):
      if (name := next(rest, None)) is None:
        raise ValueError("--flagfile: a value is required")
      yield from _flags_of(name, above)
    elif argument.startswith(("--flagfile=", "-flagfile=")):
      yield from _flags_of(argument.partition("=")[2], above)
    else:
      yield argument


def _flags_of(name: str, above: tuple[str, ...]) -> Iterator[str]:
  """The flags of a file, which `above` name in turn."""
  where = f"--flagfile={printable(name)}"
  if os.path.abspath(name) in above or len(above) >= _MOST_FILES:
    raise ValueError(f"{where}: names itself, by way of other flag files")
  lines = []
  for number, line in enumerate(_text(name, where).splitlines(), 1):
    flag = line.strip()
    if not flag or flag.startswith(("#", "//")):
      continue
    if not _is_known(flag):
      raise ValueError(
        f"{where}: line {number} is no flag of this program, {shown(flag)}; "
        f"{_REMEDY}"
      )
    lines.append(flag)
  yield from _expanded(lines, (*above, os.path.abspath(name)))


def _text(name: str, where: str) -> str:
  try:
    with Path(name).open("rb") as file:
      data = file.read(_LARGEST + 1)
    if len(data) > _LARGEST:
      raise ValueError(f"it has more than {_LARGEST:,} bytes")
    text = data.decode("utf-8-sig")
    if "\0" in text:
      raise ValueError("it is no text")
  except UnicodeDecodeError as error:
    raise ValueError(f"{where}: is not UTF-8; {_REMEDY}") from error
  except OSError as error:
    raise ValueError(
      f"{where}: cannot be read ({error.strerror}); {_REMEDY}"
    ) from error
  except ValueError as error:
    raise ValueError(f"{where}: cannot be read ({error}); {_REMEDY}") from error
  return text


def _is_known(line: str) -> bool:
  """Whether a line begins with a flag; absl tells of values that are wrong."""
  name = line.removeprefix("-").removeprefix("-").partition("=")[0]
  if line[:1] != "-" or not name.isprintable():
    return False
  known = flags.FLAGS
  return (
    name == "flagfile"
    or name in known
    or (name[:2] == "no" and name[2:] in known)
  )
