"""Runs a program that a signal is to hit where it writes.

    LD_PRELOAD=strike.so KILLS_FOLDER=FOLDER KILLS_AIM=AIM \\
      python -m tests.kills.program MODULE ARGUMENTS

`KILLS_AIM` is "PLACE TURN CALL SIGNAL", such as "save 3 5 9": at the fifth
call that changes a file, of the third save. With call 0 no signal comes, and
all turns are in the log.
"""

import contextlib
import ctypes
import functools
import os
import runpy
import sys
from collections.abc import Callable
from typing import Any

from hund_tf import files
from hund_tf.training.checkpoints import Checkpointer
from hund_tf.training.run_log import RunLog
from tests.kills.aim import Aim

PLACES: dict[str, tuple[Any, str]] = {
  "save": (Checkpointer, "save"),
  "clean-up": (Checkpointer, "remove_unfinished"),
  "log": (RunLog, "step"),
  "weights": (files, "write_npz"),
}


def _log(line: str) -> None:
  with open(os.environ["KILLS_LOG"], "a", encoding="utf-8") as file:
    file.write(f"{line}\n")


def _aimed(function: Callable, aim: Aim) -> Callable:
  """The function, of which one call is hit."""
  strike, turns = ctypes.CDLL(None), 0

  @functools.wraps(function)
  def run(*args, **kwargs):
    nonlocal turns
    turns += 1
    if aim.call and turns != aim.turn:
      return function(*args, **kwargs)
    _log(f"{aim.place} {turns}")
    strike.strike_arm(ctypes.c_long(aim.call), aim.number)
    try:
      return function(*args, **kwargs)
    finally:
      strike.strike_disarm()

  return run


def main(argv: list[str]) -> None:
  if text := os.environ.get("KILLS_AIM"):
    aim = Aim.parse(text)
    owner, name = PLACES[aim.place]
    setattr(owner, name, _aimed(getattr(owner, name), aim))
  sys.argv = argv[1:]
  with contextlib.suppress(BrokenPipeError):
    runpy.run_module(argv[1], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
  main(sys.argv)
