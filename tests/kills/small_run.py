"""Trains a small network by the loop that all training has.

    python -m tests.kills.small_run FOLDER STEPS

Before each step a line tells a digest of all that the run goes on from.
"""

import hashlib
from collections.abc import Callable
from typing import NamedTuple

from flags import program
from hund_tf import files
from hund_tf.compat import tf, tf_keras
from hund_tf.training import run_devices
from hund_tf.training.loop import RunPlace, TrainingLoop
from hund_tf.training.loop_config import LoopConfig
from hund_tf.training.optimizer import update
from hund_tf.training.run_log import StepRow

_INPUTS, _UNITS = 32, 256


class _Report(NamedTuple):
  loss: tf.Tensor  # []
  gradient_norm: tf.Tensor  # []


class _Batches:
  """Inputs drawn by the number of the step."""

  failure = None

  def dataset(self, first_step: int, strategy: tf.distribute.Strategy):
    del strategy
    steps = tf.data.Dataset.counter(start=first_step)
    return steps.map(self._batch).prefetch(1)

  def _batch(self, step: tf.Tensor) -> tf.Tensor:
    return tf.random.stateless_normal([16, _INPUTS], [7, step])


class _Loop(TrainingLoop):
  """Learns the length of its inputs."""

  def _train_step(self, step: int) -> Callable:
    return self._train

  @tf.function
  def _train(self, inputs: tf.Tensor, step: tf.Tensor) -> _Report:
    del step
    with tf.GradientTape() as tape:
      loss = self._loss(inputs)
    variables = self._model.trainable_variables
    gradients = tape.gradient(loss, variables)
    norm = update(self._optimizer, gradients, variables, 1.0)
    return _Report(loss, norm)

  def _loss(self, inputs: tf.Tensor) -> tf.Tensor:
    error = self._model(inputs)[:, 0] - tf.norm(inputs, axis=1)
    return tf.reduce_mean(tf.square(error))

  def _before(self, step: int) -> None:
    kept = [*self._model.variables, *self._optimizer.variables, self._best]
    digest = hashlib.sha256(b"".join(v.numpy().tobytes() for v in kept))
    print(f"state {step} {digest.hexdigest()}", flush=True)

  def _row(self, report: _Report) -> StepRow:
    return StepRow(float(report.loss), float(report.gradient_norm), {}, {})

  def _validate(self, log) -> None:
    loss = float(self._loss(tf.random.stateless_normal([64, _INPUTS], [3, 3])))
    log.validation(int(self._step), {"loss": [loss]})
    self._keep_if_best(loss)

  def _save(self, name: str) -> None:
    arrays = {v.name: v.numpy() for v in self._model.variables}
    files.write_npz(self._folder / name, arrays)


def main(argv: list[str]) -> None:
  folder, steps = argv[1], int(argv[2])
  run_devices.prepare(1, 1, deterministic=True)
  tf_keras.utils.set_random_seed(0)
  layers = [
    tf_keras.layers.Dense(_UNITS, "relu"),
    tf_keras.layers.Dense(1),
  ]
  model = tf_keras.Sequential(layers)
  model.build([None, _INPUTS])
  config = LoopConfig(
    steps=steps,
    batch_size=16,
    learning_rate=1e-3,
    warmup_steps=5,
    ema=0.9,
    log_steps=1,
    validate_steps=2,
    checkpoint_steps=1,
    keep_checkpoints=2,
  )
  _Loop(model, _Batches(), config, RunPlace(folder)).run()


if __name__ == "__main__":
  program.run(main)
