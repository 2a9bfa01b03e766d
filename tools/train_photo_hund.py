"""Trains the learned descent on what the multitask network sees in crops.

  python -m tools.train_photo_hund --flagfile=flags/hund_features.flags \\
    --run_dir=RUN --records=full:RECORDS --validation_records=HELD_OUT

The records must hold images. With --train_network both are trained as one. The
folder gets what tools.train_hund writes; the network's weights, if they are
trained, are network_best.npz and network_last.npz.
"""

import dataclasses
import sys

from absl import app

from flags import (
  body_flags,
  feature_flags,
  flagfile,
  held_out_flags,
  objective_flags,
  photo_hund_flags,
  records_flags,
  run_flags,
  training_flags,
)
from hund_tf.compat import tf, tf_keras
from hund_tf.losses.alignment import AlignmentObjective
from hund_tf.records import schema
from hund_tf.records.examples import RecordExamples
from hund_tf.records.shards import Manifest, first_records
from hund_tf.training import run_devices, run_folder
from hund_tf.training.hund.record_batches import RecordBatches
from hund_tf.training.hund.sources import describe
from hund_tf.training.hund.trainer import DivergenceError, HundTrainer
from hund_tf.training.hund.validation import ValidationSet
from hund_tf.types import TrainingExample
from hund_tf.visualization.stage_strip import StripDrawer

_HELD_OUT_BATCH = 32


def _held_out(
  manifest: Manifest, make: RecordExamples, count: int
) -> list[TrainingExample]:
  """The first records of a dataset as batches."""
  records = first_records(manifest, count)
  batches = []
  for first in range(0, len(records), _HELD_OUT_BATCH):
    some = records[first : first + _HELD_OUT_BATCH]
    positions = tf.range(first, first + len(some), dtype=tf.int64)
    batches.append(make(tf.constant(some), positions))
  return batches


def train(run: run_flags.RunConfig) -> None:
  """Trains as the flags describe."""
  config = training_flags.to_config()
  strategy = run_devices.make_strategy(run.strategy)
  tf_keras.utils.set_random_seed(config.seed)
  sources = records_flags.to_sources()
  examples = records_flags.to_examples()
  with strategy.scope():
    objective = AlignmentObjective(
      body_flags.to_model(), objective_flags.to_config()
    )
    model = photo_hund_flags.to_model(
      feature_flags.to_trainable_network(), objective, run.initial_weights
    )
  settings = run_folder.describe(
    training=config,
    model=model.config,
    network=model.network.config,
    objective=objective.config,
    losses=training_flags.to_losses(),
    records=examples,
    data=describe(sources),
  )
  settings["train_network"] = model.train_network
  worker = run_devices.worker_number(strategy)
  if worker == 0:
    text = flagfile.to_text(
      [
        body_flags,
        feature_flags,
        held_out_flags,
        objective_flags,
        photo_hund_flags,
        records_flags,
        run_flags,
        training_flags,
      ]
    )
    run_folder.claim(run.run_dir, settings, text, run.allow_mismatch)
  vertices = len(objective.body_model.mesh_ids(schema.MESH))
  side = model.network.config.input_size
  judged_by = held_out_flags.to_manifest()
  validation = None
  if judged_by:
    still = RecordExamples(
      dataclasses.replace(examples.without_jitter(), features_from="annotated"),
      vertices,
      config.seed,
      side,
    )
    validation = ValidationSet(
      _held_out(judged_by, still, config.validation_examples), 0
    )
  trainer = HundTrainer(
    model,
    RecordBatches(
      sources,
      RecordExamples(examples, vertices, config.seed, side),
      None,
      config,
      records_flags.to_reading(),
      needs_images=True,
    ),
    validation,
    config,
    training_flags.to_losses(),
    run.run_dir,
    strategy,
    run.profile_steps,
    worker,
    drawer=StripDrawer(model, validation.examples[0]) if validation else None,
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
    print(f"train_photo_hund: {error}", file=sys.stderr)
    return 1
  return 0


if __name__ == "__main__":
  app.run(main)
