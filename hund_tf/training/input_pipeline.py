"""The stream of training batches: a function of seed and step alone."""

import dataclasses

from hund_tf.body.model import BodyModel
from hund_tf.compat import tf
from hund_tf.data.pose_library import PoseLibrary
from hund_tf.data.synthetic import SyntheticConfig, SyntheticExamples
from hund_tf.training.config import TrainingConfig
from hund_tf.types import TrainingExample


class TrainingBatches:
  """Batches of synthetic examples, some with part maps and some without."""

  def __init__(
    self,
    body_model: BodyModel,
    poses: PoseLibrary,
    examples: SyntheticConfig,
    config: TrainingConfig,
  ):
    self._config = config
    self.body_model = body_model
    without = dataclasses.replace(examples, render_parts=False)
    self._with_parts = SyntheticExamples(body_model, poses, examples)
    self._without_parts = SyntheticExamples(body_model, poses, without)

  def batch(self, step: tf.Tensor) -> TrainingExample:
    """The batch `[batch_size, ...]` of a step."""
    config = self._config
    step = tf.cast(step, tf.int64)

    def make(examples: SyntheticExamples) -> TrainingExample:
      return examples.example_batch(config.seed, step, config.batch_size)

    if config.parts_share in (0.0, 1.0):
      return make(
        self._with_parts if config.parts_share else self._without_parts
      )
    share = tf.constant(config.parts_share, tf.float64)
    position = tf.cast(step, tf.float64)
    rendered = tf.floor((position + 1.0) * share) > tf.floor(position * share)
    return tf.cond(
      rendered,
      lambda: make(self._with_parts),
      lambda: make(self._without_parts),
    )

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

    def pipeline(context: tf.distribute.InputContext) -> tf.data.Dataset:
      batches = tf.data.Dataset.counter(start=first_step).map(
        self.batch, num_parallel_calls=1, deterministic=True
      )
      # Nothing is left to tune, and its thread can hold up the end of a run.
      options = tf.data.Options()
      options.autotune.enabled = False
      batches = batches.with_options(options)
      if replicas == 1:
        return batches.prefetch(2)
      local = replicas // context.num_input_pipelines
      first = context.input_pipeline_id * local

      def split(batch: TrainingExample) -> tf.data.Dataset:
        parts = tf.nest.map_structure(
          lambda x: tf.reshape(x, [replicas, size // replicas, *x.shape[1:]])[
            first : first + local
          ],
          batch,
        )
        return tf.data.Dataset.from_tensor_slices(parts)

      return batches.flat_map(split).prefetch(2 * local)

    return strategy.distribute_datasets_from_function(pipeline)
