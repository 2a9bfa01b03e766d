"""Settings that describe themselves."""

import dataclasses
import enum
from pathlib import Path
from typing import Literal

import pytest

from hund_tf import options
from hund_tf.options import build, check, group, option, options_of


def _pair(text):
  step, stages = text.split(":")
  return int(step), int(stages)


class Backend(enum.Enum):
  CPU = "cpu"
  GPU = "gpu"


@dataclasses.dataclass(frozen=True)
class Jitter:
  shift: float = option(0.1, "Shift of the crop.", low=0.0, high=0.5)
  zoom: float = option(0.2, "Zoom of the crop.", name="scale", low=0.0)
  hidden: float = 3.0

  def __post_init__(self):
    check(self)


@dataclasses.dataclass(frozen=True)
class Config:
  folder: Path = option(options.REQUIRED, "Folder of the results.")
  regime: Literal["FS", "SS"] = option("FS", "Kind of supervision.")
  loss: str = option("sum", "Meta-loss.", choices=("sum", "min"))
  backend: Backend = option(Backend.CPU, "Where it runs.")
  num_stages: int = option(5, "Number of stages (M).", low=1)
  limit: int | None = option(None, "Most people of a photo.", low=1)
  compiled: bool = option(False, "Compile it.")
  weights: tuple[float, ...] = option((), "Weights of each.", low=0.0)
  images: tuple[str, ...] = option((), "A photo.", repeated=True)
  stage_steps: tuple[tuple[int, int], ...] = option(
    (),
    "Stages by step.",
    parse=_pair,
    to_text=lambda pair: f"{pair[0]}:{pair[1]}",
    expected="STEP:STAGES",
  )
  jitter: Jitter = group(Jitter(shift=0.3), prefix="crop_")
  internal: int = 7

  def __post_init__(self):
    check(self)


def _by_name(**arguments):
  return {one.name: one for one in options_of(Config, **arguments)}


def test_lists_options_in_order_with_those_of_dataclasses_in_it():
  assert list(_by_name()) == [
    "folder", "regime", "loss", "backend", "num_stages", "limit", "compiled",
    "weights", "images", "stage_steps", "crop_shift", "crop_scale",
  ]  # fmt: skip
  shift = _by_name()["crop_shift"]
  assert shift.path == ("jitter", "shift")
  assert shift.default == 0.3  # of the instance, not of the class
  assert shift.help == "Shift of the crop."
  assert _by_name()["folder"].required


def test_prefix_only_exclude_and_defaults():
  some = _by_name(
    prefix="my_",
    only=("num_stages", "crop_shift", "loss"),
    exclude=("loss",),
    defaults={"num_stages": 3},
  )
  assert list(some) == ["my_num_stages", "my_crop_shift"]
  assert some["my_num_stages"].default == 3


@pytest.mark.parametrize(
  ("name", "text", "value"),
  [
    ("folder", "a/b", Path("a/b")),
    ("regime", "SS", "SS"),
    ("backend", "gpu", Backend.GPU),
    ("num_stages", "12", 12),
    ("limit", "2", 2),
    ("compiled", "true", True),
    ("weights", "1,2.5", (1.0, 2.5)),
    ("weights", "", ()),
    ("stage_steps", "0:3,500:5", ((0, 3), (500, 5))),
    ("crop_shift", "0.5", 0.5),
  ],
)
def test_reads_a_value_and_writes_it_again(name, text, value):
  one = _by_name()[name]
  assert one.parse(text) == value
  assert one.parse(one.to_text(value)) == value


@pytest.mark.parametrize(
  ("name", "text", "line"),
  [
    ("num_stages", "0", "got 0, expected a whole number of at least 1"),
    ("num_stages", "x", "got 'x', expected a whole number of at least 1"),
    ("num_stages", "1.5", "got '1.5', expected a whole number of at least 1"),
    ("crop_shift", "0.6", "got 0.6, expected a number from 0 to 0.5"),
    ("crop_shift", "nan", "got nan, expected a number from 0 to 0.5"),
    ("regime", "WS", "got 'WS', expected one of FS, SS"),
    ("loss", "max", "got 'max', expected one of sum, min"),
    ("backend", "tpu", "got 'tpu', expected one of cpu, gpu"),
    ("compiled", "maybe", "got 'maybe', expected true or false"),
    ("weights", "1,-2", "got -2.0, expected a number of at least 0"),
    ("stage_steps", "0:3,5", "got '5', expected STEP:STAGES"),
  ],
)
def test_says_in_one_line_what_is_wrong(name, text, line):
  one = _by_name()[name]
  with pytest.raises(ValueError) as raised:
    one.parse(text)
  assert str(raised.value) == line


def test_builds_the_dataclass():
  built = build(
    Config, {"folder": Path("x"), "num_stages": 2, "crop_scale": 0.7}
  )
  assert built.num_stages == 2
  assert built.jitter == Jitter(shift=0.3, zoom=0.7)
  assert built.internal == 7
  assert build(
    Config, {"my_folder": Path("x")}, prefix="my_", fields={"internal": 9}
  ) == Config(folder=Path("x"), internal=9)


def test_build_names_what_is_wrong():
  with pytest.raises(ValueError, match="^folder: a value is required$"):
    build(Config, {})
  with pytest.raises(ValueError, match="'num_stage'.*mean 'num_stages'"):
    build(Config, {"folder": Path("x"), "num_stage": 2})
  with pytest.raises(ValueError, match="^shift: got 2.0, expected a number"):
    build(Config, {"folder": Path("x"), "crop_shift": 2.0})
  with pytest.raises(ValueError, match="'nothing'"):
    options_of(Config, only=("nothing",))


def test_check_takes_every_allowed_value():
  Config(Path("x"), limit=None, weights=(0.0, 1.0), backend=Backend.GPU)
  with pytest.raises(ValueError, match="^limit: got 0, expected"):
    Config(Path("x"), limit=0)
  with pytest.raises(ValueError, match="^loss: got 'mean', expected one of"):
    Config(Path("x"), loss="mean")


def test_two_options_of_one_name_are_refused():
  @dataclasses.dataclass(frozen=True)
  class Twice:
    shift: float = option(1.0, "One.")
    jitter: Jitter = Jitter()

  with pytest.raises(ValueError, match="two options named 'shift'"):
    options_of(Twice)
