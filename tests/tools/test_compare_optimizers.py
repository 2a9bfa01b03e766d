"""The comparison of optimisers and the learned descent, from flags to files."""

import csv
import functools

import numpy as np
import pytest
from absl import flags

from tools import compare_optimizers

# Required by the program, but not by others whose flags are parsed in this
# process.
flags.FLAGS.set_default("output_dir", "unset")


@pytest.fixture
def run(call_main):
  """Runs the program: flags -> code, stdout, stderr."""
  return functools.partial(call_main, compare_optimizers)


def steepest(function, start, max_iterations, record):
  """Goes down in steps as long as the last one that was of use."""
  point, step = start, 1e-3
  value, gradient = function(point)
  for _ in range(max_iterations):
    new_value, new_gradient = function(point - step * gradient)
    if new_value < value:
      point = point - step * gradient
      value, gradient, step = new_value, new_gradient, 2.0 * step
    else:
      step *= 0.25
    record(point)


_OWN = f"{__name__}:steepest"


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
    optimizers=[_OWN],
  )
  assert code == 0, err
  with (tmp_path / "descents.csv").open(encoding="utf-8") as file:
    rows = list(csv.DictReader(file))
  methods = {
    *("BFGS", "L-BFGS", "Adam", "Gauss-Newton", _OWN),
    *("HUND(5)", "HUND(5)+polish"),
    *("HUND(0)+BFGS", "HUND(0)+Gauss-Newton"),
  }
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
      evaluations = [int(row["evaluations"]) for row in descent]
      assert (np.diff(evaluations) >= 0).all() and evaluations[0] >= 1
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


def test_an_optimizer_that_cannot_be_found(run, tmp_path):
  code, _, err = run(output_dir=str(tmp_path), optimizers=["nowhere:steepest"])
  assert code == 1
  assert "compare_optimizers: optimizers: 'nowhere:steepest': cannot" in err


def test_an_unknown_argument_is_an_error(capsys):
  assert compare_optimizers.main(["compare_optimizers", "x"]) == 1
  assert "'x'" in capsys.readouterr().err
