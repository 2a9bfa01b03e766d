"""Settings that describe themselves, as fields of dataclasses.

A setting is written once, where it is used:

  @dataclass(frozen=True)
  class DescentConfig:
    num_stages: int = option(5, "Number of refinement stages (M).", low=1)
    regime: str = option("FS", "Kind of supervision.", choices=REGIMES)
    optimizer: OptimizerConfig = OptimizerConfig()  # its options are ours too

    def __post_init__(self):
      check(self)

The flags of `tools` and the arguments of the command `hund` are made of it:
`options_of` lists the options of a dataclass and of the dataclasses in it,
`Option.parse` reads the value of one from text, and `build` makes the dataclass
of values by name. A field without `option` is no option and keeps its default.
"""

import dataclasses
import difflib
import enum
import pathlib
import types
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeVar

REQUIRED = dataclasses.MISSING  # the default of an option that has none
T = TypeVar("T")
_KEY, _PREFIX = "hund_tf.option", "hund_tf.prefix"
_NOUNS = {int: "a whole number", float: "a number"}
_BOOLS = {"true": True, "1": True, "yes": True} | {
  "false": False,
  "0": False,
  "no": False,
}


def option(
  default: Any,
  help: str,
  *,
  low: float | None = None,
  high: float | None = None,
  choices: Iterable | None = None,
  name: str | None = None,
  repeated: bool = False,
  parse: Callable[[str], Any] | None = None,
  to_text: Callable[[Any], str] = str,
  expected: str | None = None,
) -> Any:
  """A field of a dataclass that is an option.

  The field's type says what it takes: `int`, `float`, `str`, `bool`, `Path`, an
  enumeration, a `Literal`, `tuple[X, ...]` of these for several values joined
  by commas, or any of them `| None`.

  Args:
    default: its value if nobody gives another; `REQUIRED`: there must be one.
    help: sentences that say what it is, with the unit and the paper's symbol.
    low: least value that is allowed, of each value if there are several.
    high: largest value that is allowed.
    choices: values that are allowed; of a `Literal` or enumeration its own.
    name: what users call it; by default the field's name.
    repeated: of a tuple: each use of the option adds one value, commas do not
      separate.
    parse: makes one value of text where the type does not tell how; it raises
      ValueError.
    to_text: makes text of one value, which `parse` reads.
    expected: what `parse` takes, in words, such as "STEP:STAGES".
  """
  described = Option(
    name=name or "",
    help=help,
    low=low,
    high=high,
    choices=None if choices is None else tuple(choices),
    repeated=repeated,
    reader=parse,
    writer=to_text,
    takes=expected,
  )
  return dataclasses.field(default=default, metadata={_KEY: described})


def group(default: Any, prefix: str = "") -> Any:
  """A field that is a dataclass with options, whose names get a prefix.

  Without a prefix no `group` is needed.
  """
  return dataclasses.field(default=default, metadata={_PREFIX: prefix})


@dataclasses.dataclass(frozen=True)
class Option:
  """One option of a dataclass.

  Attributes:
    name: what users call it, with all prefixes.
    help: sentences.
    path: the fields that lead to it: ("jitter", "shift").
    kind: type of one value: int, float, str, bool, Path, an enumeration.
    default: a value, or `REQUIRED`.
    optional: whether its value may be None.
    several: whether its value is a tuple of values.
    low: least value, or none.
    high: largest value, or none.
    choices: values that are allowed, or none.
    repeated: whether each use adds one value, in place of commas.
    reader, writer, takes: `parse`, `to_text`, `expected` of `option`.
  """

  name: str
  help: str
  path: tuple[str, ...] = ()
  kind: type = str
  default: Any = None
  optional: bool = False
  several: bool = False
  low: float | None = None
  high: float | None = None
  choices: tuple | None = None
  repeated: bool = False
  reader: Callable[[str], Any] | None = None
  writer: Callable[[Any], str] = str
  takes: str | None = None

  @property
  def required(self) -> bool:
    """Whether a value must be given."""
    return self.default is REQUIRED

  @property
  def expected(self) -> str:
    """What one value must be, in words; empty if any text will do."""
    if self.takes:
      return self.takes
    if self.choices is not None:
      return f"one of {', '.join(map(_text, self.choices))}"
    noun = _NOUNS.get(self.kind, "")
    if self.kind is bool:
      return "true or false"
    if self.low is not None and self.high is not None:
      return f"{noun} from {self.low:g} to {self.high:g}"
    if self.low is not None:
      return f"{noun} of at least {self.low:g}"
    if self.high is not None:
      return f"{noun} of at most {self.high:g}"
    return noun

  def parse(self, text: str) -> Any:
    """The value that text stands for; several are separated by commas.

    Raises:
      ValueError: if the text is not what the option takes; the line does not
        name the option, since users know it by different names.
    """
    if not self.several:
      return self.parse_one(text)
    parts = [part.strip() for part in text.split(",")] if text.strip() else []
    return tuple(self.parse_one(part) for part in parts)

  def parse_one(self, text: str) -> Any:
    """One value, also of an option that takes several; see `parse`."""
    try:
      value = self._read(text)
    except ValueError as error:
      raise ValueError(self._line(text)) from error
    return self._checked(value)

  def check(self, value: Any) -> None:
    """Raises ValueError if the option may not have the value; see `parse`."""
    if value is None and (self.optional or self.default is None):
      return
    for one in value if self.several else (value,):
      self._checked(one)

  def to_text(self, value: Any) -> str:
    """The text that `parse` makes this value of."""
    if not self.several:
      return self.text_of_one(value)
    return ",".join(map(self.text_of_one, value))

  def text_of_one(self, value: Any) -> str:
    """The text that `parse_one` makes this value of."""
    if self.kind is bool:
      return "true" if value else "false"
    return self.writer(_text(value))

  def _read(self, text: str) -> Any:
    if self.reader is not None:
      return self.reader(text)
    if self.kind is bool:
      if text.lower() not in _BOOLS:
        raise ValueError(text)
      return _BOOLS[text.lower()]
    return self.kind(text)

  def _checked(self, value: Any) -> Any:
    wrong = self.choices is not None and value not in self.choices
    # Written so that NaN is wrong where there is a bound.
    wrong |= self.low is not None and not value >= self.low
    wrong |= self.high is not None and not value <= self.high
    if wrong:
      raise ValueError(self._line(_text(value)))
    return value

  def _line(self, text: Any) -> str:
    shown = repr(text) if isinstance(text, str) else text
    return f"got {shown}, expected {self.expected or 'something else'}"


def _text(value: Any) -> Any:
  return value.value if isinstance(value, enum.Enum) else value


def options_of(
  config: type,
  *,
  prefix: str = "",
  only: Iterable[str] | None = None,
  exclude: Iterable[str] = (),
  defaults: Mapping[str, Any] | None = None,
) -> tuple[Option, ...]:
  """The options of a dataclass and of those in it, in the order of fields.

  Args:
    config: the dataclass.
    prefix: put before every name.
    only: names, without `prefix`, of the options wanted; by default all.
    exclude: names, without `prefix`, of options that are not wanted.
    defaults: others than the dataclass's, by name without `prefix`.

  Raises:
    ValueError: if there is no option of a name in `only`, `exclude` or
      `defaults`, or two have the same name.
  """
  found = {}
  for one in _walk(config, None, (), ""):
    if one.name in found:
      raise ValueError(f"{config.__name__}: two options named {one.name!r}")
    found[one.name] = one
  defaults = dict(defaults or {})
  _check_names(config, [*(only or ()), *exclude, *defaults], found)
  wanted = set(found if only is None else only) - set(exclude)
  return tuple(
    dataclasses.replace(
      one, name=prefix + name, default=defaults.get(name, one.default)
    )
    for name, one in found.items()
    if name in wanted
  )


def build(
  config: type[T],
  values: Mapping[str, Any],
  *,
  prefix: str = "",
  fields: Mapping[str, Any] | None = None,
) -> T:
  """The dataclass with these values.

  Args:
    config: the dataclass.
    values: by the options' names; options that are left out keep their
      defaults.
    prefix: of the names, as in `options_of`.
    fields: values of fields of `config` that are no options, by field.

  Raises:
    ValueError: if there is no option of that name, if one that is required has
      no value, or if the dataclass does not take the values.
  """
  by_name = {one.name: one for one in options_of(config, prefix=prefix)}
  _check_names(config, values, by_name)
  fields = dict(fields or {})
  for name, one in by_name.items():
    if one.required and name not in values and one.path[0] not in fields:
      raise ValueError(f"{name}: a value is required")
  tree = {}
  for name, value in values.items():
    *nodes, leaf = by_name[name].path
    place = tree
    for node in nodes:
      place = place.setdefault(node, {})
    place[leaf] = value
  return _assemble(config, None, tree | fields)


def check(config: Any) -> None:
  """Checks the bounds and choices of a dataclass's own options.

  For `__post_init__`; the dataclasses in it check their own.

  Raises:
    ValueError: "num_stages: got 0, expected a whole number of at least 1".
  """
  for one in _walk(type(config), config, (), "", nested=False):
    try:
      one.check(getattr(config, one.path[0]))
    except ValueError as error:
      raise ValueError(f"{one.path[0]}: {error}") from None


def _check_names(config: type, names: Iterable[str], known: Mapping) -> None:
  for name in names:
    if name not in known:
      close = difflib.get_close_matches(name, known, 1)
      hint = f"; did you mean {close[0]!r}?" if close else ""
      raise ValueError(
        f"{config.__name__}: got {name!r}, which is no option of it{hint}"
      )


def _walk(
  config: type,
  instance: Any,
  path: tuple[str, ...],
  prefix: str,
  nested: bool = True,
) -> Iterator[Option]:
  hints = typing.get_type_hints(config)
  for field in dataclasses.fields(config):
    hint, here = hints[field.name], (*path, field.name)
    if dataclasses.is_dataclass(hint):
      if nested:
        inner = _default(field, instance)
        inner = None if inner is REQUIRED else inner
        added = field.metadata.get(_PREFIX, "")
        yield from _walk(hint, inner, here, prefix + added)
    elif described := field.metadata.get(_KEY):
      kind, optional, several, choices = _kind(hint)
      yield dataclasses.replace(
        described,
        name=prefix + (described.name or field.name),
        path=here,
        kind=kind,
        default=_default(field, instance),
        optional=optional,
        several=several,
        choices=described.choices or choices,
      )


def _default(field: dataclasses.Field, instance: Any) -> Any:
  if instance is not None:
    return getattr(instance, field.name)
  if field.default_factory is not dataclasses.MISSING:
    return field.default_factory()
  return field.default


def _kind(hint: Any) -> tuple[type, bool, bool, tuple | None]:
  """Type of one value, may it be None, are there several, its choices."""
  optional = several = False
  if typing.get_origin(hint) in (typing.Union, types.UnionType):
    left = [arg for arg in typing.get_args(hint) if arg is not type(None)]
    optional = len(left) < len(typing.get_args(hint))
    hint = left[0] if len(left) == 1 else str
  if typing.get_origin(hint) in (tuple, frozenset):
    several = True
    hint = typing.get_args(hint)[0]
  if typing.get_origin(hint) is typing.Literal:
    choices = typing.get_args(hint)
    return type(choices[0]), optional, several, choices
  if isinstance(hint, type) and issubclass(hint, enum.Enum):
    return hint, optional, several, tuple(hint)
  known = hint in (int, float, str, bool, pathlib.Path)
  return hint if known else str, optional, several, None


def _assemble(config: type, instance: Any, tree: Mapping[str, Any]) -> Any:
  hints = typing.get_type_hints(config)
  values = {}
  for field in dataclasses.fields(config):
    name = field.name
    inner = _default(field, instance)
    if isinstance(tree.get(name), Mapping) and dataclasses.is_dataclass(
      hints[name]
    ):
      inner = None if inner is REQUIRED else inner
      values[name] = _assemble(hints[name], inner, tree[name])
    elif name in tree:
      values[name] = tree[name]
  if instance is not None:
    return dataclasses.replace(instance, **values)
  return config(**values)
