"""Trains the learned descent of a hand or a face on synthetic close-ups.

  python -m tools.train_parts --flagfile=flags/hand_open.flags --run_dir=RUN
  python -m tools.train_parts --flagfile=flags/face_open.flags --run_dir=RUN2

A run that was cut off goes on from its checkpoints. The folder gets the flags,
the logs (CSV, TensorBoard), the checkpoints and the weights: best.npz on
held-out close-ups, last.npz at the end.
"""

import dataclasses
import sys

from absl import app

from flags import flagfile, part_training_flags, program, run_flags
from hund_tf.body.model import BodyModel
from hund_tf.compat import tf, tf_keras
from hund_tf.models import weight_files
from hund_tf.models.hund import part_weights
from hund_tf.synthetic.part_examples import PartExamples
from hund_tf.training import run_devices, run_folder
from hund_tf.training.loop import DivergenceError, RunPlace
from hund_tf.training.parts.trainer import PartBatches, PartTrainer
from hund_tf.training.parts.validation import PartValidation
from hund_tf.training.run_config import RunConfig


def train(run: RunConfig) -> None:
  """Trains as the flags describe."""
  strategy = run_devices.make_strategy(run.strategy)
  worker = run_devices.worker_number(strategy)
  with run_folder.only_writer(run.run_dir, worker):
    _train(run, strategy, worker)


def _train(
  run: RunConfig, strategy: tf.distribute.Strategy, worker: int
) -> None:
  """Trains in the folder of the run, which is ours."""
  config = part_training_flags.to_config()
  network = dataclasses.replace(
    part_training_flags.to_model_config(), jit_compile=True
  )
  losses = part_training_flags.to_losses()
  objective = part_training_flags.to_objective()
  distribution = part_training_flags.to_examples()
  tf_keras.utils.set_random_seed(config.seed)
  settings = run_folder.describe(
    training=config,
    model=network,
    objective=objective,
    losses=losses,
    examples=distribution,
  )
  if worker == 0:
    text = flagfile.to_text(program.groups_of(sys.modules[__name__]))
    run_folder.claim(run.run_dir, settings, text, run.allow_mismatch)
  body_model = BodyModel()
  with tf.device("CPU:0"):
    examples = PartExamples(body_model, network.part, distribution)
  with strategy.scope():
    model = part_weights.make(body_model, network, objective)
    if run.initial_weights:
      arrays, _ = weight_files.read(run.initial_weights, "tools.train_parts")
      weight_files.assign(
        model.trainable_variables, arrays, run.initial_weights
      )
  size = sum(int(tf.size(v)) for v in model.trainable_variables)
  print(f"descent of a {network.part}: {size} trainable parameters")
  PartTrainer(
    model,
    PartBatches(examples, config),
    PartValidation(examples, config.validation_examples),
    config,
    losses,
    RunPlace(run.run_dir, strategy, run.profile_steps, worker),
  ).run()


def main(argv: list[str]) -> int:
  if len(argv) > 1:
    raise app.UsageError(f"unexpected arguments {argv[1:]}")
  run = run_flags.to_run_config()
  run_devices.prepare(run.threads, run.cpu_devices, run.deterministic)
  try:
    train(run)
  except (ValueError, DivergenceError, OSError) as error:
    print(f"train_parts: {error}", file=sys.stderr)
    return 1
  return 0


if __name__ == "__main__":
  program.run(main)
