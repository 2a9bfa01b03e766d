"""One training step of the multitask network."""

from collections.abc import Callable
from typing import NamedTuple

from hund_tf.compat import tf, tf_keras
from hund_tf.losses import multitask as losses
from hund_tf.losses.multitask import MultitaskLossConfig, MultitaskLosses
from hund_tf.models.multitask.network import MultitaskNetwork, MultitaskOutput
from hund_tf.records.multitask_examples import MultitaskExample, in_crop
from hund_tf.training.multitask.config import MultitaskTrainingConfig
from hund_tf.training.multitask.guides import draw_guides
from hund_tf.training.optimizer import run_replicas, update


class MultitaskReport(NamedTuple):
  """Means over the batch of a step."""

  loss: tf.Tensor  # [] what is minimised
  gradient_norm: tf.Tensor  # [] before clipping
  stages: MultitaskLosses  # [stages]


def network_losses(
  output: MultitaskOutput,
  example: MultitaskExample,
  config: MultitaskLossConfig,
) -> MultitaskLosses:
  """Losses of all stages, `[stages, B]` each."""
  weights = losses.seen_weights(
    example.keypoint_weights, example.visibility, config.hidden_weight
  )
  inside = in_crop(example.keypoints)
  rows = [
    losses.stage_losses(
      stage.heatmap_logits,
      stage.part_logits,
      example.keypoints,
      weights,
      inside,
      example.part_probs,
      example.part_weights,
      example.cell_weights,
      config,
    )
    for stage in output.stages
  ]
  return tf.nest.map_structure(lambda *x: tf.stack(x), *rows)


def make_train_step(
  model: MultitaskNetwork,
  optimizer: tf_keras.optimizers.Optimizer,
  config: MultitaskTrainingConfig,
  loss_config: MultitaskLossConfig,
  strategy: tf.distribute.Strategy,
) -> Callable[[MultitaskExample, tf.Tensor], MultitaskReport]:
  """The step as a function of batch and number."""
  early = [config.early_stage_weight] * (model.config.stages - 1)

  def replica_step(
    example: MultitaskExample, step: tf.Tensor
  ) -> MultitaskReport:
    guides = None
    if model.config.guided:
      guides = draw_guides(example, config.guided_share, config.seed, step)
    with tf.GradientTape() as tape:
      output = model(example.image, guides, training=True)
      rows = network_losses(output, example, loss_config)
      stages = tf.nest.map_structure(lambda x: tf.reduce_mean(x, axis=1), rows)
      loss = tf.reduce_sum(stages.total * tf.constant([*early, 1.0]))
    variables = model.trainable_variables
    gradients = tape.gradient(loss, variables)
    norm = update(optimizer, gradients, variables, config.clip_norm)
    return MultitaskReport(loss, norm, stages)

  def step_function(
    example: MultitaskExample, step: tf.Tensor
  ) -> MultitaskReport:
    return run_replicas(strategy, replica_step, example, step)

  return tf.function(step_function, autograph=False)
