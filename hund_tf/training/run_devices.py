"""The devices of a training run."""

import os

from hund_tf.compat import tf


def prepare(threads: int, cpu_devices: int, deterministic: bool) -> None:
  """Threads, devices and determinism, before TensorFlow starts.

  Args:
    threads: of the CPU; 0 takes all.
    cpu_devices: devices that the CPU counts as.
    deterministic: bit-equal results where TensorFlow can give them.
  """
  tf.config.threading.set_intra_op_parallelism_threads(threads)
  if cpu_devices > 1:
    tf.config.set_logical_device_configuration(
      tf.config.list_physical_devices("CPU")[0],
      [tf.config.LogicalDeviceConfiguration()] * cpu_devices,
    )
  if deterministic:
    be_deterministic()


def num_threads() -> int:
  """CPU threads that an operation may use."""
  stated = tf.config.threading.get_intra_op_parallelism_threads()
  if stated:
    return stated
  if hasattr(os, "sched_getaffinity"):
    return len(os.sched_getaffinity(0))
  return os.cpu_count() or 1


def be_deterministic() -> None:
  """Bit-equal results where TensorFlow can give them; before it starts.

  On a CPU that is: of the same code and libraries on the same processor with
  the same number of threads, for sums are split among them.

  Deterministic operations are not enough for gradients. The graph optimiser
  rewrites their sums in an order that differs from process to process, so it is
  off. `tf.add_n` begins with whichever of its inputs nothing else holds any
  more, so operations run one after the other, each on all threads.
  """
  tf.config.experimental.enable_op_determinism()
  tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})
  tf.config.threading.set_inter_op_parallelism_threads(1)


def make_strategy(name: str) -> tf.distribute.Strategy:
  """The strategy 'mirrored', 'multi_worker' or 'one'."""
  if name == "mirrored":
    kind = "GPU" if tf.config.list_physical_devices("GPU") else "CPU"
    devices = tf.config.list_logical_devices(kind)
    return tf.distribute.MirroredStrategy([d.name for d in devices])
  if name == "multi_worker":
    return tf.distribute.MultiWorkerMirroredStrategy()
  return tf.distribute.get_strategy()


def worker_number(strategy: tf.distribute.Strategy) -> int:
  """Number of this worker; the first one keeps the run's folder."""
  resolver = strategy.cluster_resolver
  if resolver is None or not resolver.task_type:
    return 0
  return 0 if resolver.task_type == "chief" else resolver.task_id
