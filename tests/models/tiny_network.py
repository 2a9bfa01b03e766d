"""A multitask network small enough for tests."""

import numpy as np

from hund_tf.models.multitask.config import MultitaskConfig
from hund_tf.models.multitask.network import MultitaskNetwork

TINY = MultitaskConfig(
  input_size=240,
  backbone="plain",
  filters=(4, 8, 8, 8),
  blocks=(0, 1, 0, 0),
  feature_channels=6,
  stage_filters=8,
  stages=2,
  stage_convolutions=1,
  stage_size=30,
  fine_blocks=1,
)


def make(seed: int) -> MultitaskNetwork:
  """A network whose weights and statistics are those of the seed."""
  network = MultitaskNetwork(TINY)
  random = np.random.default_rng(seed)
  for variable in network.variables:
    shape = variable.shape
    if "kernel" in variable.name:
      variable.assign(random.normal(0.0, 0.2, shape).astype(np.float32))
    else:
      variable.assign(random.uniform(0.5, 1.5, shape).astype(np.float32))
  return network
