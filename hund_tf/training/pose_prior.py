"""Maximum-likelihood fitting of a normalizing flow, resumable and seeded."""

import dataclasses
import os
import pathlib
from collections.abc import Callable

import numpy as np
from scipy.stats import multivariate_normal

from hund_tf.body import flows
from hund_tf.compat import tf, tf_keras


@dataclasses.dataclass(frozen=True)
class FlowFitConfig:
  """Size of the flow and of its training."""

  couplings: int = 8
  hidden: int = 96
  steps: int = 4000
  batch_size: int = 512
  learning_rate: float = 1e-3
  weight_decay: float = 1e-3
  noise: float = 0.12  # added to values, in their standard deviations
  validate_every: int = 250
  seed: int = 0


def fit_flow(
  train: np.ndarray,
  validation: np.ndarray,
  config: FlowFitConfig,
  name: str,
  folder: str | os.PathLike | None = None,
  report: Callable[[str], None] = print,
) -> flows.CouplingFlow:
  """Fits a flow to values `[N, D]`; returns the step best on `validation`.

  The batches and the noise are functions of (seed, step), so that a run
  resumed from the checkpoint in `folder` goes on as if it had never stopped.
  """
  flow = _initial_flow(train, config, name)
  schedule = tf_keras.optimizers.schedules.CosineDecay(
    config.learning_rate, config.steps, alpha=0.02
  )
  optimizer = tf_keras.optimizers.AdamW(
    schedule, weight_decay=config.weight_decay, clipnorm=1.0
  )
  optimizer.build(flow.trainable_variables)
  best = _initial_flow(train, config, name)
  step = tf.Variable(0, dtype=tf.int64)
  best_loss = tf.Variable(np.inf, dtype=tf.float32)
  checkpoint = tf.train.Checkpoint(
    flow=flow, best=best, optimizer=optimizer, step=step, best_loss=best_loss
  )
  manager = None
  if folder is not None:
    manager = tf.train.CheckpointManager(
      checkpoint, str(pathlib.Path(folder) / name), max_to_keep=1
    )
    checkpoint.restore(manager.latest_checkpoint)
  update = _make_update(flow, optimizer, tf.constant(train), config)
  mean_nll = tf.function(
    lambda values: -tf.reduce_mean(flow.log_prob(values)), jit_compile=True
  )
  for now in range(int(step), config.steps):
    loss = update(tf.constant(now, tf.int32))
    if (now + 1) % config.validate_every and now + 1 != config.steps:
      continue
    value = float(mean_nll(tf.constant(validation)))
    report(f"{name} {now + 1}: train {loss:.3f}, validation {value:.3f} nats")
    step.assign(now + 1)
    if value < float(best_loss):
      best_loss.assign(value)
      for kept, variable in zip(best.variables, flow.variables, strict=True):
        kept.assign(variable)
    if manager is not None:
      manager.save()
  return best


def _initial_flow(
  train: np.ndarray, config: FlowFitConfig, name: str
) -> flows.CouplingFlow:
  """An untrained flow, equal to the Gaussian fit of the training values."""
  size = flows.FlowConfig(train.shape[1], config.couplings, config.hidden)
  flow = flows.CouplingFlow(size, config.seed, name)
  flow.set_gaussian(train.mean(0), np.cov(train.T.astype(np.float64)))
  return flow


def _make_update(
  flow: flows.CouplingFlow,
  optimizer: tf_keras.optimizers.Optimizer,
  train: tf.Tensor,
  config: FlowFitConfig,
) -> Callable[[tf.Tensor], tf.Tensor]:
  """One compiled training step as a function of its number."""
  spread = tf.math.reduce_std(train, axis=0)
  count = train.shape[0]

  @tf.function(jit_compile=True)
  def update(step: tf.Tensor) -> tf.Tensor:
    seed = tf.stack([tf.constant(config.seed, tf.int32), step])
    rows = tf.random.stateless_uniform(
      [config.batch_size], seed, maxval=count, dtype=tf.int32
    )
    batch = tf.gather(train, rows)
    batch += (
      config.noise
      * spread
      * tf.random.stateless_normal(tf.shape(batch), seed + 1)
    )
    with tf.GradientTape() as tape:
      loss = -tf.reduce_mean(flow.log_prob(batch))
    variables = flow.trainable_variables
    gradients = tape.gradient(loss, variables)
    optimizer.apply_gradients(zip(gradients, variables, strict=True))
    return loss

  return update


def gaussian_nll(train: np.ndarray, values: np.ndarray) -> float:
  """Mean NLL in nats of `values` under the full Gaussian fit of `train`."""
  fitted = multivariate_normal(
    train.mean(0), np.cov(train.T.astype(np.float64)), allow_singular=False
  )
  return float(-np.mean(fitted.logpdf(values)))


def flow_nll(flow: flows.CouplingFlow, values: np.ndarray) -> float:
  """Mean NLL in nats of `values` `[N, D]` under a flow."""
  chunks = [
    flow.log_prob(tf.constant(part, tf.float32)).numpy()
    for part in np.array_split(values, max(1, len(values) // 2048))
  ]
  return float(-np.mean(np.concatenate(chunks)))
