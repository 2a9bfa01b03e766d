"""Each regime trains on records, and a mix of datasets goes on bit for bit."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytestmark = pytest.mark.slow

_ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def result(tmp_path_factory):
  folder = tmp_path_factory.mktemp("regimes")
  command = [
    sys.executable,
    "-m",
    "tests.training.hund.train_regimes",
    str(folder),
  ]
  done = subprocess.run(
    command, cwd=_ROOT, capture_output=True, text=True, check=False
  )
  assert done.returncode == 0, done.stderr[-3000:]
  return json.loads((folder / "result.json").read_text())


def _falls(losses):
  """The last losses are below the first ones."""
  losses = np.array(losses)
  assert np.isfinite(losses).all()
  third = len(losses) // 3
  return losses[-third:].mean() < 0.97 * losses[:third].mean()


@pytest.mark.parametrize("regime", ["ss", "ws"])
def test_a_regime_trains(result, regime):
  """SS on photos alone, WS on keypoints."""
  steps, losses = zip(*result[regime], strict=True)
  assert steps == tuple(range(1, 51))
  assert _falls(losses)


def test_both_kinds_of_batches_train_in_turn(result):
  """FS on bodies in 3D, SS on photos alone."""
  losses = [loss for _, loss in result["fs_ss"]]
  assert len(losses) == 50
  assert _falls(losses[::2]) and _falls(losses[1::2])
  # Not the same losses: L_f of even and L_u of odd batches.
  even, odd = np.mean(losses[::2]), np.mean(losses[1::2])
  assert abs(even - odd) > 0.1 * max(even, odd)


def test_a_mix_of_datasets_goes_on_bit_for_bit(result):
  assert result["equal"]
  assert result["cut"] == result["fs_ss"]
  # It did not start again, or step 20 would have been saved.
  assert result["saved"] == ["ckpt-40.index", "ckpt-50.index"]
