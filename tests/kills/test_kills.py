"""A few of the signals that `make kills` sends to training."""

import signal
import sys

import numpy as np
import pytest

from tests.kills.__main__ import make_starter, small
from tests.kills.aim import Aim
from tests.kills.runs import Runs, build, compiler, differences, phases


@pytest.mark.slow
@pytest.mark.skipif(
  sys.platform != "linux" or not compiler(), reason="Linux and a C compiler"
)
def test_training_goes_on_bit_for_bit_after_signals_in_a_save(tmp_path):
  starter = make_starter(small(12), build(tmp_path))
  runs = Runs(small(12), tmp_path / "runs", starter)
  calls = runs.calls()
  places = {calls[call - 1].split(" ", 1)[1]: call for call in phases(calls)}
  renamed = [
    n for c, n in places.items() if "rename /checkpoints/writing.i" in c
  ]
  written = [n for c, n in places.items() if c.startswith("write ")]
  for call, number in (
    (written[0], signal.SIGKILL),
    (renamed[-1], signal.SIGKILL),
    (written[-1], signal.SIGTERM),
  ):
    assert runs.hit(Aim("save", 3, call, number)).struck
  runs.finish()
  starter.close()
  assert not runs.faults, "\n".join(runs.faults)


def test_every_kind_of_call_is_hit_once_before_one_again():
  calls = ["1 open /a", "2 write /a", "3 write /a", "4 write /a", "5 close /a"]
  assert phases(calls) == [1, 3, 5, 2, 4]


def test_differences_of_runs_are_seen(tmp_path):
  for name, value, step in (("a", 1.0, 3), ("b", 1.0, 3), ("c", 1.5, 4)):
    folder = tmp_path / name
    folder.mkdir()
    np.savez(folder / "last.npz", w=np.array([value]))
    (folder / "steps.csv").write_text(f"step,seconds\n{step},{ord(name)}\n")
  (tmp_path / "c" / "leftover").touch()
  assert not differences(tmp_path / "a", tmp_path / "b")
  found = differences(tmp_path / "a", tmp_path / "c")
  names = [line.split(": another ")[1] for line in found]
  assert names == ["last.npz: w", "leftover", "steps.csv: step"]
