"""The optimiser of a run, its learning rate, and one update of a model."""

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from hund_tf.compat import tf, tf_keras
from hund_tf.training.loop_config import LoopConfig
from hund_tf.training.muon import Muon


class LearningRate(tf_keras.optimizers.schedules.LearningRateSchedule):
  """Linear warm-up, a constant rate, and a cosine at the end."""

  def __init__(self, config: LoopConfig):
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


def _slowed(
  kind: type[tf_keras.optimizers.Optimizer], slow: Mapping[str, float]
) -> type[tf_keras.optimizers.Optimizer]:
  """An optimiser whose steps are shorter for some variables."""

  class Slowed(kind):
    """Steps by the share of the variable's name."""

    def update_step(self, gradient: tf.Tensor, variable: tf.Variable) -> None:
      shares = [s for part, s in slow.items() if part in variable.name]
      before = tf.identity(variable)
      super().update_step(gradient, variable)
      if shares:
        variable.assign(before + shares[0] * (variable - before))

  return Slowed


def make_optimizer(
  config: LoopConfig, slow: Mapping[str, float] | None = None
) -> tf_keras.optimizers.Optimizer:
  """The run's optimiser and schedule, and averaged weights if asked for.

  Args:
    config: of the run.
    slow: part of the names of variables -> length of their steps, in steps of
      the others.
  """
  kinds = {"adam": tf_keras.optimizers.Adam, "muon": Muon}
  kind = kinds[config.optimizer]
  kind = _slowed(kind, slow) if slow else kind
  return kind(
    LearningRate(config),
    use_ema=config.ema > 0.0,
    ema_momentum=config.ema or 0.99,
    ema_overwrite_frequency=None,
    jit_compile=False,
  )


@contextlib.contextmanager
def averaged_weights(
  optimizer: tf_keras.optimizers.Optimizer, variables: Sequence[tf.Variable]
) -> Iterator[None]:
  """Variables have their averages inside a `with`, if the run keeps any."""
  if not optimizer.use_ema:
    yield
    return
  kept = [variable.numpy() for variable in variables]
  optimizer.finalize_variable_values(variables)
  try:
    yield
  finally:
    for variable, value in zip(variables, kept, strict=True):
      variable.assign(value)


def update(
  optimizer: tf_keras.optimizers.Optimizer,
  gradients: Sequence[tf.Tensor],
  variables: Sequence[tf.Variable],
  clip_norm: float,
) -> tf.Tensor:
  """Updates variables by the mean gradient of all replicas, clipped.

  Args:
    optimizer: of the run.
    gradients: of this replica's loss; those that are not finite still update:
      the caller stops on them and keeps nothing of the step.
    variables: that they belong to.
    clip_norm: of the whole gradient.

  Returns:
    The gradient's norm before clipping, scalar.
  """
  gradients = tf.distribute.get_replica_context().all_reduce(
    tf.distribute.ReduceOp.MEAN, gradients
  )
  norm = tf.linalg.global_norm(gradients)
  gradients, _ = tf.clip_by_global_norm(gradients, clip_norm, norm)
  optimizer.apply_gradients(
    zip(gradients, variables, strict=True),
    skip_gradients_aggregation=True,
  )
  return norm


def run_replicas(
  strategy: tf.distribute.Strategy,
  replica_step: Callable[[Any, tf.Tensor], Any],
  batch: Any,
  step: tf.Tensor,
) -> Any:
  """Runs a step on all replicas; the result is the mean of theirs."""
  report = strategy.run(replica_step, args=(batch, step))
  if strategy.num_replicas_in_sync == 1:
    return report
  return tf.nest.map_structure(
    lambda x: strategy.reduce(tf.distribute.ReduceOp.MEAN, x, axis=None),
    report,
  )
