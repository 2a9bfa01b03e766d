"""The phases of a training are runs of tools.train_hund, one after another."""

import subprocess
import sys
from pathlib import Path

import pytest

from hund_tf.training.loop import BEST_WEIGHTS, LAST_WEIGHTS

_ROOT = Path(__file__).parents[2]
_TINY = [
  "--steps=1",
  "--decay_steps=0",
  "--warmup_steps=0",
  "--global_batch_size=2",
  "--validation_examples=2",
  "--validate_steps=1",
  "--checkpoint_steps=1",
  "--log_steps=1",
  "--num_stages=1",
  "--stage_steps=0:1",
  "--nojit_compile",
  "--ema=0",
]
_FIRST_PHASES = [
  f"--phases=flags/released/{name}.flags" for name in ("1_parts", "2_compared")
]


def _train(run_dir: Path, *flags: str) -> subprocess.CompletedProcess:
  command = [sys.executable, "-m", "tools.train_phases", f"--run_dir={run_dir}"]
  return subprocess.run(
    [*command, *flags], cwd=_ROOT, capture_output=True, text=True
  )


@pytest.mark.slow
def test_the_released_recipe_trains_phase_after_phase(tmp_path):
  result = _train(tmp_path, *_FIRST_PHASES, *_TINY)
  assert result.returncode == 0, result.stderr
  assert not (tmp_path / "3_part_term").exists()
  result = _train(tmp_path, "--flagfile=flags/released.flags", *_TINY)
  assert result.returncode == 0, result.stderr
  assert result.stdout.count("done before") == 2
  folders = sorted(path.name for path in tmp_path.iterdir())
  assert folders == ["1_parts", "2_compared", "3_part_term"]
  for folder in folders:
    assert (tmp_path / folder / LAST_WEIGHTS).exists()
  text = (tmp_path / "2_compared" / "run.flags").read_text()
  assert f"--initial_weights={tmp_path / '1_parts' / BEST_WEIGHTS}" in text
  assert "--compared_weight=4.0" in text


@pytest.mark.slow
def test_a_phase_that_fails_ends_the_training(tmp_path):
  result = _train(
    tmp_path, *_FIRST_PHASES, *_TINY, "--initial_weights=none.npz"
  )
  assert result.returncode == 1
  assert "none.npz" in result.stderr
  assert "phase 1 of 2, 1_parts ended with" in result.stderr
  assert not (tmp_path / "2_compared").exists()
