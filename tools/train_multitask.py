"""Trains the multitask network on person records.

  python -m tools.train_multitask --flagfile=flags/multitask_small.flags \\
    --run_dir=RUN --train_records=RECORDS --validation_records=HELD_OUT

A run that was cut off goes on from its checkpoints. The folder gets the flags,
the logs (CSV, TensorBoard with pictures of K and B), the checkpoints and the
weights: best.npz on held-out records, last.npz at the end.
"""

import functools
import sys
from pathlib import Path

from absl import app

from flags import (
  damage_flags,
  flagfile,
  held_out_flags,
  multitask_flags,
  network_flags,
  program,
  run_flags,
)
from hund_tf.compat import tf, tf_keras
from hund_tf.records import contents
from hund_tf.records.shards import read_manifest
from hund_tf.records.stream import RecordStream
from hund_tf.training import run_devices, run_folder
from hund_tf.training.loop import DivergenceError, RunPlace
from hund_tf.training.multitask.batches import (
  MultitaskBatches,
  held_out_batches,
)
from hund_tf.training.multitask.trainer import MultitaskTrainer
from hund_tf.training.run_config import RunConfig
from hund_tf.visualization import map_sheet

_HELD_OUT_BATCH = 32


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
  config = multitask_flags.to_config()
  network = network_flags.to_config()
  augmentation = multitask_flags.to_augmentation()
  losses = multitask_flags.to_losses()
  records = multitask_flags.to_records()
  tf_keras.utils.set_random_seed(config.seed)
  manifests = [read_manifest(Path(path)) for path in records.train_records]
  settings = run_folder.describe(
    training=config, model=network, augmentation=augmentation, losses=losses
  )
  settings["records"] = {m.name: m.count for m in manifests}
  if worker == 0:
    text = flagfile.to_text(program.groups_of(sys.modules[__name__]))
    run_folder.claim(run.run_dir, settings, text, run.allow_mismatch)
  held_out = []
  judged_by = held_out_flags.to_manifest()
  damage_flags.verify([*manifests, judged_by])
  if judged_by:
    held_out = held_out_batches(
      judged_by,
      config.validation_examples,
      network.input_size,
      _HELD_OUT_BATCH,
      augmentation.box_scale,
      config.learn_detected,
    )
  stream = RecordStream(
    manifests,
    records.train_record_weights or None,
    config.seed,
    config.batch_size,
    max_bad_fraction=damage_flags.to_config().max_bad_fraction,
    check=functools.partial(contents.check, image=True),
  )
  with strategy.scope():
    # A run that goes on overwrites the first weights with its checkpoint.
    model = network_flags.to_model(run.initial_weights)
  print(
    f"records: {sum(m.count for m in manifests)} to train, "
    f"{sum(len(b.image) for b in held_out)} held out; "
    f"{model.num_trainable()} trainable parameters"
  )
  trainer = MultitaskTrainer(
    model,
    MultitaskBatches(stream, network.input_size, augmentation, config),
    held_out,
    config,
    losses,
    RunPlace(run.run_dir, strategy, run.profile_steps, worker),
    map_sheet.draw,
  )
  trainer.run()


def main(argv: list[str]) -> int:
  if len(argv) > 1:
    raise app.UsageError(f"unexpected arguments {argv[1:]}")
  run = run_flags.to_run_config()
  run_devices.prepare(run.threads, run.cpu_devices, run.deterministic)
  try:
    train(run)
  except (ValueError, DivergenceError, OSError) as error:
    print(f"train_multitask: {error}", file=sys.stderr)
    return 1
  return 0


if __name__ == "__main__":
  program.run(main)
