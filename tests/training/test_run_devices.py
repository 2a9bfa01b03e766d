"""Determinism as the training programs ask for it."""

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

_ROOT = Path(__file__).parents[2]

# Digests of gradients of descents through rendering, again and again.
_GRADIENTS = """
import hashlib
from hund_tf.compat import tf
from hund_tf.training import run_devices
run_devices.prepare(threads=0, cpu_devices=1, deterministic=True)
from hund_tf.body.model import BodyModel
from hund_tf.motion import pose_library
from hund_tf.synthetic.example_config import SyntheticConfig
from hund_tf.synthetic.examples import SyntheticExamples
from hund_tf.losses.supervised import SupervisedConfig
from hund_tf.models.hund import weights
from hund_tf.training.hund.stage_losses import descent_losses

body = BodyModel()
model = weights.load(body)
config = SyntheticConfig()
examples = SyntheticExamples(body, pose_library.empty(), config)
example = examples.example_batch(7, 0, 8)

@tf.function(autograph=False)
def gradients():
  with tf.GradientTape() as tape:
    losses, _ = descent_losses(model, example, 2, SupervisedConfig())
    loss = tf.reduce_mean(losses)
  return [loss, *tape.gradient(loss, model.trainable_variables)]

for _ in range(4):
  found = b"".join(g.numpy().tobytes() for g in gradients())
  print(hashlib.sha256(found).hexdigest())
"""


def test_gradients_through_rendering_are_the_same_bit_for_bit():
  """Again and again, and in another process; in turn, for each takes 2 GB."""
  digests = []
  for _ in range(2):
    result = subprocess.run(
      [sys.executable, "-c", _GRADIENTS],
      cwd=_ROOT,
      capture_output=True,
      text=True,
      check=False,
    )
    assert result.returncode == 0, result.stderr[-3000:]
    digests += result.stdout.split()
  assert len(digests) == 8
  assert len(set(digests)) == 1
