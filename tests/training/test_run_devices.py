"""Determinism as the training programs ask for it."""

import subprocess
import sys
from pathlib import Path

_ROOT = Path(__file__).parents[2]

# Gradients of descents through rendering, again and again.
_GRADIENTS = """
import numpy as np
from hund_tf.compat import tf
from hund_tf.training import run_devices
run_devices.prepare(threads=0, cpu_devices=1, deterministic=True)
from hund_tf.body.model import BodyModel
from hund_tf.data import pose_library
from hund_tf.data.synthetic import SyntheticConfig, SyntheticExamples
from hund_tf.losses.supervised import SupervisedConfig
from hund_tf.models import weights
from hund_tf.training.train_step import descent_losses

body = BodyModel()
model = weights.load(body)
config = SyntheticConfig(compile_renderer=False)
examples = SyntheticExamples(body, pose_library.empty(), config)
example = examples.example_batch(7, 0, 8)

@tf.function(autograph=False)
def gradients():
  with tf.GradientTape() as tape:
    losses, _ = descent_losses(model, example, 5, SupervisedConfig())
    loss = tf.reduce_mean(losses)
  return [loss, *tape.gradient(loss, model.trainable_variables)]

first = [g.numpy() for g in gradients()]
for _ in range(15):
  for a, b in zip(first, gradients(), strict=True):
    np.testing.assert_array_equal(a, b)
print("equal")
"""


def test_gradients_through_rendering_are_the_same_bit_for_bit():
  """In its own process, for determinism is a switch of the whole process."""
  result = subprocess.run(
    [sys.executable, "-c", _GRADIENTS],
    cwd=_ROOT,
    capture_output=True,
    text=True,
    check=False,
  )
  assert result.returncode == 0, result.stderr[-3000:]
  assert result.stdout.strip() == "equal"
