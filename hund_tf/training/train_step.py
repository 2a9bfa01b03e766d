"""One training step: descent, losses of its stages, meta-loss, update."""

from collections.abc import Callable
from typing import NamedTuple

from hund_tf.compat import tf, tf_keras
from hund_tf.losses import meta, supervised
from hund_tf.losses.alignment import PartTerm
from hund_tf.models.hund import HundModel
from hund_tf.training.config import TrainingConfig
from hund_tf.training.optimizer import run_replicas, update
from hund_tf.training.supervision import supervise
from hund_tf.types import AlignmentTerms, TrainingExample


class StepReport(NamedTuple):
  """Means over the batch of a step."""

  loss: tf.Tensor  # [] meta-loss, what is minimised
  gradient_norm: tf.Tensor  # [] before clipping
  stage_losses: tf.Tensor  # [M + 1] training loss of s_0 ... s_M
  terms: AlignmentTerms  # [M + 1] L_u and its terms of s_0 ... s_M


def descent_losses(
  model: HundModel,
  example: TrainingExample,
  num_stages: int,
  losses: supervised.SupervisedConfig,
  parts: PartTerm = "full",
) -> tuple[tf.Tensor, AlignmentTerms]:
  """Training losses and terms of L_u of all states, `[M + 1, B]` each."""
  descent = model.descend(
    example.features, example.intrinsics, num_stages, parts
  )
  truth = None
  if losses.rotation_weight:
    truth = model.objective.body_model.rotations(example.state)
  stage_losses = tf.stack(
    [
      supervised.stage_loss(
        model.objective, s.body, s.state, s.terms, example, losses, truth
      )
      for s in descent.stages
    ]
  )
  terms = tf.nest.map_structure(
    lambda *rows: tf.stack(rows), *(s.terms for s in descent.stages)
  )
  return stage_losses, terms


def make_train_step(
  model: HundModel,
  optimizer: tf_keras.optimizers.Optimizer,
  config: TrainingConfig,
  losses: supervised.SupervisedConfig,
  num_stages: int,
  strategy: tf.distribute.Strategy,
  parts: PartTerm = "full",
) -> Callable[[TrainingExample, tf.Tensor], StepReport]:
  """The step of descents of M stages, as a function of batch and number.

  The batch is the strategy's, `config.batch_size` examples over all replicas.
  A loss that is not finite still updates: the caller stops on it and keeps
  nothing of the step.
  """

  def replica_step(example: TrainingExample, step: tf.Tensor) -> StepReport:
    example = supervise(example, config.regime, step)
    with tf.GradientTape() as tape:
      stage_losses, terms = descent_losses(
        model, example, num_stages, losses, parts
      )
      per_example = meta.meta_loss(
        config.meta_loss, stage_losses[1:], stage_losses[0]
      )
      per_example += config.initial_weight * stage_losses[0]
      loss = tf.reduce_mean(per_example)
    norm = update(optimizer, tape, loss, model, config.clip_norm)
    mean = lambda values: tf.reduce_mean(values, axis=1)
    return StepReport(
      loss, norm, mean(stage_losses), tf.nest.map_structure(mean, terms)
    )

  def step_function(example: TrainingExample, step: tf.Tensor) -> StepReport:
    return run_replicas(strategy, replica_step, example, step)

  return tf.function(step_function, autograph=False)
