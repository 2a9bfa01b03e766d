"""A short run on two virtual CPU devices and on one: equal weights.

On two the steps are compiled by XLA, as training is by default; on one they are
run as Python.

Run by `test_trainer.py`: devices are chosen before TensorFlow starts.
"""

import csv
import dataclasses
import pathlib
import sys

import numpy as np

from hund_tf.body.model import BodyModel
from hund_tf.compat import tf, tf_keras
from hund_tf.losses.alignment import AlignmentObjective, ObjectiveConfig
from hund_tf.losses.supervised import SupervisedConfig
from hund_tf.models.hund.config import HundConfig
from hund_tf.models.hund.model import HundModel
from hund_tf.motion import pose_library
from hund_tf.synthetic.example_config import SyntheticConfig
from hund_tf.training.hund.config import TrainingConfig
from hund_tf.training.hund.synthetic_batches import SyntheticBatches
from hund_tf.training.hund.trainer import HundTrainer
from tests.eager import run_eagerly

_SIZE = HundConfig(num_stages=1, units=16, context_size=8, filters=(4,) * 6)
_CONFIG = TrainingConfig(
  steps=2,
  batch_size=2,
  learning_rate=1e-3,
  ema=0.9,
  parts_share=0.0,
  regime="joint",
  log_steps=1,
)


def _train(
  strategy: tf.distribute.Strategy,
  batches: SyntheticBatches,
  folder: pathlib.Path,
  jit_compile: bool,
) -> list[np.ndarray]:
  """Weights after the run, and its losses."""
  tf_keras.utils.set_random_seed(0)
  with strategy.scope():
    # XLA cannot read a body of another device.
    objective = AlignmentObjective(
      BodyModel(), ObjectiveConfig(part_weight=0.0)
    )
    size = dataclasses.replace(_SIZE, jit_compile=jit_compile)
    model = HundModel(objective, size)
  trainer = HundTrainer(
    model, batches, None, _CONFIG, SupervisedConfig(), folder, strategy
  )
  trainer.run()
  return model.get_weights()


def main() -> None:
  devices = [tf.config.LogicalDeviceConfiguration()] * 2
  cpu = tf.config.list_physical_devices("CPU")[0]
  tf.config.set_logical_device_configuration(cpu, devices)
  batches = SyntheticBatches(
    BodyModel(), pose_library.empty(), SyntheticConfig(), _CONFIG
  )
  folder = pathlib.Path(sys.argv[1])
  with run_eagerly():
    one = _train(tf.distribute.get_strategy(), batches, folder / "one", False)
  mirrored = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
  two = _train(mirrored, batches, folder / "two", True)
  for first, second in zip(one, two, strict=True):
    # Adam divides by the gradient's size: where that is nearly zero, rounding
    # decides; a step is 1e-3.
    assert np.mean(np.abs(first - second) > 1e-5) < 0.01
  rows = []
  for name in ("one", "two"):
    with (folder / name / "steps.csv").open(encoding="utf-8") as file:
      rows.append(list(csv.DictReader(file)))
  # Adam does not see by what a gradient is multiplied: its norm does.
  for column, rtol in (("loss", 1e-4), ("gradient_norm", 1e-3)):
    found = [[float(row[column]) for row in run] for run in rows]
    assert len(found[0]) == _CONFIG.steps
    np.testing.assert_allclose(*found, rtol=rtol, err_msg=column)
  assert (folder / "two" / "checkpoints" / "ckpt-2.index").exists()
  print("equal")


if __name__ == "__main__":
  main()
