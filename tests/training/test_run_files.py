"""The run files that come with the project say what they should."""

import subprocess
import sys
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[2]
# In a process of its own, for flags are defined once in a process.
_READ = """
import sys
from absl import flags
from flags import objective_flags, synthetic_flags, training_flags
flags.FLAGS(["test", f"--flagfile={sys.argv[1]}", "--run_dir=x"])
objective_flags.to_config(), synthetic_flags.to_config()
training_flags.to_model_config(), training_flags.to_losses()
c = training_flags.to_config()
print(c.learning_rate, c.batch_size, c.regime, c.meta_loss, c.stages_at(0, 5))
"""


@pytest.mark.parametrize(
  ("name", "expected"),
  [
    ("hund_paper", "0.0001 32 FS+SS sum 5"),
    ("hund_open", "0.001 64 FS+2D sum 3"),
    ("meta_losses", "0.001 64 FS sum 5"),
  ],
)
def test_run_file(name, expected):
  result = subprocess.run(
    [sys.executable, "-c", _READ, str(_ROOT / "flags" / f"{name}.flags")],
    cwd=_ROOT,
    capture_output=True,
    text=True,
    check=False,
  )
  assert result.returncode == 0, result.stderr[-2000:]
  assert result.stdout.strip() == expected
