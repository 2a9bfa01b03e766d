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
# The third phase is the second one's settings and the part term.
_NAMES = ("1_parts", "3_part_term", "4_terms")
_PHASES = [f"--phases=flags/released/{name}.flags" for name in _NAMES]


def _train(run_dir: Path, *flags: str) -> subprocess.CompletedProcess:
  command = [sys.executable, "-m", "tools.train_phases", f"--run_dir={run_dir}"]
  return subprocess.run(
    [*command, *flags], cwd=_ROOT, capture_output=True, text=True
  )


@pytest.mark.slow
def test_the_released_recipe_trains_phase_after_phase(tmp_path):
  result = _train(tmp_path, *_PHASES, *_TINY)
  assert result.returncode == 0, result.stderr
  assert "done before" not in result.stdout
  assert sorted(path.name for path in tmp_path.iterdir()) == list(_NAMES)
  for folder in _NAMES:
    assert (tmp_path / folder / LAST_WEIGHTS).exists()
  text = (tmp_path / "3_part_term" / "run.flags").read_text()
  assert f"--initial_weights={tmp_path / '1_parts' / BEST_WEIGHTS}" in text
  assert "--compared_weight=4.0" in text
  # All four, of which the first one is done and the second one fails.
  result = _train(
    tmp_path, "--flagfile=flags/released.flags", *_TINY, "--pose_file=none.npz"
  )
  assert result.returncode == 1
  assert "none.npz" in result.stderr
  assert "phase 1 of 4, 1_parts: done before" in result.stdout
  assert "phase 2 of 4, 2_compared ended with" in result.stderr
  assert "phase 3" not in result.stdout + result.stderr
