"""Runs a program with its flags: its help, and one line for a wrong flag."""

import os
import sys
import textwrap
from collections.abc import Callable
from types import ModuleType
from typing import Any

from absl import app
from absl import flags as absl_flags

from flags import flagfile
from flags.from_config import ConfigFlags, define
from hund_tf import devices, interrupts
from hund_tf.options import Option

_HELP = ("-h", "-help", "--help", "-?")
_WIDTH = 80
_to_devices = define(devices.DeviceConfig, "Devices")


def run(main: Callable[[list[str]], int | None]) -> None:
  """Reads the command line and runs the program, which is `__main__`.

  An interrupt from the keyboard ends it with one line and the status 130,
  SIGTERM with one line and 0.
  """
  module = sys.modules["__main__"]
  interrupts.catch_sigterm()

  def with_devices(argv: list[str]) -> int | None:
    devices.prepare(_to_devices())
    return main(argv)

  try:
    app.run(with_devices, flags_parser=lambda argv: parse(module, argv))
  except KeyboardInterrupt as error:
    print(f"{_name(sys.argv)}: {interrupts.line(error)}", file=sys.stderr)
    sys.exit(interrupts.status(error))


def run_config(
  to_config: ConfigFlags,
  run: Callable[[Any], int],
  argv: list[str],
  name: str,
) -> int:
  """Runs what takes all of a program's flags, and nothing besides.

  Args:
    to_config: makes the dataclass of the flags.
    run: of the dataclass; returns the exit status.
    argv: what the command line has left.
    name: of the program, for the line that says what is wrong.

  Returns:
    The exit status: 1 where values do not go together.
  """
  if len(argv) > 1:
    raise app.UsageError(f"unexpected arguments: {' '.join(argv[1:])}")
  try:
    config = to_config()
  except ValueError as error:
    print(f"{name}: {error}", file=sys.stderr)
    return 1
  return run(config)


def groups_of(module: ModuleType) -> list[ConfigFlags]:
  """The flags of a program: its own, and of the modules that it imports.

  Args:
    module: it imports modules of `flags` and other programs as modules:
      `from flags import body_flags`.
  """
  groups: dict[int, ConfigFlags] = {}
  seen: set[str] = set()

  def collect(place: ModuleType) -> None:
    for value in list(vars(place).values()):
      is_module = isinstance(value, ModuleType)
      if is_module and value.__name__.startswith(("flags.", "tools.")):
        if value.__name__ not in seen:
          seen.add(value.__name__)
          collect(value)
      elif isinstance(value, ConfigFlags):
        groups.setdefault(id(value), value)

  collect(module)
  return list(groups.values())


def help_text(module: ModuleType) -> str:
  """What `--help` says: what the program does, and its flags by subject."""
  lines, listed = [(module.__doc__ or "").strip(), ""], set()
  for group in groups_of(module):
    for title, options in group.sections().items():
      own = [one for one in options if one.name not in listed]
      if own:
        listed |= {one.name for one in own}
        lines += [f"{title}:", *(_describe(one) for one in own), ""]
  lines += [
    "Any program:",
    "  --flagfile=FILE",
    *_wrapped("Reads flags from a file, one a line."),
    "",
    "--helpfull also lists the flags of the libraries.",
  ]
  return "\n".join(lines) + "\n"


def _describe(one: Option) -> str:
  head = f"--[no]{one.name}" if _is_switch(one) else f"--{one.name}=VALUE"
  return "\n".join([f"  {head}", *_wrapped(f"{one.help} {_values(one)}")])


def _is_switch(one: Option) -> bool:
  return one.kind is bool and not one.several


def _values(one: Option) -> str:
  """Allowed values and the default: "One of a, b; default: a."."""
  parts = []
  if one.expected and not _is_switch(one):
    parts.append(one.expected[0].upper() + one.expected[1:])
  if one.several:
    how = "may be repeated" if one.repeated else "several: joined by commas"
    parts.append(how if parts else how[0].upper() + how[1:])
  if one.required:
    default = "required"
  elif one.default in (None, (), ""):
    default = "default: none"
  else:
    default = f"default: {one.to_text(one.default)}"
  parts.append(default if parts else default[0].upper() + default[1:])
  return "; ".join(parts) + "."


def _wrapped(text: str) -> list[str]:
  return textwrap.wrap(
    text,
    _WIDTH,
    initial_indent=" " * 6,
    subsequent_indent=" " * 6,
    break_long_words=False,
    break_on_hyphens=False,
  )


def parse(module: ModuleType, argv: list[str]) -> list[str]:
  """Reads the command line of a program; returns what is no flag.

  Prints help and ends the program where it is asked for, and ends it with one
  line where a flag is wrong.
  """
  own = argv[1 : argv.index("--")] if "--" in argv else argv[1:]
  if any(argument in _HELP for argument in own):
    print(help_text(module), end="")
    sys.exit(0)
  try:
    rest = absl_flags.FLAGS([*argv[:1], *flagfile.expanded(argv[1:])])
    for group in groups_of(module):
      if missing := group.missing():
        raise ValueError(f"--{missing[0]}: a value is required")
      group()
  except (absl_flags.Error, ValueError) as error:
    line = " ".join(str(error).split()).removesuffix(".")
    # absl repeats what it cannot read as it is.
    line = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in line)
    print(f"{_name(argv)}: {line}; --help lists the flags", file=sys.stderr)
    sys.exit(1)
  return rest


def _name(argv: list[str]) -> str:
  return os.path.splitext(os.path.basename(argv[0]))[0]
