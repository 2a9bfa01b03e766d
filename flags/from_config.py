"""absl flags made of dataclasses whose fields are options.

  to_losses = define(SupervisedConfig, "Supervised losses")
  ...
  losses = to_losses()  # the dataclass as the flags describe it

A name has one meaning in all programs, so that any of them can be imported
together: two dataclasses may share a flag only if its option is the same.
"""

import dataclasses
import re
import typing
from collections.abc import Iterable, Mapping
from typing import Any, Generic, TypeVar

from absl import flags

from hund_tf import options
from hund_tf.options import Option

T = TypeVar("T")
_DEFINED: dict[str, Option] = {}


class ConfigFlags(Generic[T]):
  """The flags of a dataclass; to call it gives the dataclass.

  Attributes:
    title: what the flags are about.
    options: one a flag, of the flag's name.
  """

  def __init__(
    self,
    config: type[T],
    title: str,
    found: tuple[Option, ...],
    prefix: str = "",
  ):
    self._config, self._prefix = config, prefix
    self.title, self.options = title, found

  def __call__(self, **fields: Any) -> T:
    """The dataclass as the flags describe it.

    Args:
      **fields: values of fields of the dataclass, by their names, in place of
        the flags'.

    Raises:
      ValueError: if a flag is missing, or the dataclass does not take what the
        flags say.
    """
    values = {}
    for one in self.options:
      value = flags.FLAGS[one.name].value
      if value is None and one.required or one.path[0] in fields:
        continue
      several = one.several and value is not None
      values[one.name] = tuple(value) if several else value
    try:
      return options.build(
        self._config, values, prefix=self._prefix, fields=fields
      )
    except ValueError as error:
      raise ValueError(self._named(str(error))) from error

  def sections(self) -> dict[str, list[Option]]:
    """The options by what they are about: those of a dataclass in it apart.

    The first line of its docstring says what a dataclass in it is about.
    """
    found: dict[str, list[Option]] = {}
    for one in self.options:
      place, title = self._config, self.title
      for field in one.path[:-1]:
        place = typing.get_type_hints(place)[field]
        title = (place.__doc__ or self.title).split("\n")[0].split(";")[0]
      found.setdefault(title.rstrip(".:"), []).append(one)
    return found

  def _named(self, line: str) -> str:
    """The line of an error with the flag in place of the field's name."""
    field = re.match(r"\w*", line).group()
    for one in self.options:
      if field in (one.path[-1], one.name):
        return f"--{one.name}{line[len(field) :]}"
    return line

  def missing(self) -> list[str]:
    """Names of the required flags that have no value."""
    return [
      one.name
      for one in self.options
      if one.required and flags.FLAGS[one.name].value is None
    ]


def define(
  config: type[T],
  title: str,
  *,
  prefix: str = "",
  only: Iterable[str] | None = None,
  exclude: Iterable[str] = (),
  defaults: Mapping[str, Any] | None = None,
) -> ConfigFlags[T]:
  """Defines the flags of a dataclass with options.

  Args:
    config: the dataclass; dataclasses in it are included.
    title: what the flags are about, as `--help` says it.
    prefix: put before every name.
    only: names, without `prefix`, of the options that become flags.
    exclude: names, without `prefix`, of those that do not.
    defaults: others than the dataclass's, by name without `prefix`.

  Raises:
    ValueError: if there is another flag of one of the names, or the dataclass
      has no option of a name in `only`, `exclude` or `defaults`.
  """
  found = options.options_of(
    config, prefix=prefix, only=only, exclude=exclude, defaults=defaults
  )
  for one in found:
    # The same setting of two dataclasses is one flag.
    same = dataclasses.replace(one, path=())
    if one.name not in _DEFINED:
      _define(one)
      _DEFINED[one.name] = same
    elif _DEFINED[one.name] != same:
      raise ValueError(
        f"--{one.name}: defined twice, with another meaning in "
        f"{config.__name__}"
      )
  return ConfigFlags(config, title, found, prefix)


def defined() -> tuple[str, ...]:
  """Names of all flags that have been defined so."""
  return tuple(_DEFINED)


class _Parser(flags.ArgumentParser):
  """Reads the value of an option, or one of its values."""

  def __init__(self, one: Option):
    self._one = one
    self.syntactic_help = one.expected

  def parse(self, argument: Any) -> Any:
    one = self._one
    if isinstance(argument, str):
      return one.parse_one(argument) if one.repeated else one.parse(argument)
    one.check((argument,) if one.repeated else argument)
    return argument

  def flag_type(self) -> str:
    return self._one.kind.__name__


class _Serializer(flags.ArgumentSerializer):
  """Writes what `_Parser` reads."""

  def __init__(self, one: Option):
    self._one = one

  def serialize(self, value: Any) -> str:
    one = self._one
    return one.text_of_one(value) if one.repeated else one.to_text(value)


def _define(one: Option) -> None:
  default = None if one.required else one.default
  if one.kind is bool and not one.several:
    flags.DEFINE_boolean(one.name, default, one.help)
    return
  parser, serializer = _Parser(one), _Serializer(one)
  if one.repeated:
    values = None if default is None else list(default)
    flags.DEFINE_multi(parser, serializer, one.name, values, one.help)
  else:
    flags.DEFINE(parser, one.name, default, one.help, serializer=serializer)
