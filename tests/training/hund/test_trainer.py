"""The loop: it learns, goes on from checkpoints, and stops on a loss of NaN.

That it goes on bit for bit is in `test_regimes`.
"""

import csv
import dataclasses
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from hund_tf.compat import tf
from hund_tf.models.hund import weights
from hund_tf.motion import pose_library
from hund_tf.synthetic.example_config import SyntheticConfig
from hund_tf.training.hund.synthetic_batches import SyntheticBatches
from hund_tf.training.hund.trainer import (
  BEST_WEIGHTS,
  LAST_WEIGHTS,
  DivergenceError,
)
from hund_tf.training.input_pipeline import ALL_ROWS
from tests.training.conftest import CONFIG

_ROOT = Path(__file__).parents[3]


class _PoisonedBatches(SyntheticBatches):
  """Batches of which that of one step holds a NaN."""

  bad_step = 2

  def batch(self, step, rows=ALL_ROWS):
    example = super().batch(step, rows)
    bad = tf.where(tf.equal(step, self.bad_step), np.nan, 1.0)
    joints = example.joints * tf.cast(bad, tf.float32)
    return example._replace(joints=joints)


@pytest.fixture(scope="module")
def stopped_and_resumed(new_trainer, body_model, tmp_path_factory):
  """A run that a bad batch stopped, and that went on with a good one."""
  folder = tmp_path_factory.mktemp("run")
  batches = _PoisonedBatches(
    body_model, pose_library.empty(), SyntheticConfig(), CONFIG
  )
  trainer, model = new_trainer(folder, batches)
  before = [v.numpy() for v in model.trainable_variables]
  with pytest.raises(DivergenceError, match="step 2: loss nan"):
    trainer.run()
  after_nan = [v.numpy() for v in model.trainable_variables]
  batches.bad_step = -1
  trainer.run()
  return folder, model, before, after_nan


def test_a_nan_stops_the_run(stopped_and_resumed):
  folder, _, _, after_nan = stopped_and_resumed
  assert not all(np.isfinite(v).all() for v in after_nan)
  with np.load(folder / "bad_batch_2.npz") as bad:
    assert np.isnan(bad["joints"]).all()
    assert bad["features.heatmaps"].shape == (2, 60, 60, 137)


def test_the_run_goes_on_from_the_last_good_checkpoint(stopped_and_resumed):
  folder, model, before, _ = stopped_and_resumed
  values = [v.numpy() for v in model.trainable_variables]
  assert all(np.isfinite(v).all() for v in values)
  moved = [(v != b).any() for v, b in zip(values, before, strict=True)]
  assert np.mean(moved) > 0.8
  steps = [row["step"] for row in _rows(folder / "steps.csv")]
  assert steps == ["1", "2", "3", "4"]


def test_a_run_leaves_logs(stopped_and_resumed):
  folder = stopped_and_resumed[0]
  assert len(_rows(folder / "steps.csv")[0]["stage_losses"].split()) == 2
  rows = _rows(folder / "validation.csv")
  assert [row["step"] for row in rows] == ["2", "4"]
  assert all(len(row["pa_mpjpe"].split()) == 2 for row in rows)
  assert list((folder / "tensorboard").glob("events.*"))


def test_the_averaged_weights_are_kept(stopped_and_resumed, objective):
  folder, model, before, _ = stopped_and_resumed
  kept = weights.load(objective.body_model, folder / LAST_WEIGHTS)
  name = "initial_state/bias:0"
  rows = {v.name: i for i, v in enumerate(model.trainable_variables)}
  row = next(i for n, i in rows.items() if n.endswith(name))
  now = model.trainable_variables[row].numpy()
  average = kept.trainable_variables[row].numpy()
  assert 0.0 < np.abs(average - before[row]).max()
  assert np.abs(average - before[row]).max() < np.abs(now - before[row]).max()
  weights.load(objective.body_model, folder / BEST_WEIGHTS)


def _rows(path):
  with path.open() as file:
    return list(csv.DictReader(file))


@pytest.mark.slow
def test_two_devices_train_as_one(tmp_path):
  result = subprocess.run(
    [sys.executable, "-m", "tests.training.two_devices", str(tmp_path)],
    cwd=_ROOT,
    capture_output=True,
    text=True,
    check=False,
  )
  assert result.returncode == 0, result.stderr[-3000:]
  assert result.stdout.strip().endswith("equal")


@pytest.mark.usefixtures("eager")
def test_the_branch_for_terms_is_trained_alone(
  new_trainer, body_model, tmp_path
):
  config = dataclasses.replace(CONFIG, random_terms=1.0, trained="terms")
  batches = SyntheticBatches(
    body_model, pose_library.empty(), SyntheticConfig(), config
  )
  trainer, model = new_trainer(
    tmp_path, batches, random_terms=1.0, trained="terms", steps=2
  )
  before = {v.name: v.numpy() for v in model.variables}
  trainer.run()
  moved = {
    v.name for v in model.variables if np.any(v.numpy() != before[v.name])
  }
  assert moved and all("term_branch" in name for name in moved)
  kept = weights.load(body_model, tmp_path / LAST_WEIGHTS)
  assert any(v.numpy().any() for v in kept.cell.term_branch.variables[-2:])
