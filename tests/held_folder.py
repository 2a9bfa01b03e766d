"""A folder that another process writes to."""

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.project.source_tree import ROOT

_HOLD = """
import sys
from hund_tf import locks
with locks.only_writer(*sys.argv[1:]):
  print("inside", flush=True)
  sys.stdin.read()
"""


@contextlib.contextmanager
def held(folder: Path, *name: str) -> Iterator[subprocess.Popen]:
  """Another process writes to the folder; killed at the end."""
  child = subprocess.Popen(
    [sys.executable, "-c", _HOLD, str(folder), *name],
    cwd=ROOT,
    stdin=subprocess.PIPE,
    stdout=subprocess.PIPE,
    text=True,
  )
  try:
    assert child.stdout.readline() == "inside\n"
    yield child
  finally:
    child.kill()
    child.communicate()
