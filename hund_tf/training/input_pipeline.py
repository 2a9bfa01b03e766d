"""The stream of training batches: a function of seed and step alone."""

import abc
from typing import Any

from hund_tf.compat import tf
from hund_tf.training.loop_config import LoopConfig

ALL_ROWS = slice(None)


class Batches(abc.ABC):
  """Batches by their step, and their pipeline."""

  workers = 1  # batches that are made at the same time
  # What went wrong in Python code of the pipeline: TensorFlow's own error shows
  # its text among much else.
  failure: Exception | None = None

  def __init__(self, config: LoopConfig):
    self._config = config

  @abc.abstractmethod
  def batch(self, step: tf.Tensor, rows: slice = ALL_ROWS) -> Any:
    """The batch of a step, or some rows of it.

    Returns:
      Tensors `[batch_size, ...]` in any nest, as the train step takes them.
    """

  def dataset(
    self, first_step: int, strategy: tf.distribute.Strategy
  ) -> tf.data.Dataset:
    """Endless batches from a step on, split over the strategy's replicas.

    Raises:
      ValueError: if the replicas do not divide the batch.
    """
    replicas = strategy.num_replicas_in_sync
    size = self._config.batch_size
    if size % replicas:
      raise ValueError(
        f"batch_size: got {size}, expected a multiple of {replicas} replicas"
      )
    share = size // replicas

    def pipeline(context: tf.distribute.InputContext) -> tf.data.Dataset:
      local = replicas // context.num_input_pipelines
      first = context.input_pipeline_id * local
      return self._pipeline(first_step, first * share, local, share)

    return strategy.distribute_datasets_from_function(pipeline)

  def _pipeline(
    self, first_step: int, first_row: int, replicas: int, share: int
  ) -> tf.data.Dataset:
    """The batches of some replicas in turn, each `[share, ...]`."""
    rows = slice(first_row, first_row + replicas * share)
    batches = tf.data.Dataset.counter(start=first_step).map(
      lambda step: self.batch(step, rows),
      num_parallel_calls=self.workers,
      deterministic=True,
    )
    # Nothing is left to tune, and its thread can hold up the end of a run.
    options = tf.data.Options()
    options.autotune.enabled = False
    batches = batches.with_options(options)
    if replicas == 1:
      return batches.prefetch(2)

    def split(batch: Any) -> tf.data.Dataset:
      parts = tf.nest.map_structure(
        lambda x: tf.reshape(x, [replicas, share, *x.shape[1:]]), batch
      )
      return tf.data.Dataset.from_tensor_slices(parts)

    return batches.flat_map(split).prefetch(2 * replicas)
