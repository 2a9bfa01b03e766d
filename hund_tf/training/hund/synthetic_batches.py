"""Training batches of synthetic examples, with and without part maps."""

import dataclasses

from hund_tf.body.model import BodyModel
from hund_tf.compat import tf
from hund_tf.motion.pose_library import PoseLibrary
from hund_tf.synthetic.example_config import SyntheticConfig
from hund_tf.synthetic.examples import SyntheticExamples
from hund_tf.training.hund.config import TrainingConfig
from hund_tf.training.input_pipeline import ALL_ROWS, Batches
from hund_tf.types import TrainingExample


def has_parts(config: TrainingConfig, step: tf.Tensor) -> tf.Tensor:
  """`TrainingConfig.has_parts` in a graph, scalar bool."""
  share = tf.constant(config.parts_share, tf.float64)
  position = tf.cast(step, tf.float64)
  return tf.floor((position + 1.0) * share) > tf.floor(position * share)


class SyntheticBatches(Batches):
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
        has_parts(config, step),
        lambda: make(self._with_parts),
        lambda: make(self._without_parts),
      )
    return tf.nest.map_structure(lambda x: x[rows], example)
