"""Errors, signals and ends of several processes."""

import ast
import contextlib
import errno
import importlib
import inspect
import os
import pickle
import signal
import subprocess
import sys
import time

import pytest

from hund_tf import processes
from hund_tf.files import OutputError, atomic_path
from hund_tf.photos.loading import PhotoError
from tests.project.source_tree import ROOT, python_files


def _exceptions() -> list[str]:
  """Module and name of every exception class of the project."""
  bases: dict[str, set[str]] = {}
  places = {}
  for path in python_files("hund_tf", "flags", "tools"):
    module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
      if isinstance(node, ast.ClassDef):
        names = {ast.unparse(base).split(".")[-1] for base in node.bases}
        bases[node.name], places[node.name] = names, f"{module}:{node.name}"
  known = {n for n in dir(__builtins__) if n.endswith(("Error", "Exception"))}
  known |= {"Exception", "ValueError", "RuntimeError", "KeyboardInterrupt"}
  found = set()
  while True:
    more = {n for n, b in bases.items() if b & (known | found)} - found
    if not more:
      return sorted(places[name] for name in found)
    found |= more


@pytest.mark.parametrize("place", _exceptions())
def test_every_exception_reaches_another_process(place):
  module, name = place.split(":")
  kind = getattr(importlib.import_module(module), name)
  parameters = inspect.signature(kind.__init__).parameters
  named = [p for p in parameters if p not in ("self", "args", "kwargs")]
  error = kind(*([f"a {p}" for p in named] or ["one line"]))
  found = pickle.loads(pickle.dumps(error))
  assert type(found) is kind
  assert str(found) == str(error) != ""
  assert vars(found) == vars(error)


def test_the_exceptions_are_found():
  names = {place.split(":")[1] for place in _exceptions()}
  assert {"OutputError", "PhotoError", "DamagedInput", "RecordError"} <= names
  assert {"DivergenceError", "Terminated", "WorkerError"} <= names


class _Stubborn(Exception):
  """Cannot be made of its text."""

  def __init__(self, one, two):
    super().__init__(f"{one} and {two}")


def _job(number: int) -> int:
  if number == -1:
    with atomic_path("shard"):
      raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
  if number == -2:
    raise PhotoError("a.jpg", "is cut", "give it whole")
  if number == -3:
    raise _Stubborn(1, 2)
  if number == -4:
    os.kill(os.getpid(), signal.SIGKILL)
  return 2 * number


@pytest.mark.parametrize(
  ("job", "kind", "text"),
  [
    (-1, OutputError, "shard: cannot be written.*No space left"),
    (-2, PhotoError, "a.jpg: is cut; give it whole"),
    (-3, RuntimeError, "_Stubborn: 1 and 2"),
    (-4, processes.WorkerError, "was ended from outside"),
  ],
)
def test_errors_keep_their_type_and_text(job, kind, text):
  with pytest.raises(kind, match=text):
    list(processes.run(_job, [job], 1))


def test_results_come_with_their_numbers():
  assert sorted(processes.run(_job, [5, 6, 7], 2)) == [
    (0, 10),
    (1, 12),
    (2, 14),
  ]
  assert not list(processes.run(_job, [], 2))


_PARENT = """
import sys, time
from hund_tf import interrupts, processes
from tests.test_processes import wait
interrupts.catch_sigterm()
if __name__ == "__main__":
  list(processes.run(wait, [sys.argv[1]] * 2, 2))
"""


def wait(folder: str) -> None:
  """Says that it is there, and stays."""
  with open(os.path.join(folder, str(os.getpid())), "w"):
    time.sleep(600)


@pytest.mark.parametrize(
  "number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT]
)
def test_processes_end_with_the_first(tmp_path, number):
  script = tmp_path / "parent.py"
  script.write_text(_PARENT)
  folder = tmp_path / "pids"
  folder.mkdir()
  parent = subprocess.Popen(
    [sys.executable, str(script), str(folder)],
    env=os.environ | {"PYTHONPATH": str(ROOT)},
    stderr=subprocess.DEVNULL,
    # What a shell runs in the background ignores it, and so do its children.
    preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
  )
  while len(list(folder.iterdir())) < 2:
    assert parent.poll() is None
    time.sleep(0.05)
  parent.send_signal(number)
  assert parent.wait(300) != 0
  for path in folder.iterdir():
    with contextlib.suppress(ProcessLookupError):
      while True:
        os.kill(int(path.name), 0)
        time.sleep(0.05)
