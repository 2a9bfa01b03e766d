"""Trains the learned descent on synthetic examples.

  python -m tools.train_hund --flagfile=flags/hund_open.flags \\
    --run_dir=RUN --synthetic_mocap_dir=MOCAP

A run that was cut off goes on from its checkpoints, bit for bit on CPU with
--deterministic. The folder gets the flags, the logs (CSV, TensorBoard), the
checkpoints and the weights: best.npz on held-out poses, last.npz at the end.
"""

import sys

from absl import app, flags

from flags import (
  body_flags,
  objective_flags,
  synthetic_flags,
  training_flags,
)
from hund_tf.compat import tf, tf_keras
from hund_tf.data.bvh import MotionError
from hund_tf.data.synthetic import SyntheticExamples
from hund_tf.losses.alignment import AlignmentObjective
from hund_tf.models import weights
from hund_tf.models.hund import HundModel
from hund_tf.training import run_folder
from hund_tf.training.input_pipeline import TrainingBatches
from hund_tf.training.trainer import DivergenceError, HundTrainer
from hund_tf.training.validation import ValidationSet


def _strategy(name: str) -> tf.distribute.Strategy:
  if name == "mirrored":
    kind = "GPU" if tf.config.list_physical_devices("GPU") else "CPU"
    devices = tf.config.list_logical_devices(kind)
    return tf.distribute.MirroredStrategy([d.name for d in devices])
  if name == "multi_worker":
    return tf.distribute.MultiWorkerMirroredStrategy()
  return tf.distribute.get_strategy()


def _worker(strategy: tf.distribute.Strategy) -> int:
  """Number of this worker; the first one keeps the run's folder."""
  resolver = strategy.cluster_resolver
  if resolver is None or not resolver.task_type:
    return 0
  return 0 if resolver.task_type == "chief" else resolver.task_id


def _run_flags() -> str:
  """Our own flags, one a line, as a flagfile."""
  modules = (body_flags, objective_flags, synthetic_flags, training_flags)
  by_module = flags.FLAGS.flags_by_module_dict()
  found = [f for m in modules for f in by_module[m.__name__]]
  return "".join(f"{flag.serialize()}\n" for flag in found if flag.serialize())


def train(run: training_flags.RunConfig) -> None:
  """Trains as the flags describe."""
  config = training_flags.to_config()
  strategy = _strategy(run.strategy)
  tf_keras.utils.set_random_seed(config.seed)
  examples = synthetic_flags.to_config()
  settings = run_folder.describe(
    training=config,
    model=training_flags.to_model_config(),
    objective=objective_flags.to_config(),
    losses=training_flags.to_losses(),
    examples=examples,
  )
  worker = _worker(strategy)
  if worker == 0:
    run_folder.claim(run.run_dir, settings, _run_flags(), run.allow_mismatch)
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
    weights.assign(model, run.initial_weights)
  trainer = HundTrainer(
    model,
    TrainingBatches(body_model, poses, examples, config),
    ValidationSet(
      SyntheticExamples(body_model, held_out, examples.captured_only()),
      config.validation_examples,
    ),
    config,
    training_flags.to_losses(),
    run.run_dir,
    strategy,
    run.profile_steps,
    worker,
  )
  trainer.run()


def prepare_devices(run: training_flags.RunConfig) -> None:
  """Threads, devices and determinism, before TensorFlow starts."""
  tf.config.threading.set_intra_op_parallelism_threads(run.threads)
  if run.cpu_devices > 1:
    tf.config.set_logical_device_configuration(
      tf.config.list_physical_devices("CPU")[0],
      [tf.config.LogicalDeviceConfiguration()] * run.cpu_devices,
    )
  if run.deterministic:
    tf.config.experimental.enable_op_determinism()


def main(argv: list[str]) -> int:
  if len(argv) > 1:
    raise app.UsageError(f"unexpected arguments {argv[1:]}")
  run = training_flags.to_run_config()
  prepare_devices(run)
  try:
    train(run)
  except (ValueError, MotionError, DivergenceError, OSError) as error:
    print(f"train_hund: {error}", file=sys.stderr)
    return 1
  return 0


if __name__ == "__main__":
  app.run(main)
