"""Flags made of dataclasses, and what programs say of them."""

import dataclasses
import importlib
import types
from pathlib import Path

import pytest
from absl import flags
from absl.testing import flagsaver

from flags import flagfile, program
from flags.from_config import define
from hund_tf.options import REQUIRED, check, group, option

_TOOLS = Path(__file__).parents[2] / "tools"
_PROGRAMS = sorted(
  path.stem for path in _TOOLS.glob("*.py") if path.stem != "__init__"
)


@dataclasses.dataclass(frozen=True)
class _Part:
  """The part."""

  size: float = option(1.5, "Size of the part, metres.", low=0.0)

  def __post_init__(self):
    check(self)


@dataclasses.dataclass(frozen=True)
class _Config:
  """A configuration."""

  folder: str = option(REQUIRED, "Folder of it.", name="tested_folder")
  kinds: tuple[str, ...] = option(
    ("a",), "Kinds of it.", name="tested_kinds", choices=("a", "b")
  )
  photos: tuple[str, ...] = option(
    (), "Photo of it.", name="tested_photos", repeated=True
  )
  fast: bool = option(False, "Whether it is fast.", name="tested_fast")
  first: _Part = group(_Part(), prefix="tested_first_")
  second: _Part = group(_Part(size=2.5), prefix="tested_second_")

  def __post_init__(self):
    check(self)
    if self.fast and self.kinds == ("b",):
      raise ValueError("kinds: got b, expected a where it is fast")


_to_config = define(_Config, "Tested things")


def _parse(*arguments: str):
  with flagsaver.flagsaver():
    for name in (one.name for one in _to_config.options):
      flags.FLAGS[name].unparse()
    flags.FLAGS(["test", *arguments])
    return _to_config(), flagfile.to_text([_to_config])


def test_flags_give_the_dataclass_and_their_text_gives_it_again():
  config, text = _parse(
    "--tested_folder=x",
    "--tested_kinds=a,b",
    "--tested_photos=p,q.jpg",
    "--tested_photos=r.jpg",
    "--tested_fast",
    "--tested_second_size=3",
  )
  assert config == _Config(
    folder="x",
    kinds=("a", "b"),
    photos=("p,q.jpg", "r.jpg"),
    fast=True,
    second=_Part(3.0),
  )
  assert text.startswith("--tested_folder=x\n--tested_kinds=a,b\n")
  again, _ = _parse(*text.splitlines())
  assert again == config


@pytest.mark.parametrize(
  ("argument", "line"),
  [
    ("--tested_first_size=-1", "got -1.0, expected a number of at least 0"),
    ("--tested_first_size=x", "got 'x', expected a number of at least 0"),
    ("--tested_kinds=a,c", "got 'c', expected one of a, b"),
  ],
)
def test_a_value_that_is_not_allowed_is_refused_as_it_is_read(argument, line):
  with pytest.raises(flags.IllegalFlagValueError) as raised:
    _parse("--tested_folder=x", argument)
  name = argument.split("=")[0]
  assert str(raised.value).startswith(f"flag {name}=")
  assert str(raised.value).endswith(line)


def test_errors_of_the_dataclass_name_the_flag():
  with pytest.raises(ValueError, match="^--tested_kinds: got b, expected a"):
    _parse("--tested_folder=x", "--tested_fast", "--tested_kinds=b")
  with pytest.raises(ValueError, match="^--tested_folder: a value is required"):
    _parse("--tested_fast")


def test_the_options_of_a_dataclass_in_it_are_a_section():
  sections = _to_config.sections()
  assert list(sections) == ["Tested things", "The part"]
  assert [one.name for one in sections["The part"]] == [
    "tested_first_size",
    "tested_second_size",
  ]


def test_a_name_has_one_meaning():
  @dataclasses.dataclass(frozen=True)
  class Other:
    fast: bool = option(True, "Whether it is fast.", name="tested_fast")

  again = define(_Config, "The same", only=("tested_fast",))
  assert [one.name for one in again.options] == ["tested_fast"]
  with pytest.raises(ValueError, match="^--tested_fast: defined twice"):
    define(Other, "Others")


@pytest.mark.parametrize("name", _PROGRAMS)
def test_help_lists_the_flags_of_the_program(name):
  module = importlib.import_module(f"tools.{name}")
  text = program.help_text(module)
  groups = program.groups_of(module)
  assert groups
  assert text.startswith(module.__doc__.strip())
  assert "--alsologtostderr" not in text
  for one in {o.name: o for g in groups for o in g.options}.values():
    head = f"--[no]{one.name}" if one.kind is bool else f"--{one.name}="
    assert text.count(f"\n  {head}") == 1
    assert one.help.endswith("."), one.help
  assert max(map(len, text.splitlines())) <= 88


@pytest.mark.parametrize("asked", ["-h", "--help"])
def test_help_is_printed_and_ends_the_program(asked, capsys):
  module = importlib.import_module("tools.preview_records")
  with pytest.raises(SystemExit) as raised:
    program.parse(module, ["preview_records", asked, "--unknown=1"])
  assert raised.value.code == 0
  assert capsys.readouterr().out == program.help_text(module)


@pytest.mark.parametrize(
  ("arguments", "line"),
  [
    (["--sheet=x.png"], "--drawn_records: a value is required"),
    (["--sheet_example=1"], "Unknown command line flag 'sheet_example'"),
    (["--sheet_examples=0"], "flag --sheet_examples=0: got 0, expected"),
  ],
)
def test_a_wrong_flag_is_one_line(arguments, line, capsys):
  module = importlib.import_module("tools.preview_records")
  with flagsaver.flagsaver(), pytest.raises(SystemExit) as raised:
    for name in ("sheet", "sheet_examples", "drawn_records"):
      flags.FLAGS[name].unparse()
    program.parse(module, ["tools/preview_records.py", *arguments])
  assert raised.value.code == 1
  message = capsys.readouterr().err
  assert message.startswith(f"preview_records: {line}")
  assert message.endswith("; --help lists the flags\n")
  assert message.count("\n") == 1


def test_flag_files_are_read_in_place(tmp_path):
  inner, outer = tmp_path / "inner.flags", tmp_path / "outer.flags"
  inner.write_bytes(b"\xef\xbb\xbf--tested_fast\r\n\n# why\n// how\n")
  outer.write_text(f"--tested_kinds=b\n--flagfile={inner}\n--notested_fast\n")
  arguments = [
    "--tested_folder=x",
    "--flagfile",
    str(outer),
    "--",
    "--flagfile",
  ]
  assert flagfile.expanded(arguments) == [
    "--tested_folder=x",
    "--tested_kinds=b",
    "--tested_fast",
    "--notested_fast",
    "--",
    "--flagfile",
  ]


@pytest.mark.parametrize(
  "data, problem",
  [
    (None, "cannot be read (No such file"),
    (b"--flagfile=%s", "names itself"),
    (b"--tested_fast\nfast\n", "line 2 is no flag of this program, 'fast'"),
    (b"--no_such_flag=1", "line 1 is no flag of this program"),
    (b"--tested_\x1b[2J", "line 1 is no flag"),
    (b"\xff\xfe-\0-\0", "is not UTF-8"),
    (b"--tested_folder=\0", "it is no text"),
    (b"\x80\x04\x95", "is not UTF-8"),
    (b"#" * (1 << 21), "more than 1,048,576 bytes"),
  ],
)
def test_unusable_flag_files_are_named(tmp_path, data, problem, capsys):
  path = tmp_path / "some.flags"
  if data is not None:
    path.write_bytes(data.replace(b"%s", bytes(path)))
  with pytest.raises(SystemExit) as ended:
    program.parse(types.ModuleType("x"), ["test", f"--flagfile={path}"])
  assert ended.value.code == 1
  (line,) = capsys.readouterr().err.splitlines()
  assert line.startswith(f"test: --flagfile={path}: ") and problem in line


def test_a_folder_is_no_flag_file(tmp_path):
  with pytest.raises(ValueError, match="Is a directory"):
    flagfile.expanded([f"--flagfile={tmp_path}"])
  with pytest.raises(ValueError, match="a value is required"):
    flagfile.expanded(["--flagfile"])
