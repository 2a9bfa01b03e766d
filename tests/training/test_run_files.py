"""The run files that come with the project say what they should."""

import subprocess
import sys
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[2]
_FILES = sorted(
  [_ROOT / "flags" / f"{name}.flags" for name in ("hund_open", "meta_losses")]
  + [*(_ROOT / "flags" / "paper").glob("*.flags")]
)
# In a process of its own, for flags are defined once in a process.
_READ = """
import sys
from absl import flags
from absl.testing import flagsaver
from flags import objective_flags, records_flags, synthetic_flags
from flags import training_flags
for path in sys.argv[1:]:
  with flagsaver.flagsaver():
    flags.FLAGS(["test", f"--flagfile={path}", "--run_dir=x"])
    objective_flags.to_config(), synthetic_flags.to_config()
    records_flags.to_examples(), records_flags.to_reading()
    training_flags.to_model_config(), training_flags.to_losses()
    c = training_flags.to_config()
    stages = c.stages_at(0, training_flags.to_model_config().num_stages)
    print(c.learning_rate, c.batch_size, c.regime, c.meta_loss, stages, c.steps)
"""
_SS, _FS, _BOTH = 54_000, 312_000, 2 * 150_000  # examples of an epoch


def _paper(regime, examples, meta_loss="sum"):
  """The paper's run over 50 epochs."""
  return f"0.0001 32 {regime} {meta_loss} 5 {examples * 50 // 32}"


@pytest.fixture(scope="module")
def settings():
  """Settings by the name of their file."""
  result = subprocess.run(
    [sys.executable, "-c", _READ, *map(str, _FILES)],
    cwd=_ROOT,
    capture_output=True,
    text=True,
    check=False,
  )
  assert result.returncode == 0, result.stderr[-2000:]
  lines = result.stdout.strip().splitlines()
  return dict(zip((path.stem for path in _FILES), lines, strict=True))


_EXPECTED = {
  "hund_open": "0.001 64 FS+2D sum 3 11800",
  "meta_losses": "0.001 64 FS sum 5 500",
  "ss": _paper("SS", _SS),
  "ws": _paper("WS", _SS),
  "fs": _paper("FS", _FS),
  "fs_ss": _paper("FS+SS", _BOTH),
  "table1_hund_ss": _paper("SS", _SS),
  "table1_hund_fs_ss": _paper("FS+SS", _BOTH),
  "table2_hund_fs_ss": _paper("FS+SS", _BOTH),
  "table3_hund_ss": _paper("SS", _SS),
  "table3_hund_fs_ss": _paper("FS+SS", _BOTH),
} | {
  f"table4_{name}": _paper("FS", _FS, name)
  for name in ("last", "sum", "min", "oi", "max")
}


@pytest.mark.parametrize("name", _EXPECTED)
def test_run_file(settings, name):
  assert settings[name] == _EXPECTED[name]


def test_every_run_file_is_tested(settings):
  assert set(settings) - set(_EXPECTED) == {"base"}
