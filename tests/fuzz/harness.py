"""Watches the processes that read damaged files, and counts what comes."""

import collections
import dataclasses
import multiprocessing
import tempfile
from collections.abc import Iterator, Sequence
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path

from tests.fuzz import child
from tests.fuzz.kind import Kind

SECONDS = 10.0  # for one file; longer is a hang
_START_SECONDS = 180.0  # for imports
# Children are copies of a process that has imported what all kinds read with.
_PROCESSES = multiprocessing.get_context("forkserver")
_PROCESSES.set_forkserver_preload([child.__name__])
_FAILURES = ("undocumented", "dead process", "hang", "memory", "bad message")


@dataclasses.dataclass
class Tally:
  """What came of the files of one kind."""

  kind: Kind
  outcomes: collections.Counter = dataclasses.field(
    default_factory=collections.Counter
  )
  failures: list[str] = dataclasses.field(default_factory=list)  # a line each
  memory_mb: float = 0.0  # the most of one file
  seconds: float = 0.0  # the longest of one file

  def add(self, number: int, result: dict) -> None:
    """Counts the result of a file, and what was wrong in how it came."""
    outcome, problem = result["outcome"], result["problem"]
    self.memory_mb = max(self.memory_mb, result["memory_mb"])
    self.seconds = max(self.seconds, result["seconds"])
    if outcome not in _FAILURES and problem:
      outcome = "bad message"
    elif result["memory_mb"] > self.kind.memory_mb:
      outcome = "memory"
      problem = f"{result['memory_mb']:.0f} MB, {self.kind.memory_mb:g} at most"
    elif result["seconds"] > SECONDS:
      outcome, problem = "hang", f"{result['seconds']:.1f} s"
    self.outcomes[outcome] += 1
    if outcome in _FAILURES:
      self.failures.append(f"{self.kind.name} {number}: {outcome}: {problem}")


def run(kind: Kind, seed: int, first: int, end: int) -> Tally:
  """Reads files of a kind by their numbers, from `first` to before `end`."""
  tally = Tally(kind)
  while first < end:
    for result in _results(kind, seed, first, end):
      tally.add(first, result)
      first += 1
  return tally


def _results(kind: Kind, seed: int, first: int, end: int) -> Iterator[dict]:
  """The results of a child; the last one is of the file that ended it."""
  reader, writer = _PROCESSES.Pipe(duplex=False)
  with tempfile.NamedTemporaryFile() as file, reader:
    errors = Path(file.name)
    process = _PROCESSES.Process(
      target=child.main, args=(kind.name, seed, first, end, writer, errors)
    )
    process.start()
    writer.close()
    try:
      if not _message(reader, _START_SECONDS):
        problem = _ended(process, errors)["problem"]
        raise RuntimeError(f"{kind.name}: does not start: {problem}")
      for _ in range(first, end):
        if not _message(reader, _START_SECONDS):
          problem = _ended(process, errors)["problem"]
          raise RuntimeError(f"{kind.name}: a file cannot be made: {problem}")
        result = _message(reader, SECONDS + 2)
        if not result:
          yield _ended(process, errors)
          return
        yield result
    finally:
      process.kill()
      process.join()


def _message(reader: Connection, seconds: float) -> dict:
  """The next message; empty if none comes in time, or the child has ended."""
  try:
    return reader.recv() if reader.poll(seconds) else {}
  except EOFError:
    return {}


def _tail(path: Path) -> str:
  """The end of what the child had to say, in a line."""
  return " ".join(path.read_text(errors="replace").split())[-500:]


def _ended(process: BaseProcess, errors: Path) -> dict:
  """The result of a file after which no message came."""
  process.join(timeout=5.0)
  if process.exitcode is None:
    outcome, problem = "hang", f"no answer in {SECONDS:g} s"
  else:
    outcome = "dead process"
    problem = f"exit status {process.exitcode}: {_tail(errors)}"
  return {"outcome": outcome, "problem": problem, "memory_mb": 0, "seconds": 0}


def table(tallies: Sequence[Tally]) -> str:
  """Counts of every outcome by kind, in Markdown."""
  outcomes = {key: None for t in tallies for key in t.outcomes}
  middle = [key for key in outcomes if key not in _FAILURES]
  columns = [*middle, *_FAILURES]
  lines = [
    "| kind | files | " + " | ".join(columns) + " | most MB | longest s |",
    "|---" * (len(columns) + 4) + "|",
  ]
  for tally in tallies:
    cells = [tally.kind.name, f"{sum(tally.outcomes.values()):,}"]
    cells += [f"{tally.outcomes[key]:,}" for key in columns]
    cells += [f"{tally.memory_mb:.0f}", f"{tally.seconds:.1f}"]
    lines.append("| " + " | ".join(cells) + " |")
  return "\n".join(lines)
