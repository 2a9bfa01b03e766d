"""The stream of training batches: a function of seed and step alone."""

import abc
import dataclasses

from hund_tf.body.model import BodyModel
from hund_tf.compat import tf
from hund_tf.motion.pose_library import PoseLibrary
from hund_tf.synthetic.examples import SyntheticConfig, SyntheticExamples
from hund_tf.training.hund.config import TrainingConfig
from hund_tf.training.loop_config import LoopConfig
from hund_tf.types import TrainingExample

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
  def batch(self, step: tf.Tensor, rows: slice = ALL_ROWS) -> TrainingExample:
    """The batch `[batch_size, ...]` of a step, or some rows of it."""

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

    def split(batch: TrainingExample) -> tf.data.Dataset:
      parts = tf.nest.map_structure(
        lambda x: tf.reshape(x, [replicas, share, *x.shape[1:]]), batch
      )
      return tf.data.Dataset.from_tensor_slices(parts)

    return batches.flat_map(split).prefetch(2 * replicas)

  def _has_parts(self, step: tf.Tensor) -> tf.Tensor:
    """`TrainingConfig.has_parts` in a graph, scalar bool."""
    share = tf.constant(self._config.parts_share, tf.float64)
    position = tf.cast(step, tf.float64)
    return tf.floor((position + 1.0) * share) > tf.floor(position * share)


class TrainingBatches(Batches):
  """Batches of synthetic examples, some with part maps and some without."""

  def __init__(
    self,
    body_model: BodyModel,
    poses: PoseLibrary,
    examples: SyntheticConfig,
    config: TrainingConfig,
  ):
    super().__init__(config)
    self.body_model = body_model
    without = dataclasses.replace(examples, render_parts=False)
    self._with_parts = SyntheticExamples(body_model, poses, examples)
    self._without_parts = SyntheticExamples(body_model, poses, without)

  def batch(self, step: tf.Tensor, rows: slice = ALL_ROWS) -> TrainingExample:
    """The batch `[batch_size, ...]` of a step; all of it is made."""
    config = self._config
    step = tf.cast(step, tf.int64)

    def make(examples: SyntheticExamples) -> TrainingExample:
      return examples.example_batch(config.seed, step, config.batch_size)

    if config.parts_share in (0.0, 1.0):
      example = make(
        self._with_parts if config.parts_share else self._without_parts
      )
    else:
      example = tf.cond(
        self._has_parts(step),
        lambda: make(self._with_parts),
        lambda: make(self._without_parts),
      )
    return tf.nest.map_structure(lambda x: x[rows], example)
