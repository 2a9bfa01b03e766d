"""The comparison of optimisers and the learned descent, from flags to files."""

import csv
import functools

import numpy as np
import pytest
from absl import flags

from hund_tf.evaluation.descent_comparison import DescentRow
from tools import compare_optimizers

# Required by the program, but not by others whose flags are parsed in this
# process.
flags.FLAGS.set_default("output_dir", "unset")


@pytest.fixture
def run(call_main):
  """Runs the program: flags -> code, stdout, stderr."""
  return functools.partial(call_main, compare_optimizers)


def _row(problem, method, iteration, seconds, objective):
  return DescentRow(
    problem, method, iteration, seconds, objective, 9.0, 8.0, 7.0
  )


def test_how_many_times_as_long_the_optimisers_take():
  """Of two problems BFGS reaches the objective in one, after 3 s."""
  rows = [
    _row(0, "HUND(5)", 5, 0.5, 4.0),
    _row(1, "HUND(5)", 5, 0.5, 4.0),
    _row(0, "BFGS", 1, 3.0, 3.5),
    _row(0, "BFGS", 2, 6.0, 3.0),
    _row(1, "BFGS", 1, 5.0, 4.5),
    _row(0, "L-BFGS", 1, 9.0, 6.0),
    _row(1, "L-BFGS", 1, 9.0, 6.0),
  ]
  learned = compare_optimizers._Seconds(in_turn=0.1, together=0.02)
  own, bfgs, lbfgs = compare_optimizers._speed(rows, learned).splitlines()
  assert "0.100 s for all 2 problems" in own
  assert own.endswith("; 500.0 ms (median) in turns with the other methods.")
  assert "50.0 ms each" in own and "0.020 s in one batch" in own
  assert "1 of 2, after 3.00 s (median of these), 60 times as long" in bfgs
  assert "8.0 s for all of them" in bfgs
  assert "80 times as long, and 400 times as long as the batch" in bfgs
  assert "L-BFGS reaches its objective in 0 of 2. One after" in lbfgs
  assert "18.0 s for all of them" in lbfgs


@pytest.mark.slow
def test_it_compares_all_methods(run, tmp_path):
  code, out, err = run(
    output_dir=str(tmp_path),
    num_problems=2,
    hybrids=[0],
    part_weight=0.0,
    full_parts=0.0,
    no_parts=1.0,
    max_iterations=6,
  )
  assert code == 0, err
  with (tmp_path / "descents.csv").open(encoding="utf-8") as file:
    rows = list(csv.DictReader(file))
  methods = {"BFGS", "L-BFGS", "HUND(5)", "HUND(0)+BFGS"}
  assert {row["method"] for row in rows} == methods
  for method in methods:
    for problem in "01":
      descent = [
        row
        for row in rows
        if (row["method"], row["problem"]) == (method, problem)
      ]
      seconds = [float(row["seconds"]) for row in descent]
      assert (np.diff(seconds) > 0.0).all()
      assert [int(row["iteration"]) for row in descent] == list(
        range(len(descent))
      )
      assert float(descent[-1]["objective"]) < float(descent[0]["objective"])
  assert (tmp_path / "descents.png").stat().st_size > 10_000
  summary = (tmp_path / "summary.md").read_text(encoding="utf-8")
  assert summary.strip() in out
  assert "| HUND(1) | 2 | 1 |" in summary
  assert "for all 2 problems one after the other" in summary
  assert "HUND(5) ends below BFGS in 2 problems by " in summary


def test_an_unknown_argument_is_an_error(capsys):
  assert compare_optimizers.main(["compare_optimizers", "x"]) == 1
  assert "'x'" in capsys.readouterr().err
