"""Ways to start a program that a signal is to hit."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

_PROGRAM = "tests.kills.program"
_SERVER = "tests.kills.server"


class Alone:
  """Each start is a process of its own."""

  def __init__(self, library: Path):
    self._library = library
    self._child: subprocess.Popen | None = None

  def start(
    self, arguments: Sequence[str], environment: dict[str, str], output: Path
  ) -> int:
    """Starts a program; returns the number of its process."""
    with output.open("wb") as file:
      self._child = subprocess.Popen(
        [sys.executable, "-m", _PROGRAM, *arguments],
        env=os.environ | environment | {"LD_PRELOAD": str(self._library)},
        stdout=file,
        stderr=subprocess.STDOUT,
      )
    return self._child.pid

  def wait(self) -> int:
    """The exit status of what was started last; negative for a signal."""
    assert self._child
    return self._child.wait()

  def close(self) -> None:
    """Nothing is left to end."""


class Served:
  """Each start is forked from one process that has imported the program."""

  def __init__(self, library: Path, module: str):
    self._server = subprocess.Popen(
      [sys.executable, "-m", _SERVER, module],
      env=os.environ | {"LD_PRELOAD": str(library)},
      stdin=subprocess.PIPE,
      stdout=subprocess.PIPE,
      text=True,
    )

  def start(
    self, arguments: Sequence[str], environment: dict[str, str], output: Path
  ) -> int:
    """As of `Alone`."""
    request = {"arguments": arguments, "environment": environment}
    line = json.dumps({**request, "output": str(output)})
    assert self._server.stdin
    print(line, file=self._server.stdin, flush=True)
    return self._answer()

  def wait(self) -> int:
    """As of `Alone`."""
    return self._answer()

  def close(self) -> None:
    """Ends the process that forks."""
    assert self._server.stdin and self._server.stdout
    self._server.stdin.close()
    self._server.wait()
    self._server.stdout.close()

  def _answer(self) -> int:
    assert self._server.stdout
    return int(self._server.stdout.readline())
