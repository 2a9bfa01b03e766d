"""Two virtual CPU devices and steps on them, for the scripts beside this file.

Devices are chosen before TensorFlow starts, so this needs its own process.
"""

from collections.abc import Callable

import numpy as np

from hund_tf.compat import tf


def two_devices() -> tf.distribute.MirroredStrategy:
  """The strategy of two devices that the CPU is split into."""
  devices = [tf.config.LogicalDeviceConfiguration()] * 2
  cpu = tf.config.list_physical_devices("CPU")[0]
  tf.config.set_logical_device_configuration(cpu, devices)
  strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
  assert strategy.num_replicas_in_sync == 2
  return strategy


def run(
  strategy: tf.distribute.Strategy,
  step: Callable,
  inputs: tuple,
  times: int = 1,
):
  """Runs a step in a graph on a batch that the devices share.

  Args:
    strategy: the devices.
    step: function of the inputs of a device.
    inputs: tensors `[B, ...]`, nested.
    times: how often to run it.

  Returns:
    What the last run returned on all devices, arrays `[B, ...]`, nested.
  """
  batch_size = len(tf.nest.flatten(inputs)[0])
  dataset = tf.data.Dataset.from_tensor_slices(inputs).batch(batch_size)
  batch = next(iter(strategy.experimental_distribute_dataset(dataset)))
  function = tf.function(
    lambda *batch: strategy.run(step, batch), autograph=False
  )
  for _ in range(times):
    outputs = strategy.experimental_local_results(function(*batch))
  assert len(outputs) == strategy.num_replicas_in_sync
  return tf.nest.map_structure(
    lambda *parts: np.concatenate([part.numpy() for part in parts]), *outputs
  )
