"""Reads the files of one kind, one after the other, and tells of each."""

import os
import resource
import tempfile
import time
from multiprocessing.connection import Connection
from pathlib import Path

from tests.fuzz.kind import REFUSED, Kind
from tests.fuzz.kinds import all_kinds

_KINDS = all_kinds()  # imported once, before any child starts
_LIMIT_MB = 4000  # beyond what is there at the start; keeps the machine alive


def _status_mb(name: str) -> float:
  """A size of this process, as Linux has it."""
  for line in Path("/proc/self/status").read_text().splitlines():
    if line.startswith(f"{name}:"):
      return int(line.split()[1]) / 1024
  raise KeyError(name)


def _forget_peak() -> None:
  Path("/proc/self/clear_refs").write_text("5")


def _fault(error: Exception, path: Path) -> str:
  """What is wrong with the text of a documented exception; empty if nothing."""
  text = str(error)
  if "\n" in text or len(text) > 1000:
    return f"not one short line: {text[:300]!r}"
  if path.name not in text:
    return f"does not name the file: {text}"
  if not text.isprintable():
    return f"cannot be printed: {text!r}"
  return ""


def _read(kind: Kind, path: Path) -> dict:
  """Reads a file: what came of it, its seconds and megabytes."""
  _forget_peak()
  before, start = _status_mb("VmRSS"), time.monotonic()
  problem = ""
  try:
    outcome = kind.run(path)
  except kind.documented as error:
    outcome, problem = REFUSED, _fault(error, path)
  except BaseException as error:  # whatever must not reach a user
    outcome, problem = "undocumented", f"{type(error).__name__}: {error}"[:500]
  return {
    "outcome": outcome,
    "problem": problem,
    "seconds": time.monotonic() - start,
    "memory_mb": max(_status_mb("VmHWM") - before, 0.0),
  }


def main(
  name: str, seed: int, first: int, end: int, report: Connection, errors: Path
) -> None:
  """Reads files of a kind in a process of its own.

  Args:
    name: of the kind.
    seed: of its files.
    first: number of the first file.
    end: number after the last one.
    report: gets a message before the first file is made, and before and after
      each is read.
    errors: file for what the process writes to its standard error.
  """
  with errors.open("wb") as stderr, open(os.devnull, "wb") as stdout:
    os.dup2(stderr.fileno(), 2)
    os.dup2(stdout.fileno(), 1)
  kind = _KINDS[name]
  limit = int(_status_mb("VmSize") + kind.memory_mb + _LIMIT_MB) << 20
  with tempfile.TemporaryDirectory() as folder:
    path = Path(folder) / f"case{kind.suffix}"
    path.write_bytes(kind.file(seed, first))  # the first time makes fixtures
    report.send({"ready": True})
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    for number in range(first, end):
      path.write_bytes(kind.file(seed, number))
      report.send({"made": number})
      report.send(_read(kind, path))
