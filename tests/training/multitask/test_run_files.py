"""The multitask network's run files, and bad flags of its program."""

import subprocess
import sys
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[3]
# In a process of its own, for flags are defined once in a process.
_READ = """
import sys
from absl import flags
from flags import multitask_flags, network_flags, run_flags
flags.FLAGS(["test", *sys.argv[1:], "--run_dir=x", "--train_records=y"])
c, n = multitask_flags.to_config(), network_flags.to_config()
multitask_flags.to_augmentation(), multitask_flags.to_losses()
print(c.batch_size, c.learning_rate, n.input_size, n.backbone, n.precision)
"""


def _read(*arguments: str) -> subprocess.CompletedProcess:
  return subprocess.run(
    [sys.executable, "-c", _READ, *arguments],
    cwd=_ROOT,
    capture_output=True,
    text=True,
    check=False,
  )


@pytest.mark.parametrize(
  ("name", "expected"),
  [
    ("multitask_blazepose", "16 0.002 256 blazepose float32"),
    ("multitask_small", "16 0.0015 240 plain mixed_bfloat16"),
    ("multitask_paper", "32 0.0003 480 resnet50v2 mixed_bfloat16"),
  ],
)
def test_run_file(name, expected):
  result = _read(f"--flagfile={_ROOT}/flags/{name}.flags")
  assert result.returncode == 0, result.stderr[-2000:]
  assert result.stdout.strip() == expected


def test_backbone_weights_need_the_backbone():
  result = _read("--backbone_weights=imagenet.h5")
  assert result.returncode
  assert "expected --network_variant=paper" in result.stderr
