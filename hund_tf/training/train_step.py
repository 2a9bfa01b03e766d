"""One training step: descent, losses of its stages, meta-loss, update."""

from collections.abc import Callable
from typing import NamedTuple

from hund_tf.compat import tf, tf_keras
from hund_tf.losses import meta, supervised
from hund_tf.losses.alignment import PartTerm
from hund_tf.models.hund import HundModel
from hund_tf.training.config import TrainingConfig
from hund_tf.training.supervision import supervise
from hund_tf.types import AlignmentTerms, TrainingExample


class StepReport(NamedTuple):
  """Means over the batch of a step."""

  loss: tf.Tensor  # [] meta-loss, what is minimised
  gradient_norm: tf.Tensor  # [] before clipping
  stage_losses: tf.Tensor  # [M + 1] training loss of s_0 ... s_M
  terms: AlignmentTerms  # [M + 1] L_u and its terms of s_0 ... s_M


class LearningRate(tf_keras.optimizers.schedules.LearningRateSchedule):
  """Linear warm-up, a constant rate, and a cosine at the end."""

  def __init__(self, config: TrainingConfig):
    super().__init__()
    self._config = config

  def __call__(self, step: tf.Tensor) -> tf.Tensor:
    config = self._config
    step = tf.cast(step, tf.float32)
    rate = tf.constant(config.learning_rate)
    if config.warmup_steps:
      rate *= tf.minimum(1.0, (step + 1.0) / config.warmup_steps)
    if config.decay_steps:
      passed = step - (config.steps - config.decay_steps)
      share = tf.clip_by_value(passed / config.decay_steps, 0.0, 1.0)
      cosine = (1.0 + tf.cos(3.14159265 * share)) / 2.0
      rate *= config.final_rate + (1.0 - config.final_rate) * cosine
    return rate

  def get_config(self) -> dict:
    return {"config": self._config}


def make_optimizer(config: TrainingConfig) -> tf_keras.optimizers.Optimizer:
  """Adam with the run's schedule, and averaged weights if asked for."""
  return tf_keras.optimizers.Adam(
    LearningRate(config),
    use_ema=config.ema > 0.0,
    ema_momentum=config.ema or 0.99,
    ema_overwrite_frequency=None,
    jit_compile=False,
  )


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
  replicas = strategy.num_replicas_in_sync

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
    variables = model.trainable_variables
    gradients = tape.gradient(loss, variables)
    gradients = tf.distribute.get_replica_context().all_reduce(
      tf.distribute.ReduceOp.MEAN, gradients
    )
    norm = tf.linalg.global_norm(gradients)
    gradients, _ = tf.clip_by_global_norm(gradients, config.clip_norm, norm)
    optimizer.apply_gradients(
      zip(gradients, variables, strict=True),
      skip_gradients_aggregation=True,
    )
    mean = lambda values: tf.reduce_mean(values, axis=1)
    return StepReport(
      loss, norm, mean(stage_losses), tf.nest.map_structure(mean, terms)
    )

  def step_function(example: TrainingExample, step: tf.Tensor) -> StepReport:
    report = strategy.run(replica_step, args=(example, step))
    if replicas == 1:
      return report
    return tf.nest.map_structure(
      lambda x: strategy.reduce(tf.distribute.ReduceOp.MEAN, x, axis=None),
      report,
    )

  return tf.function(step_function, autograph=False)
