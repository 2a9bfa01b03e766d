"""The multitask network's run files, and bad flags of its program."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[3]
# In a process of its own, for flags are defined once in a process.
_READ = """
import json, sys
from absl import flags
from absl.testing import flagsaver
from flags import multitask_flags, network_flags, run_flags
read = {}
for name, argument in json.loads(sys.argv[1]).items():
  with flagsaver.flagsaver():
    try:
      flags.FLAGS(["test", argument, "--run_dir=x", "--train_records=y"])
      c, n = multitask_flags.to_config(), network_flags.to_config()
      multitask_flags.to_augmentation(), multitask_flags.to_losses()
    except (flags.Error, ValueError) as error:
      read[name] = f"error: {error}"
    else:
      values = c.batch_size, c.learning_rate, n.input_size, n.backbone
      read[name] = " ".join(map(str, [*values, n.precision]))
print(json.dumps(read))
"""
_CASES = {
  name: f"--flagfile={_ROOT}/flags/{name}.flags"
  for name in ("multitask_blazepose", "multitask_small", "multitask_paper")
} | {"bad": "--backbone_weights=imagenet.h5"}


@pytest.fixture(scope="module")
def read() -> dict[str, str]:
  """Settings or the error of each case."""
  result = subprocess.run(
    [sys.executable, "-c", _READ, json.dumps(_CASES)],
    cwd=_ROOT,
    capture_output=True,
    text=True,
    check=False,
  )
  assert result.returncode == 0, result.stderr[-2000:]
  return json.loads(result.stdout)


@pytest.mark.parametrize(
  ("name", "expected"),
  [
    ("multitask_blazepose", "16 0.002 256 blazepose float32"),
    ("multitask_small", "16 0.0015 240 plain mixed_bfloat16"),
    ("multitask_paper", "32 0.0003 480 resnet50v2 mixed_bfloat16"),
  ],
)
def test_run_file(name, expected, read):
  assert read[name] == expected


def test_backbone_weights_need_the_backbone(read):
  assert read["bad"].startswith("error: ")
  assert "expected --network_variant=paper" in read["bad"]
