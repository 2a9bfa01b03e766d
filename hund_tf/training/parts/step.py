"""One training step of a part's descent: losses of its stages, meta-loss."""

import dataclasses
from collections.abc import Callable
from typing import NamedTuple

from hund_tf.compat import tf, tf_keras
from hund_tf.losses import meta
from hund_tf.losses.part_supervised import (
  PartExample,
  PartLossConfig,
  part_loss,
)
from hund_tf.models.hund.descent_cell import Stage
from hund_tf.models.hund.part_model import PartHund
from hund_tf.options import option
from hund_tf.training.descent_loop import values_in_loop
from hund_tf.training.loop_config import LoopConfig
from hund_tf.training.optimizer import run_replicas, update


@dataclasses.dataclass(frozen=True)
class PartTrainingConfig(LoopConfig):
  """A run."""

  meta_loss: str = option(
    "sum",
    "Meta-loss: how the losses of a part's stages become one (Eq. 7, 8).",
    name="part_meta_loss",
    choices=meta.META_LOSSES,
  )


class PartReport(NamedTuple):
  """Means over the batch of a step."""

  loss: tf.Tensor  # [] meta-loss, what is minimised
  gradient_norm: tf.Tensor  # [] before clipping
  stage_losses: tf.Tensor  # [M + 1] of s_0 ... s_M
  objective: tf.Tensor  # [M + 1] L_u of s_0 ... s_M


def make_train_step(
  model: PartHund,
  optimizer: tf_keras.optimizers.Optimizer,
  config: PartTrainingConfig,
  losses: PartLossConfig,
  strategy: tf.distribute.Strategy,
) -> Callable[[PartExample, tf.Tensor], PartReport]:
  """The step as a function of batch and number."""
  body = model.objective.body
  variables = model.trainable_variables

  def gradients_of(example: PartExample):
    truth = body.decode(example.state)
    with tf.GradientTape() as tape:
      inputs, states = model.begin(example.features, example.intrinsics)

      def values(stage: Stage) -> list[tf.Tensor]:
        alignment = stage.terms.total
        loss = part_loss(
          body, stage.body, stage.state, alignment, example, truth, losses
        )
        return [loss, alignment]

      stage_losses, objective = values_in_loop(
        model.cell, inputs, states, model.config.num_stages, values, 2
      )
      per_example = meta.meta_loss(
        config.meta_loss, stage_losses[1:], stage_losses[0]
      )
      # s_0 starts in closed form and is worth as much as a stage.
      loss = tf.reduce_mean(per_example + stage_losses[0])
    return loss, stage_losses, objective, tape.gradient(loss, variables)

  if model.config.jit_compile:
    gradients_of = tf.function(gradients_of, autograph=False, jit_compile=True)

  def replica_step(example: PartExample, step: tf.Tensor) -> PartReport:
    del step
    loss, stage_losses, objective, gradients = gradients_of(example)
    norm = update(optimizer, gradients, variables, config.clip_norm)
    mean = lambda values: tf.reduce_mean(values, axis=1)
    return PartReport(loss, norm, mean(stage_losses), mean(objective))

  return tf.function(
    lambda example, step: run_replicas(strategy, replica_step, example, step),
    autograph=False,
  )
