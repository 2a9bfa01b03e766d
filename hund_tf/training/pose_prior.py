"""Fitting of the pose priors' flows by maximum likelihood, and their figures.

A fit is resumable and a function of its seed.
"""

import dataclasses
import os
import pathlib
from collections.abc import Callable, Mapping

import numpy as np
from scipy.stats import multivariate_normal

from hund_tf.body import flows, joint_limits, pose_prior
from hund_tf.compat import tf, tf_keras
from hund_tf.motion import pose_dataset
from hund_tf.motion.pose_dataset import PoseDataConfig
from hund_tf.options import check, group, option
from hund_tf.training.checkpoints import Checkpointer

_NEAR_LIMIT = 0.01  # an angle nearer than this share of its range is "at" it
_SAMPLES = 4000


@dataclasses.dataclass(frozen=True)
class FlowFitConfig:
  """Size of the flow and of its training."""

  couplings: int = option(8, "Coupling layers of the flow.", low=1)
  hidden: int = option(96, "Hidden units of the flow.", low=1)
  steps: int = option(4000, "Training steps.", low=1)
  batch_size: int = option(512, "Poses of a training step.", low=2)
  learning_rate: float = option(
    1e-3, "Learning rate at first; it falls by a cosine.", low=0.0
  )
  weight_decay: float = option(1e-3, "Decoupled weight decay.", low=0.0)
  noise: float = option(
    0.12,
    "Noise that is added to values, in their standard deviations.",
    low=0.0,
  )
  validate_every: int = 250
  seed: int = 0


@dataclasses.dataclass(frozen=True)
class PosePriorConfig:
  """A training run of the pose priors."""

  mocap_dir: str | None = option(
    None, "Folder with cmu_mb_bvh and cmu_daz_bvh; not needed with --notrain."
  )
  output: str = option(
    str(pose_prior.DEFAULT_PATH),
    "The .npz file of the trained priors; metrics and flags go beside it.",
    name="prior_output",
  )
  checkpoint_dir: str | None = option(
    None, "Folder to resume from; without it there are no checkpoints."
  )
  train: bool = option(
    True, "Whether to train; if not, --prior_output is read instead."
  )
  sample_picture: str | None = option(
    None, "PNG of 40 sampled poses, drawn at the end."
  )
  threads: int = option(
    2, "CPU threads; 0 takes all.", name="prior_threads", low=0
  )
  seed: int = option(0, "Seed of data, weights and batches.", name="prior_seed")
  data: PoseDataConfig = PoseDataConfig()
  body: FlowFitConfig = group(FlowFitConfig(), prefix="body_")
  hand: FlowFitConfig = group(
    FlowFitConfig(hidden=64, noise=0.02), prefix="hand_"
  )

  def __post_init__(self):
    check(self)
    if self.train and not self.mocap_dir:
      raise ValueError(
        "mocap_dir: is required for training; expected it or --notrain"
      )

  def seeded(self) -> "PosePriorConfig":
    """The same with `seed` as the seed of all parts."""
    parts = {
      name: dataclasses.replace(getattr(self, name), seed=self.seed)
      for name in ("data", "body", "hand")
    }
    return dataclasses.replace(self, **parts)


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
  checkpoints = None
  if folder is not None:
    checkpoints = Checkpointer(
      pathlib.Path(folder) / name,
      keep=1,
      report=report,
      flow=flow,
      best=best,
      optimizer=optimizer,
      step=step,
      best_loss=best_loss,
    )
    checkpoints.remove_unfinished()
    checkpoints.restore()
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
    if checkpoints is not None:
      checkpoints.save()
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


def fit_priors(
  data: Mapping[str, pose_dataset.PoseSplits],
  configs: Mapping[str, FlowFitConfig],
  folder: str | os.PathLike | None = None,
) -> tuple[pose_prior.PosePrior, dict]:
  """Fits the flows of body and hand, and measures them on clips held out.

  Args:
    data: angles of "body" and of "hand" (a left one).
    configs: of the same two.
    folder: of checkpoints to resume from; none keeps no checkpoints.

  Returns:
    The priors, and their figures as values for JSON.
  """
  made, metrics = {}, {}
  for name, joints in (
    ("body", joint_limits.BODY),
    ("hand", joint_limits.LEFT_HAND),
  ):
    values = _values(data[name], joints)
    made[name] = fit_flow(
      values.train, values.validation, configs[name], name, folder
    )
    metrics[name] = _measure(made[name], values, joints)
  # The right hand is the mirrored left one: the same flow on mirrored data.
  figures = {
    "unit": "nats, of the unbounded angles u (see joint_limits.squash)",
    "body": metrics["body"],
    "left_hand": metrics["hand"],
    "right_hand": metrics["hand"],
    "held_out_clips": list(pose_dataset.HELD_OUT),
    "validation_clips": list(pose_dataset.VALIDATION),
  }
  return pose_prior.PosePrior(made["body"], made["hand"]), figures


def _values(
  splits: pose_dataset.PoseSplits, joints: joint_limits.JointAngles
) -> pose_dataset.PoseSplits:
  """Unbounded values `[N, D]` of the splits' angles."""
  return pose_dataset.PoseSplits(
    *(
      joint_limits.unsquash(tf.constant(part), joints)
      .numpy()
      .reshape(len(part), -1)
      for part in splits
    )
  )


def _measure(
  flow: flows.CouplingFlow,
  values: pose_dataset.PoseSplits,
  joints: joint_limits.JointAngles,
) -> dict:
  """Likelihoods on the held-out values, and plausibility of samples."""
  latents = tf.random.stateless_normal([_SAMPLES, flow.config.dim], [0, 1])
  sampled, _ = flow.forward(latents)
  ratio = np.tanh(sampled.numpy().reshape(_SAMPLES, -1, 3))
  near = np.abs(ratio) > 1.0 - 2.0 * _NEAR_LIMIT
  encoded, _ = flow.inverse(tf.constant(values.held_out))
  return {
    "training_poses": len(values.train),
    "held_out_poses": len(values.held_out),
    "held_out_nll_flow": flow_nll(flow, values.held_out),
    "held_out_nll_gaussian": gaussian_nll(values.train, values.held_out),
    "training_nll_flow": flow_nll(flow, values.train),
    "training_nll_gaussian": gaussian_nll(values.train, values.train),
    "held_out_mean_square_latent": float(np.mean(np.square(encoded))),
    "sampled_joints_at_a_limit": float(np.mean(near.any(-1))),
    "sampled_angles_at_a_limit": float(np.mean(near)),
  }
