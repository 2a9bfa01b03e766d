"""Trains the learned descent on synthetic examples, records or photos.

  python -m tools.train_hund --flagfile=flags/hund_open.flags \\
    --run_dir=RUN --synthetic_mocap_dir=MOCAP
  python -m tools.train_hund --flagfile=flags/paper/fs_ss.flags \\
    --run_dir=RUN --records=full:H36M --records=self:COCO
  python -m tools.train_hund --flagfile=flags/paper/ss.flags \\
    --run_dir=RUN --images=PHOTOS

Photos are labelled by the landmark detector first, into RUN/records.

A run that was cut off goes on from its checkpoints, bit for bit on CPU with
--deterministic. The folder gets the flags, the logs (CSV, TensorBoard), the
checkpoints and the weights: best.npz on held-out poses, last.npz at the end.
"""

import pathlib
import sys

from absl import app

from flags import (
  body_flags,
  flagfile,
  objective_flags,
  photo_flags,
  pseudo_label_flags,
  records_flags,
  run_flags,
  synthetic_flags,
  training_flags,
)
from hund_tf.compat import tf, tf_keras
from hund_tf.datasets import pseudo_labels
from hund_tf.losses.alignment import AlignmentObjective
from hund_tf.models.hund import weights
from hund_tf.models.hund.model import HundModel
from hund_tf.motion.bvh import MotionError
from hund_tf.records import schema
from hund_tf.records.examples import RecordExamples
from hund_tf.synthetic.examples import SyntheticExamples
from hund_tf.training import run_devices, run_folder
from hund_tf.training.hund.config import TrainingConfig
from hund_tf.training.hund.record_batches import RecordBatches
from hund_tf.training.hund.sources import Source, describe
from hund_tf.training.hund.synthetic_batches import SyntheticBatches
from hund_tf.training.hund.trainer import DivergenceError, HundTrainer
from hund_tf.training.hund.validation import ValidationSet
from hund_tf.training.input_pipeline import Batches
from hund_tf.visualization.stage_strip import StripDrawer

# Our own flags, which run.flags keeps.
_FLAGS = (
  body_flags,
  objective_flags,
  photo_flags,
  pseudo_label_flags,
  records_flags,
  run_flags,
  synthetic_flags,
  training_flags,
)


def _label_photos(run: run_flags.RunConfig) -> str | None:
  """Makes records of --images, if there are some; their entry as a source.

  Raises:
    ValueError: if no photo gives a record.
  """
  if not photo_flags.has_images():
    return None
  if run.strategy == "multi_worker":
    raise ValueError(
      "--images with several workers: label the photos first by "
      "tools.pseudo_label, and give --records=self:FOLDER"
    )
  labels = pseudo_label_flags.to_config()
  folder = pathlib.Path(run.run_dir) / "records"
  print(f"labelling {', '.join(labels.source.patterns)} into {folder}")
  manifest, result = pseudo_labels.label_photos(
    labels.source, folder, labels.shards, labels.workers
  )
  for line in pseudo_labels.problems(result):
    print(line, file=sys.stderr)
  return f"self:{manifest.folder / manifest.name}.manifest.json"


def _batches(
  sources: tuple[Source, ...],
  synthetic: SyntheticBatches,
  config: TrainingConfig,
) -> Batches:
  """Batches of the sources; of none, synthetic ones."""
  if not sources:
    return synthetic
  mesh = objective_flags.to_config().mesh
  if mesh != schema.MESH:
    raise ValueError(
      f"--objective_mesh={mesh}: records hold vertices of {schema.MESH}; take "
      "that one"
    )
  examples = RecordExamples(
    records_flags.to_examples(),
    len(synthetic.body_model.mesh_ids(schema.MESH)),
    config.seed,
  )
  used = any(source.manifest is None for source in sources)
  return RecordBatches(
    sources,
    examples,
    synthetic if used else None,
    config,
    records_flags.to_reading(),
  )


def _settings(config: TrainingConfig, sources: tuple[Source, ...]) -> dict:
  """What decides the run's result; only the same goes on in a folder."""
  return run_folder.describe(
    training=config,
    model=training_flags.to_model_config(),
    objective=objective_flags.to_config(),
    losses=training_flags.to_losses(),
    examples=synthetic_flags.to_config(),
    records=records_flags.to_examples(),
    data=describe(sources),
  )


def train(run: run_flags.RunConfig) -> None:
  """Trains as the flags describe."""
  config = training_flags.to_config()
  strategy = run_devices.make_strategy(run.strategy)
  tf_keras.utils.set_random_seed(config.seed)
  examples = synthetic_flags.to_config()
  sources = records_flags.to_sources(_label_photos(run))
  worker = run_devices.worker_number(strategy)
  if worker == 0:
    settings = _settings(config, sources)
    run_folder.claim(
      run.run_dir, settings, flagfile.to_text(_FLAGS), run.allow_mismatch
    )
  with tf.device("CPU:0"):
    body_model = body_flags.to_model()
  prior = body_model.pose_prior
  poses = synthetic_flags.to_poses(prior)
  held_out = synthetic_flags.to_poses(prior, "validation")
  print(f"poses: {len(poses.up)} to train, {len(held_out.up)} held out")
  with strategy.scope():
    # A body of its own, with its variables on every device: XLA cannot read
    # those of another, and tf.data needs its one on the CPU.
    objective = AlignmentObjective(
      body_flags.to_model(), objective_flags.to_config()
    )
    model = HundModel(objective, training_flags.to_model_config())
  # A run that goes on overwrites them with its checkpoint.
  if run.initial_weights:
    path = run.initial_weights
    new = weights.assign_fitting(model, path)
    if new:
      print(f"{path}: does not fit and begins anew: {', '.join(new)}")
  synthetic = SyntheticBatches(body_model, poses, examples, config)
  validation = ValidationSet(
    SyntheticExamples(body_model, held_out, examples.captured_only()),
    config.validation_examples,
  )
  trainer = HundTrainer(
    model,
    _batches(sources, synthetic, config),
    validation,
    config,
    training_flags.to_losses(),
    run.run_dir,
    strategy,
    run.profile_steps,
    worker,
    drawer=StripDrawer(model, validation.examples[0]),
  )
  trainer.run()


def prepare_devices(run: run_flags.RunConfig) -> None:
  """Threads, devices and determinism, before TensorFlow starts."""
  run_devices.prepare(run.threads, run.cpu_devices, run.deterministic)


def main(argv: list[str]) -> int:
  if len(argv) > 1:
    raise app.UsageError(f"unexpected arguments {argv[1:]}")
  run = run_flags.to_run_config()
  prepare_devices(run)
  try:
    train(run)
  except (ValueError, MotionError, DivergenceError, OSError) as error:
    print(f"train_hund: {error}", file=sys.stderr)
    return 1
  return 0


if __name__ == "__main__":
  app.run(main)
