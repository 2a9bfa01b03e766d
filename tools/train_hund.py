"""Trains the learned descent on synthetic examples, records or photos.

  python -m tools.train_hund --flagfile=flags/hund_open.flags \\
    --run_dir=RUN --synthetic_mocap_dir=MOCAP
  python -m tools.train_hund --flagfile=flags/paper/fs_ss.flags \\
    --run_dir=RUN --records=full:H36M --records=self:COCO
  python -m tools.train_hund --flagfile=flags/paper/ss.flags \\
    --run_dir=RUN --images=PHOTOS
  python -m tools.train_hund --flagfile=flags/hund_features.flags \\
    --run_dir=RUN --records=full:RECORDS --validation_records=HELD_OUT

Photos are labelled by the landmark detector first, into RUN/records.

With --features=network the descent is trained on what the multitask network
sees in the crops of records, which must hold images: its K, B and F take the
place of those that are stored. With --train_network both are trained as one;
the network's weights are then network_best.npz and network_last.npz.

A run that was cut off goes on from its checkpoints, bit for bit on CPU with
--deterministic. The folder gets the flags, the logs (CSV, TensorBoard), the
checkpoints and the weights: best.npz on held-out poses, last.npz at the end.
"""

import dataclasses
import pathlib
import sys
from typing import NamedTuple

from absl import app

from flags import (
  body_flags,
  damage_flags,
  feature_flags,
  flagfile,
  held_out_flags,
  objective_flags,
  photo_flags,
  program,
  pseudo_label_flags,
  records_flags,
  run_flags,
  synthetic_flags,
  training_flags,
)
from flags.from_config import define
from hund_tf.compat import tf, tf_keras
from hund_tf.datasets import pseudo_labels
from hund_tf.detection.feature_config import load_trainable_network
from hund_tf.losses.alignment import AlignmentObjective
from hund_tf.models.hund import weights
from hund_tf.models.hund.model import HundModel
from hund_tf.models.hund.photo_model import (
  PhotoHund,
  PhotoHundConfig,
  make_photo_hund,
)
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
from hund_tf.training.hund.validation import ValidationSet, record_batches
from hund_tf.training.input_pipeline import Batches
from hund_tf.training.run_config import RunConfig
from hund_tf.visualization.stage_strip import StripDrawer

_to_photo_hund = define(PhotoHundConfig, "With --features=network")


class _Task(NamedTuple):
  """What is trained, on what, and what it is judged by."""

  model: HundModel | PhotoHund
  batches: Batches
  validation: ValidationSet | None


def _label_photos(run: RunConfig) -> str | None:
  """Makes records of --images, if there are some; their entry as a source.

  Raises:
    ValueError: if no photo gives a record.
  """
  if not photo_flags.to_config().images:
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


def _claim(
  run: RunConfig, strategy: tf.distribute.Strategy, **settings
) -> None:
  """Writes the settings into the run's folder; only the same goes on there."""
  if run_devices.worker_number(strategy) > 0:
    return
  switches = {k: v for k, v in settings.items() if isinstance(v, bool)}
  configs = {k: v for k, v in settings.items() if k not in switches}
  text = flagfile.to_text(program.groups_of(sys.modules[__name__]))
  run_folder.claim(
    run.run_dir,
    run_folder.describe(**configs) | switches,
    text,
    run.allow_mismatch,
  )


def _on_stored_features(
  run: RunConfig, config: TrainingConfig, strategy: tf.distribute.Strategy
) -> _Task:
  """The descent on K and B of synthetic people and of records."""
  examples = synthetic_flags.to_config()
  sources = records_flags.to_sources(_label_photos(run))
  _claim(
    run,
    strategy,
    training=config,
    model=training_flags.to_model_config(),
    objective=objective_flags.to_config(),
    losses=training_flags.to_losses(),
    examples=examples,
    records=records_flags.to_examples(),
    data=describe(sources),
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
  return _Task(model, _batches(sources, synthetic, config), validation)


def _on_the_network(
  run: RunConfig, config: TrainingConfig, strategy: tf.distribute.Strategy
) -> _Task:
  """The descent on what the multitask network sees, or both as one."""
  sources = records_flags.to_sources()
  examples = records_flags.to_examples()
  with strategy.scope():
    objective = AlignmentObjective(
      body_flags.to_model(), objective_flags.to_config()
    )
    model = make_photo_hund(
      _to_photo_hund(),
      load_trainable_network(feature_flags.to_config()),
      objective,
      training_flags.to_model_config(),
      run.initial_weights,
    )
  _claim(
    run,
    strategy,
    training=config,
    model=model.config,
    network=model.network.config,
    objective=objective.config,
    losses=training_flags.to_losses(),
    records=examples,
    data=describe(sources),
    train_network=model.train_network,
  )
  vertices = len(objective.body_model.mesh_ids(schema.MESH))
  side = model.network.config.input_size
  batches = RecordBatches(
    sources,
    RecordExamples(examples, vertices, config.seed, side),
    None,
    config,
    records_flags.to_reading(),
  )
  judged_by = held_out_flags.to_manifest()
  damage_flags.verify([judged_by])
  if not judged_by:
    return _Task(model, batches, None)
  still = dataclasses.replace(
    examples.without_jitter(), features_from="annotated"
  )
  held_out = record_batches(
    judged_by,
    RecordExamples(still, vertices, config.seed, side),
    config.validation_examples,
  )
  return _Task(model, batches, ValidationSet(held_out, 0))


def train(run: RunConfig) -> None:
  """Trains as the flags describe.

  Raises:
    ValueError: if the flags contradict each other, or a file of them cannot be
      used.
  """
  config = training_flags.to_config()
  features = feature_flags.to_config().features
  if features == "both":
    raise ValueError(
      "--features: got both, expected landmarks or network in training"
    )
  strategy = run_devices.make_strategy(run.strategy)
  worker = run_devices.worker_number(strategy)
  with run_folder.only_writer(run.run_dir, worker):
    _train(run, config, features, strategy)


def _train(
  run: RunConfig,
  config: TrainingConfig,
  features: str,
  strategy: tf.distribute.Strategy,
) -> None:
  """Trains in the folder of the run, which is ours."""
  tf_keras.utils.set_random_seed(config.seed)
  make = _on_the_network if features == "network" else _on_stored_features
  task = make(run, config, strategy)
  drawer = None
  if task.validation:
    drawer = StripDrawer(task.model, task.validation.examples[0])
  trainer = HundTrainer(
    task.model,
    task.batches,
    task.validation,
    config,
    training_flags.to_losses(),
    run.run_dir,
    strategy,
    run.profile_steps,
    run_devices.worker_number(strategy),
    drawer=drawer,
  )
  trainer.run()


def prepare_devices(run: RunConfig) -> None:
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
  program.run(main)
