"""Reads the files of one kind, one after the other, and tells of each.

    python -m tests.fuzz.child KIND SEED FIRST END DESCRIPTOR

A line of JSON goes to the descriptor before the first file is made, and before
and after each is read.
"""

import json
import os
import resource
import sys
import tempfile
import time
from pathlib import Path

from tests.fuzz.kind import REFUSED, Kind
from tests.fuzz.kinds import all_kinds

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


def main(argv: list[str]) -> None:
  kind = all_kinds()[argv[1]]
  seed, first, end, descriptor = map(int, argv[2:])
  limit = int(_status_mb("VmSize") + kind.memory_mb + _LIMIT_MB) << 20
  with (
    tempfile.TemporaryDirectory() as folder,
    os.fdopen(descriptor, "w") as report,
  ):
    path = Path(folder) / f"case{kind.suffix}"
    path.write_bytes(kind.file(seed, first))  # the first time makes fixtures
    print(json.dumps({"ready": True}), file=report, flush=True)
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    for number in range(first, end):
      path.write_bytes(kind.file(seed, number))
      print(json.dumps({"made": number}), file=report, flush=True)
      print(json.dumps(_read(kind, path)), file=report, flush=True)


if __name__ == "__main__":
  main(sys.argv)
