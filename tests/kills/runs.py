"""Starts training programs, hits them with signals, and compares their runs."""

import csv
import os
import random
import re
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tests.kills.aim import Aim
from tests.kills.starters import Alone, Served

_SOURCE = Path(__file__).with_name("strike.c")
_SECONDS = 900.0  # for one start
_TIMES = ("seconds", "examples_per_second")  # which differ between equal runs
# Of a log that a signal cut in the middle of a line.
_REPAIRED = re.compile(r"steps\.csv: 1 damaged lines are removed")
_UNIQUE = re.compile(r"[0-9a-f]{8}(?=\.tmp)|\.tempstate\d+|\d+")


class Program(NamedTuple):
  """A training program that writes a checkpoint after each step."""

  name: str
  arguments: tuple[str, ...]  # of Python; {folder} is the run's folder
  tells_states: bool  # as `small_run` does


class Start(NamedTuple):
  """What came of one start of a program."""

  status: int
  states: dict[int, str]  # digest by the step that was to come
  said: str  # standard output and error
  calls: list[str]  # of the turn that was aimed at, as `strike.c` writes them

  @property
  def struck(self) -> str:
    """The call at which the signal came; empty for none."""
    hit = [line for line in self.calls if line.endswith(" struck")]
    return general(hit[0].removesuffix(" struck")) if hit else ""


def compiler() -> str | None:
  """The C compiler that makes the library, if there is one."""
  return shutil.which(os.environ.get("CC", "cc"))


def build(folder: Path) -> Path:
  """Compiles the library that is preloaded."""
  library, cc = folder / "strike.so", compiler()
  assert cc, "a C compiler is needed (CC)"
  flags = ["-shared", "-fPIC", "-O1", "-o", str(library), str(_SOURCE), "-ldl"]
  subprocess.run([cc, *flags], check=True)
  return library


def general(call: str) -> str:
  """A line of the log as it is in every save: no numbers."""
  return _UNIQUE.sub("*", call.split(" ", 1)[1]).strip()


def phases(calls: Sequence[str]) -> list[int]:
  """Numbers of the calls of a turn, from 1: first one of every kind.

  Of those that are alike the middle one is of the first.
  """
  kinds: dict[str, list[int]] = {}
  for number, call in enumerate(calls, start=1):
    kinds.setdefault(general(call), []).append(number)
  first = [numbers[len(numbers) // 2] for numbers in kinds.values()]
  return first + [n for n in range(1, len(calls) + 1) if n not in first]


class Runs:
  """Starts of one program, whose whole run says how the others must end."""

  def __init__(self, program: Program, place: Path, starter: Alone | Served):
    self._program, self._place, self._starter = program, place, starter
    place.mkdir(parents=True)
    self._cut = place / "cut"
    self._next = (0,)  # steps that the cut run may go on from
    self._torn = False  # whether the signal before hit a log
    self.faults: list[str] = []
    self.whole = self._start(place / "whole", Aim("save", 0, 0, 0))
    if self.whole.status:
      raise RuntimeError(f"{program.name}: {self.whole.said[-2000:]}")

  def calls(self) -> list[str]:
    """Calls of the last save of the whole run."""
    last = max(i for i, c in enumerate(self.whole.calls) if c[0].isalpha())
    return self.whole.calls[last + 1 :]

  def hit(self, aim: Aim, seconds: float | None = None) -> Start:
    """Starts the cut run again, which a signal ends.

    Args:
      aim: where; of an aim in time the number of the signal is taken.
      seconds: after the second step, to aim in time.
    """
    start = self._start(self._cut, aim, seconds)
    killed = aim.number == signal.SIGKILL
    self._check(start, -signal.SIGKILL if killed else 0)
    if not killed and not re.search(r"terminated: after step \d+", start.said):
      self._fault(start, "does not say that it was terminated")
    if seconds is None and not start.struck:
      self._fault(start, f"was not hit: {aim.text()}")
    if start.states:
      reached = max(start.states)
      # The step under way is lost if the process was killed, and none else.
      self._next = (reached, reached + 1) if killed else (reached + 1,)
    self._torn = aim.place == "log"
    return start

  def finish(self) -> Start:
    """Lets the cut run go on to its end, and compares it with the whole."""
    start = self._start(self._cut, None)
    self._check(start, 0)
    self.faults += differences(self._place / "whole", self._cut)
    return start

  def _check(self, start: Start, status: int) -> None:
    if start.status != status:
      self._fault(start, f"status {start.status}, expected {status}")
    said = _REPAIRED.sub("", start.said) if self._torn else start.said
    if "damaged" in said or "Traceback" in said:
      self._fault(start, "tells of damage")
    for step, digest in start.states.items():
      if self.whole.states[step] != digest:
        self._fault(start, f"another state before step {step}")
    if start.states and min(start.states) not in self._next:
      first = min(start.states)
      self._fault(start, f"goes on from step {first}, not {self._next}")

  def _fault(self, start: Start, text: str) -> None:
    end = start.said[-500:].replace("\n", "; ")
    self.faults.append(f"{self._program.name}: {text} ({end})")

  def _start(
    self, folder: Path, aim: Aim | None, seconds: float | None = None
  ) -> Start:
    log, said = self._place / "calls.log", self._place / "said.log"
    log.unlink(missing_ok=True)
    names = [a.format(folder=folder) for a in self._program.arguments]
    more = {"PYTHONUNBUFFERED": "1", "TF_CPP_MIN_LOG_LEVEL": "3"}
    if aim and seconds is None:
      more |= {"KILLS_LOG": str(log), "KILLS_FOLDER": str(folder)}
      more |= {"KILLS_AIM": aim.text()}
    said.unlink(missing_ok=True)
    child = self._starter.start(names, more, said)
    patience = threading.Timer(_SECONDS, os.kill, (child, signal.SIGKILL))
    patience.start()
    if aim and seconds is not None:
      _wait_for(said, r"(?m)^step \d+(.*\n)+?step")
      time.sleep(seconds)
      os.kill(child, aim.number)
    status = self._starter.wait()
    patience.cancel()
    text = said.read_text(errors="replace")
    states = re.findall(r"^state (\d+) (\w+)$", text, re.MULTILINE)
    calls = log.read_text().splitlines() if log.exists() else []
    return Start(status, {int(s): d for s, d in states}, text, calls)


def _wait_for(said: Path, pattern: str) -> None:
  end = time.monotonic() + _SECONDS
  while time.monotonic() < end:
    if said.exists() and re.search(pattern, said.read_text(errors="replace")):
      return
    time.sleep(0.002)


def differences(whole: Path, cut: Path) -> list[str]:
  """In what two folders of runs differ, but for times."""
  one, other = _content(whole), _content(cut)
  names = sorted(set(one) | set(other))
  return [
    f"{cut}: another {name}"
    for name in names
    if one.get(name) != other.get(name)
  ]


def _content(folder: Path) -> dict[str, bytes]:
  """All values of a run's files by name; of events and others the names."""
  found: dict[str, bytes] = {}
  for path in sorted(folder.rglob("*")):
    name = str(path.relative_to(folder))
    if path.suffix == ".npz":
      with np.load(path) as arrays:
        found |= {f"{name}: {key}": arrays[key].tobytes() for key in arrays}
    elif path.suffix == ".csv":
      found |= dict(_columns(path, name))
    elif path.suffix == ".index":
      found |= dict(_tensors(path, name))
    elif "tensorboard" not in name:
      found[name] = b""
  return found


def _columns(path: Path, name: str) -> Iterator[tuple[str, bytes]]:
  with path.open(newline="") as file:
    rows = list(csv.DictReader(file))
  for key in rows[0]:
    if key not in _TIMES:
      yield f"{name}: {key}", " ".join(row[key] for row in rows).encode()


def _tensors(path: Path, name: str) -> Iterator[tuple[str, bytes]]:
  # Here, for TensorFlow takes longer to import than all else does to start.
  from hund_tf.compat import tf

  reader = tf.train.load_checkpoint(str(path.with_suffix("")))
  for key in reader.get_variable_to_shape_map():
    if not key.startswith(_TIMES):
      yield f"{name}: {key}", np.asarray(reader.get_tensor(key)).tobytes()


def spread(numbers: Sequence[int], count: int, seed: int) -> list[int]:
  """So many numbers: all in their order, and again if there are too few."""
  rng = random.Random(seed)
  whole, rest = divmod(count, len(numbers))
  chosen = [*numbers] * whole + list(numbers[:rest])
  rng.shuffle(chosen)
  return chosen
