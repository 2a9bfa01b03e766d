"""Kills training at its saves, asks it to end, and compares how it goes on.

    python -m tests.kills [--kills 21] [--terms 5] [--seed 0] [--saves_only]

A small network is trained by the loop of all programs, and a small descent by
`tools.train_hund`, on the CPU with a checkpoint after each step: once as a
whole, and once with signals at chosen writes, renames and removals, each start
going on from what the one before left. Every state, the weights, the last
checkpoints and the logs must be those of the whole run, bit for bit. The exit
status is 1 if one is not. It needs Linux and a C compiler.
"""

import argparse
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tests.kills.aim import Aim
from tests.kills.runs import Program, Runs, Start, build, phases, spread
from tests.kills.starters import Alone, Served

_TURN = 3  # of the place in its process, so that old checkpoints are removed
_KILL, _TERM = signal.SIGKILL, signal.SIGTERM
_DESCENT = (
  *("tools.train_hund", "--run_dir={folder}", "--steps=12", "--num_stages=1"),
  *("--global_batch_size=1", "--base_learning_rate=1e-3", "--nojit_compile"),
  *("--regime=joint", "--part_weight=0", "--parts_share=0", "--ema=0.9"),
  *("--log_steps=1", "--checkpoint_steps=1", "--keep_checkpoints=2"),
  *("--validate_steps=6", "--validation_examples=1", "--cpu_threads=1"),
  *("--deterministic", "--allow_mismatch"),
)


class _Row(NamedTuple):
  """Signals of one kind at one place of one program."""

  program: str
  signal: str
  place: str

  def line(self, count: int) -> str:
    return f"| {self.program} | {self.signal} | {self.place} | {count} |"


def small(steps: int) -> Program:
  """The program of `small_run`."""
  arguments = ("tests.kills.small_run", "{folder}", str(steps))
  return Program("small network", arguments, True)


def make_starter(program: Program, library: Path) -> Alone | Served:
  """The small program starts fast; the real one as users start it."""
  if program.tells_states:
    return Served(library, program.arguments[0])
  return Alone(library)


def aims(
  calls: list[str], kills: int, terms: int, seed: int
) -> Iterator[tuple[Aim, float | None]]:
  """Where the signals hit, and for those in time after how many seconds."""
  for call in spread(phases(calls), kills, seed):
    yield Aim("save", _TURN, call, _KILL), None
  places = list(range(2, len(calls), max(1, len(calls) // max(terms, 1))))
  for call in places[:terms]:
    yield Aim("save", _TURN, call, _TERM), None


def _others() -> Iterator[tuple[Aim, float | None]]:
  for place, calls in (("log", (1, 2)), ("weights", (1, 2, 4))):
    for call in calls:
      yield Aim(place, 1, call, _KILL), None
  yield Aim("save", _TURN, 3, _KILL), None  # leaves something to clean up
  yield Aim("clean-up", 1, 1, _KILL), None
  yield Aim("save", _TURN, 20, _KILL), None
  yield Aim("clean-up", 1, 2, _KILL), None
  for seconds in (0.0, 0.02, 0.05):
    yield Aim("time", 0, 0, _KILL), seconds
  for seconds in (0.01, 0.04):
    yield Aim("time", 0, 0, _TERM), seconds


def hit_all(
  runs: Runs, name: str, chosen: list[tuple[Aim, float | None]]
) -> dict[_Row, int]:
  """Sends all signals, tells of each, and counts them."""
  counts: dict[_Row, int] = {}
  for aim, seconds in chosen:
    start = runs.hit(aim, seconds)
    _tell(aim, start)
    row = _Row(name, signal.Signals(aim.number).name, aim.place)
    counts[row] = counts.get(row, 0) + 1
  runs.finish()
  return counts


def _tell(aim: Aim, start: Start) -> None:
  steps = ""
  if start.states:
    steps = f" at step {max(start.states)}, gone on from {min(start.states)}"
  name = signal.Signals(aim.number).name
  print(f"{name}, {aim.place}: {start.struck or 'in time'}{steps}", flush=True)


def _programs(
  options: argparse.Namespace,
) -> dict[str, tuple[Program, list[tuple[Aim, float | None]], int, int]]:
  """Programs with the aims beside saves, and the kills and terms in saves."""
  others = [] if options.saves_only else list(_others())
  # A start takes a step to its third save, or some if it is hit in time.
  steps = 3 * (options.kills + options.terms + len(others)) + 40
  descent = Program("tools.train_hund", _DESCENT, False)
  return {
    "small": (small(steps), others, options.kills, options.terms),
    "descent": (descent, [], 2, 1),
  }


def main() -> int:
  parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
  parser.add_argument("--kills", type=int, default=21, metavar="NUMBER")
  parser.add_argument("--terms", type=int, default=5, metavar="NUMBER")
  parser.add_argument("--seed", type=int, default=0, metavar="NUMBER")
  parser.add_argument("--saves_only", action="store_true")
  parser.add_argument("--program", choices=("small", "descent"))
  options = parser.parse_args()
  counts: dict[_Row, int] = {}
  faults: list[str] = []
  with tempfile.TemporaryDirectory() as folder:
    library = build(Path(folder))
    for key, (program, others, kills, terms) in _programs(options).items():
      if options.program in (None, key):
        starter = make_starter(program, library)
        runs = Runs(program, Path(folder, key), starter)
        chosen = list(aims(runs.calls(), kills, terms, options.seed))
        counts |= hit_all(runs, program.name, [*chosen, *others])
        print("\n".join(runs.faults) or f"{program.name}: bit-equal")
        faults += runs.faults
        starter.close()
  print("\n| program | signal | place | number |\n|---|---|---|---|")
  print("\n".join(row.line(count) for row, count in counts.items()))
  return int(bool(faults))


if __name__ == "__main__":
  sys.exit(main())
