"""The comparison of meta-losses: its runs, its figures, and going on."""

import csv
import functools

import numpy as np
import pytest
from absl import flags

from hund_tf.training.hund.validation import StageErrors
from tools import ablate_meta_losses, train_hund

# Required by the program, but not by others whose flags are parsed in this
# process.
flags.FLAGS.set_default("run_dir", "unset")

_ERRORS = StageErrors(*([np.array([9.0, 8.0, 7.0])] * len(StageErrors._fields)))


@pytest.fixture
def run(call_main):
  """Runs the program: flags -> code, stdout, stderr."""
  return functools.partial(call_main, ablate_meta_losses)


def test_each_meta_loss_gets_its_run_and_nothing_else_differs(
  run, monkeypatch, tmp_path
):
  runs = []
  monkeypatch.setattr(train_hund, "prepare_devices", lambda run: None)
  monkeypatch.setattr(
    train_hund,
    "train",
    lambda run: runs.append(
      (run.run_dir, flags.FLAGS.meta_loss, flags.FLAGS.training_seed)
    ),
  )
  monkeypatch.setattr(
    ablate_meta_losses,
    "_measure",
    lambda folder, config: dict.fromkeys(config.meta_losses, _ERRORS),
  )
  code, out, _ = run(
    run_dir=str(tmp_path), ablated_meta_losses=["sum", "oi"], training_seed=3
  )
  assert code == 0
  assert runs == [(str(tmp_path / name), name, 3) for name in ("sum", "oi")]
  assert "| oi | 7.0 | 7.0 | 9 8 7 | 79.35 | 123.90 |" in out
  assert (tmp_path / "meta_losses.md").read_text().strip() in out
  with (tmp_path / "meta_losses.csv").open() as file:
    rows = list(csv.DictReader(file))
  assert [(row["meta_loss"], row["stage"]) for row in rows] == [
    (name, stage) for name in ("sum", "oi") for stage in "012"
  ]
  assert rows[2]["pa_mpjpe"] == "7.0"


def test_a_run_that_fails_is_named(run, monkeypatch, tmp_path):
  monkeypatch.setattr(train_hund, "prepare_devices", lambda run: None)

  def fail(run):
    raise ValueError("run folder x belongs to another run")

  monkeypatch.setattr(train_hund, "train", fail)
  code, _, err = run(run_dir=str(tmp_path), ablated_meta_losses=["sum"])
  assert code == 1
  assert "ablate_meta_losses: run folder x belongs to another run" in err


def test_unknown_meta_losses_are_refused():
  with pytest.raises(ValueError, match="got 'mean', expected one of sum, last"):
    ablate_meta_losses.AblationConfig(("mean",))


def test_a_tiny_run_of_two_meta_losses(run, tmp_path, monkeypatch, eager):
  """Really trained and measured; the second start trains nothing more."""
  monkeypatch.setattr(train_hund, "prepare_devices", lambda run: None)
  values = {
    "run_dir": str(tmp_path),
    "ablated_meta_losses": ["last", "max"],
    "ablation_examples": 2,
    "steps": 2,
    "global_batch_size": 2,
    "num_stages": 1,
    "validation_examples": 2,
    "parts_share": 0.0,
    "part_weight": 0.0,
    "jit_compile": False,
  }
  code, out, err = run(**values)
  assert code == 0, err
  assert "step 2 " in out
  table = (tmp_path / "meta_losses.md").read_text()
  # One stage: its loss is the last and the greatest.
  last, greatest = (row.split("|") for row in table.splitlines()[2:4])
  assert last[2:5] == greatest[2:5]
  code, out, err = run(**values)
  assert code == 0, err
  assert "step 2 " not in out
  assert (tmp_path / "meta_losses.md").read_text() == table
