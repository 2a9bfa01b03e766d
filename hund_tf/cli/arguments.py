"""Arguments of a command line, made of dataclasses with options.

An option `num_stages` becomes `--num_stages N`; `--num-stages` is the same. A
switch `mirror_average` becomes `--mirror_average` and `--no_mirror_average`.
"""

import argparse
import sys
import typing
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn, TypeVar

from hund_tf import options
from hund_tf.options import Option

T = TypeVar("T")
_MARK = "\0"


class Parser(argparse.ArgumentParser):
  """A parser whose errors are one line, and whose help has defaults."""

  def __init__(self, **settings: Any):
    """See `argparse.ArgumentParser`."""
    super().__init__(
      formatter_class=argparse.RawDescriptionHelpFormatter,
      allow_abbrev=False,
      **settings,
    )

  def error(self, message: str) -> NoReturn:
    """Ends the program with 2 and one line."""
    message = message.replace(_MARK, "")
    print(f"{self.prog}: {message}; --help lists the options", file=sys.stderr)
    sys.exit(2)


def add_options(
  parser: argparse.ArgumentParser,
  config: type,
  positional: Mapping[str, str] | None = None,
  short: Mapping[str, str] | None = None,
) -> None:
  """Gives a parser the arguments of a dataclass.

  Args:
    parser: that gets them.
    config: dataclass with options; dataclasses in it are included, each as a
      group of arguments whose title is its docstring's first line.
    positional: by the name of an option: what help calls it, for arguments
      without a name, such as `{"images": "PHOTO"}`.
    short: one letter by the name of an option: `{"output_dir": "o"}`.
  """
  positional, short = positional or {}, short or {}
  groups: dict[tuple[str, ...], Any] = {(): parser}
  for one in options.options_of(config):
    where = one.path[:-1]
    if where not in groups:
      groups[where] = parser.add_argument_group(_title(config, where))
    if one.name in positional:
      _add_positional(groups[where], one, positional[one.name])
    else:
      _add(groups[where], one, short.get(one.name))


def config_of(
  parser: argparse.ArgumentParser, arguments: Sequence[str], config: type[T]
) -> T:
  """The dataclass as the arguments describe it.

  Arguments that cannot be read end the program as `Parser.error` does.

  Args:
    parser: that `add_options` gave its arguments.
    arguments: of the command line.
    config: the dataclass.
  """
  found = vars(parser.parse_intermixed_args(_prepared(arguments)))
  names = {one.name for one in options.options_of(config)}
  values = {
    name: tuple(value) if isinstance(value, list) else value
    for name, value in found.items()
    if name in names
  }
  try:
    return options.build(config, values)
  except ValueError as error:
    parser.error(str(error))


def _prepared(arguments: Sequence[str]) -> list[str]:
  """`--num-stages=5` as `--num_stages=5`, and what follows `--` marked.

  The mark, which no argument can contain, keeps names that begin with a dash
  from being read as options.
  """
  result = list(arguments)
  end = result.index("--") if "--" in result else len(result)
  for i, text in enumerate(result[:end]):
    if text.startswith("--"):
      name, equals, value = text.partition("=")
      result[i] = "--" + name[2:].replace("-", "_") + equals + value
  return result[:end] + [_MARK + text for text in result[end + 1 :]]


def _title(config: type, path: Sequence[str]) -> str:
  """First line of the docstring of the dataclass at a path of fields."""
  for name in path:
    config = typing.get_type_hints(config)[name]
  return (config.__doc__ or "").partition("\n")[0].rstrip(".")


def _add_positional(group: Any, one: Option, called: str) -> None:
  group.add_argument(
    one.name,
    metavar=called,
    nargs="+" if one.several else None if one.required else "?",
    default=argparse.SUPPRESS,
    type=_reader(lambda text: one.parse_one(text.removeprefix(_MARK))),
    help=one.help.replace("%", "%%"),
  )


def _add(group: Any, one: Option, letter: str | None) -> None:
  """One argument with a name; without it the default is left to `build`."""
  names = (
    [f"--{one.name}"] if letter is None else [f"-{letter}", f"--{one.name}"]
  )
  settings: dict[str, Any] = {
    "dest": one.name,
    "default": argparse.SUPPRESS,
    "help": _help(one).replace("%", "%%"),
  }
  if one.kind is bool and not one.several:
    group.add_argument(*names, action="store_true", **settings)
    settings["help"] = argparse.SUPPRESS
    # As the programs in tools/ spell it, and more legibly.
    names = f"--no{one.name}", f"--no_{one.name}"
    group.add_argument(*names, action="store_false", **settings)
    return
  settings |= {
    "metavar": _metavar(one),
    "required": one.required,
    "type": _reader(one.parse_one if one.repeated else one.parse),
    "action": "append" if one.repeated else "store",
  }
  group.add_argument(*names, **settings)


def _metavar(one: Option) -> str:
  if one.choices is not None and len(one.choices) <= 6 and not one.several:
    return "{" + ",".join(map(one.text_of_one, one.choices)) + "}"
  return {int: "N", float: "X"}.get(one.kind, "VALUE")


def _help(one: Option) -> str:
  """What an option is, and its default."""
  if one.required:
    return f"{one.help} Required."
  if one.default in (None, (), "", False):
    return one.help
  return f"{one.help} (default: {one.to_text(one.default)})"


def _reader(parse: Callable[[str], Any]) -> Callable[[str], Any]:
  """`parse` whose line argparse repeats."""

  def read(text: str) -> Any:
    try:
      return parse(text)
    except ValueError as error:
      raise argparse.ArgumentTypeError(str(error)) from error

  return read
