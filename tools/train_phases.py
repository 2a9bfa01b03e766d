"""Trains the learned descent in phases, each from the weights of the last.

  python -m tools.train_phases --flagfile=flags/released.flags \\
    --run_dir=RUN --synthetic_mocap_dir=MOCAP --pose_file=poses.npz

Each phase is a run of tools.train_hund with a flag file of its own, in a folder
of its own under --run_dir, and starts from best.npz of the phase before. All
flags of tools.train_hund are taken too: they go to every run and win over the
flag files. Started again, finished phases are skipped and the one that was cut
off goes on.
"""

import dataclasses
import signal
import subprocess
import sys
from collections.abc import Sequence

from absl import app, flags

from flags import program
from flags.from_config import define
from hund_tf import interrupts, locks
from hund_tf.options import REQUIRED, option
from hund_tf.training import phases
from tools import train_hund  # noqa: F401  (defines its flags)


@dataclasses.dataclass(frozen=True)
class _Phases:
  """The runs."""

  phases: tuple[str, ...] = option(
    REQUIRED,
    "Flag file of a run of tools.train_hund; the runs follow in this order.",
    repeated=True,
  )


_to_config = define(_Phases, "Phases")
# Of this program alone, or other for each phase.
_OWN = {"phases", "flagfile", "run_dir", "initial_weights"}


def _given() -> list[str]:
  """The flags that were given for every phase, as a command line has them."""
  return [
    argument
    for name in flags.FLAGS
    if flags.FLAGS[name].present and name not in _OWN
    for argument in flags.FLAGS[name].serialize().splitlines()
  ]


def _run(command: list[str], title: str) -> int:
  """The exit status of a run; interrupts are handed on to it.

  Raises:
    KeyboardInterrupt: when the run has ended after one.
  """
  # In a session of its own, that a terminal does not interrupt it as well.
  child = subprocess.Popen(command, start_new_session=True)
  first = None
  while True:
    try:
      code = child.wait()
      break
    except KeyboardInterrupt as error:
      first = first or error
      terminated = isinstance(error, interrupts.Terminated)
      child.send_signal(signal.SIGTERM if terminated else signal.SIGINT)
  if first is not None:
    raise type(first)(f"in {title}")
  return code


def _train(runs: Sequence[phases.Phase]) -> int:
  """Trains one phase after the other; returns the exit status."""
  for number, run in enumerate(runs, 1):
    title = f"phase {number} of {len(runs)}, {run.run_dir.name}"
    if run.is_done():
      print(f"{title}: done before", flush=True)
      continue
    print(title, flush=True)
    command = [sys.executable, "-m", "tools.train_hund"]
    command += [f"--flagfile={run.flag_file}", *_given(), *run.flags()]
    code = _run(command, title)
    if code:
      print(f"train_phases: {title} ended with {code}", file=sys.stderr)
      return 1
    if not run.is_done():
      print(
        f"train_phases: {title} ended before its last step; start again to go "
        "on",
        file=sys.stderr,
      )
      return 1
  return 0


def main(argv: list[str]) -> int:
  if len(argv) > 1:
    raise app.UsageError(f"unexpected arguments {argv[1:]}")
  values = flags.FLAGS
  try:
    runs = phases.plan(
      _to_config().phases, values.run_dir, values.initial_weights
    )
    with locks.only_writer(values.run_dir):
      return _train(runs)
  except ValueError as error:
    print(f"train_phases: {error}", file=sys.stderr)
    return 1


if __name__ == "__main__":
  program.run(main)
