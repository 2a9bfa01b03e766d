"""A few hundred damaged files of all kinds; `make fuzz` reads many more."""

import pytest

from tests.fuzz import harness
from tests.fuzz.kinds import all_kinds


@pytest.mark.parametrize("name", all_kinds())
def test_damaged_files_give_documented_errors(name):
  kind = all_kinds()[name]
  tally = harness.run(kind, seed=1, first=0, end=kind.quick)
  assert not tally.failures, "\n".join(tally.failures)
  assert sum(tally.outcomes.values()) == kind.quick


def test_failures_are_seen():
  kind = all_kinds()["pickles of SMPL"]._replace(memory_mb=1.0)
  tally = harness.Tally(kind)
  fine = {"outcome": "accepted", "problem": "", "seconds": 0.1, "memory_mb": 0}
  tally.add(0, fine)
  tally.add(1, fine | {"memory_mb": 2.0})
  tally.add(2, fine | {"seconds": 11.0})
  tally.add(3, fine | {"outcome": "refused", "problem": "two\nlines"})
  tally.add(4, fine | {"outcome": "dead process", "problem": "exit status -11"})
  assert [line.split(": ")[1] for line in tally.failures] == [
    "memory",
    "hang",
    "bad message",
    "dead process",
  ]
  assert "| pickles of SMPL | 5 | 1 | 0 | 1 | 1 | 1 | 1 |" in harness.table(
    [tally]
  )
