"""The opcodes of a pickle as a tree of plain values, in which nothing is made.

Each opcode is decoded by `pickletools`, which only tells what it says. Names
and the calls that a pickle asks for become nodes of the tree; no function is
looked up and none is called.
"""

import codecs
import io
import pickletools
from collections.abc import Callable, Container
from typing import Any, NamedTuple

_MAX_OPCODES = 5_000_000
_PROTOCOLS = range(6)
_INTEGERS = range(-(1 << 63), 1 << 64)


class PickleError(ValueError):
  """A pickle that holds something else than arrays, or is damaged."""


class Name(NamedTuple):
  """A class or function, by name only."""

  module: str
  name: str

  def __str__(self) -> str:
    """The name in printable characters, not too many of them."""
    return ascii(f"{self.module}.{self.name}")[1:-1][:100]


class Call:
  """What a name is called with, and the state that the result is given."""

  __slots__ = ("arguments", "name", "state")

  def __init__(self, name: Name, arguments: tuple):
    self.name = name
    self.arguments = arguments
    self.state: Any = None


class Mapping:
  """A dict, as its items in their order: keys may be anything."""

  __slots__ = ("items",)

  def __init__(self):
    self.items: list[tuple[Any, Any]] = []


def parse(data: bytes, known: Container[Name]) -> Any:
  """The tree of a pickle.

  Args:
    data: a pickle of protocol 0 to 5, of Python 2 or 3. Byte strings of Python
      2 become texts in Latin-1.
    known: the names that it may hold.

  Returns:
    None, bool, int of at most 64 bits, float, str, bytes, list, tuple,
    `Mapping`, `Name` or `Call`, and what is in them; lists and mappings may
    hold themselves, and be held by many.

  Raises:
    PickleError: if it is damaged, or has another name anywhere.
  """
  try:
    return _Machine(known).run(data)
  except PickleError:
    raise
  except (ValueError, IndexError, KeyError, TypeError, OverflowError) as error:
    raise PickleError(f"cannot be read ({str(error)[:200]})") from error


def _string_line(stream: io.BytesIO) -> str:
  """The argument of STRING, whose bytes pickletools takes for ASCII."""
  quoted = pickletools.read_stringnl(stream, decode=False)
  return codecs.escape_decode(quoted)[0].decode("latin1")


class _Machine:
  """The stack machine of the opcodes."""

  def __init__(self, known: Container[Name]):
    self.known = known
    self.stack: list[Any] = []
    self.below: list[list[Any]] = []  # the stacks under the marks
    self.memo: dict[int, Any] = {}

  def run(self, data: bytes) -> Any:
    stream = io.BytesIO(data)
    for _ in range(_MAX_OPCODES):
      code = stream.read(1)
      opcode = pickletools.code2op.get(code.decode("latin1"))
      if opcode is None:
        what = f"unknown opcode {code!r}" if code else "it ends too early"
        raise PickleError(f"cannot be read ({what})")
      argument = None
      if opcode.name == "STRING":
        argument = _string_line(stream)
      elif opcode.arg is not None:
        argument = opcode.arg.reader(stream)
      if opcode.name == "STOP":
        return self.stack.pop()
      self.step(opcode.name, argument)
    raise PickleError(f"more than {_MAX_OPCODES:,} steps")

  def step(self, opcode: str, argument: Any) -> None:
    if opcode in _VALUES:
      self.stack.append(_checked(argument))
    elif opcode in _CONSTANTS:
      self.stack.append(_CONSTANTS[opcode]())
    elif opcode in _STEPS:
      _STEPS[opcode](self, argument)
    elif opcode in ("PERSID", "BINPERSID"):
      raise PickleError("it refers to objects outside of the file")
    elif opcode != "FRAME":
      raise PickleError(f"it has the opcode {opcode}, which arrays do not need")

  def mark(self, _) -> None:
    self.below.append(self.stack)
    self.stack = []

  def above_mark(self) -> list[Any]:
    items = self.stack
    self.stack = self.below.pop()
    return items

  def pop(self, _) -> None:
    if self.stack:
      self.stack.pop()
    else:
      self.above_mark()

  def pop_mark(self, _) -> None:
    self.above_mark()

  def duplicate(self, _) -> None:
    self.stack.append(self.stack[-1])

  def protocol(self, version: int) -> None:
    if version not in _PROTOCOLS:
      raise PickleError(f"protocol {version}, expected 0 to 5")

  def put(self, key: int) -> None:
    self.memo[key] = self.stack[-1]

  def memoize(self, _) -> None:
    self.memo[len(self.memo)] = self.stack[-1]

  def get(self, key: int) -> None:
    self.stack.append(self.memo[key])

  def make_tuple(self, _) -> None:
    items = self.above_mark()
    self.stack.append(tuple(items))

  def short_tuple(self, count: int) -> None:
    items = [self.stack.pop() for _ in range(count)]
    self.stack.append(tuple(reversed(items)))

  def make_list(self, _) -> None:
    items = self.above_mark()
    self.stack.append(items)

  def append(self, _) -> None:
    item = self.stack.pop()
    _of_kind(self.stack[-1], list).append(item)

  def appends(self, _) -> None:
    items = self.above_mark()
    _of_kind(self.stack[-1], list).extend(items)

  def make_dict(self, _) -> None:
    items = self.above_mark()
    made = Mapping()
    made.items = _pairs(items)
    self.stack.append(made)

  def set_item(self, _) -> None:
    value, key = self.stack.pop(), self.stack.pop()
    _of_kind(self.stack[-1], Mapping).items.append((key, value))

  def set_items(self, _) -> None:
    items = self.above_mark()
    _of_kind(self.stack[-1], Mapping).items.extend(_pairs(items))

  def global_name(self, argument: str) -> None:
    module, _, name = argument.partition(" ")
    self.add_name(Name(module, name))

  def stack_global(self, _) -> None:
    name, module = self.stack.pop(), self.stack.pop()
    self.add_name(Name(_of_kind(module, str), _of_kind(name, str)))

  def add_name(self, name: Name) -> None:
    if name not in self.known:
      raise PickleError(f"it names {name}")
    self.stack.append(name)

  def call(self, _) -> None:
    arguments, name = self.stack.pop(), self.stack.pop()
    self.stack.append(Call(_of_kind(name, Name), _of_kind(arguments, tuple)))

  def call_instance(self, argument: str) -> None:
    arguments = self.above_mark()
    self.global_name(argument)
    self.stack.append(Call(self.stack.pop(), tuple(arguments)))

  def build(self, _) -> None:
    state = self.stack.pop()
    made = _of_kind(self.stack[-1], Call)
    if made.state is not None:
      raise PickleError(f"two states of an object of {made.name}")
    made.state = state


def _checked(value: Any) -> Any:
  if isinstance(value, int) and value not in _INTEGERS:
    raise PickleError("an integer of more than 64 bits")
  return bytes(value) if isinstance(value, bytearray) else value


def _of_kind(value: Any, kind: type) -> Any:
  if type(value) is not kind:
    raise PickleError(
      f"cannot be read (a {type(value).__name__} in place of a {kind.__name__})"
    )
  return value


def _pairs(items: list[Any]) -> list[tuple[Any, Any]]:
  if len(items) % 2:
    raise PickleError("cannot be read (a dict has a key without a value)")
  return list(zip(items[::2], items[1::2], strict=True))


_VALUES = frozenset(
  "INT BININT BININT1 BININT2 LONG LONG1 LONG4 FLOAT BINFLOAT STRING BINSTRING "
  "SHORT_BINSTRING UNICODE BINUNICODE SHORT_BINUNICODE BINUNICODE8 BINBYTES "
  "SHORT_BINBYTES BINBYTES8 BYTEARRAY8".split()
)
_CONSTANTS: dict[str, Callable[[], Any]] = {
  "NONE": lambda: None,
  "NEWTRUE": lambda: True,
  "NEWFALSE": lambda: False,
  "EMPTY_LIST": list,
  "EMPTY_TUPLE": tuple,
  "EMPTY_DICT": Mapping,
}
_STEPS: dict[str, Callable[[_Machine, Any], None]] = {
  "PROTO": _Machine.protocol,
  "MARK": _Machine.mark,
  "POP": _Machine.pop,
  "POP_MARK": _Machine.pop_mark,
  "DUP": _Machine.duplicate,
  **dict.fromkeys(("PUT", "BINPUT", "LONG_BINPUT"), _Machine.put),
  **dict.fromkeys(("GET", "BINGET", "LONG_BINGET"), _Machine.get),
  "MEMOIZE": _Machine.memoize,
  "TUPLE": _Machine.make_tuple,
  "TUPLE1": lambda machine, _: machine.short_tuple(1),
  "TUPLE2": lambda machine, _: machine.short_tuple(2),
  "TUPLE3": lambda machine, _: machine.short_tuple(3),
  "LIST": _Machine.make_list,
  "APPEND": _Machine.append,
  "APPENDS": _Machine.appends,
  "DICT": _Machine.make_dict,
  "SETITEM": _Machine.set_item,
  "SETITEMS": _Machine.set_items,
  "GLOBAL": _Machine.global_name,
  "STACK_GLOBAL": _Machine.stack_global,
  "REDUCE": _Machine.call,
  "NEWOBJ": _Machine.call,
  "INST": _Machine.call_instance,
  "BUILD": _Machine.build,
}
