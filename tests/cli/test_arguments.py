"""Arguments of `hund` as dataclasses describe them."""

import dataclasses

import pytest

from hund_tf.cli import arguments
from hund_tf.options import REQUIRED, check, option


@dataclasses.dataclass(frozen=True)
class _Descent:
  """The descent.

  More words.
  """

  num_stages: int = option(5, "Stages, 100% of them.", low=1)
  regime: str = option("ss", "Regime.", choices=("ss", "fs"))


@dataclasses.dataclass(frozen=True)
class _Config:
  """All."""

  images: tuple[str, ...] = option(REQUIRED, "Photos.", repeated=True)
  output_dir: str = option(REQUIRED, "Folder.")
  save: tuple[str, ...] = option(("json",), "Files.", choices=("json", "glb"))
  mirror: bool = option(False, "Mirror.")
  descent: _Descent = _Descent()

  def __post_init__(self):
    check(self)
    if self.mirror and self.output_dir == "x":
      raise ValueError("mirror: got true with x, expected false")


def _parser() -> arguments.Parser:
  parser = arguments.Parser(prog="hund test")
  arguments.add_options(
    parser, _Config, {"images": "PHOTO"}, {"output_dir": "o"}
  )
  return parser


def _read(text: str) -> _Config:
  return arguments.config_of(_parser(), text.split(), _Config)


def test_defaults_are_those_of_the_dataclass():
  assert _read("a.jpg -o out") == _Config(("a.jpg",), "out")


def test_all_kinds_of_arguments():
  found = _read(
    "a.jpg --output-dir=out --save=json,glb --mirror --num-stages 3 "
    "--regime=fs b,c.jpg"
  )
  assert found == _Config(
    ("a.jpg", "b,c.jpg"), "out", ("json", "glb"), True, _Descent(3, "fs")
  )


def test_switch_can_be_taken_back():
  for off in ("--no_mirror", "--nomirror"):
    assert not _read(f"a -o out --mirror {off}").mirror


def test_values_keep_their_dashes():
  assert _read("--output-dir=a-b -- --x-y.jpg").images == ("--x-y.jpg",)


@pytest.mark.parametrize(
  ("text", "message"),
  [
    ("-o out", "the following arguments are required: PHOTO"),
    ("a", "the following arguments are required: -o/--output_dir"),
    ("a -o o --num_stages=0", "got 0, expected a whole number of at least 1"),
    ("a -o o --save=json,png", "got 'png', expected one of json, glb"),
    ("a -o o --nose", "unrecognized arguments: --nose"),
    ("a -o x --mirror", "mirror: got true with x, expected false"),
  ],
)
def test_errors_are_one_line(text, message, capsys):
  with pytest.raises(SystemExit) as ended:
    _read(text)
  assert ended.value.code == 2
  line = capsys.readouterr().err
  assert line.startswith("hund test: ") and line.count("\n") == 1
  assert message in line


def test_help_has_groups_defaults_and_choices():
  text = _parser().format_help()
  assert "-o VALUE, --output_dir VALUE" in text and "The descent:" in text
  assert "Stages, 100% of them. (default: 5)" in text
  assert "--regime {ss,fs}" in text and "More words" not in text
