"""Settings that every training run has, whatever is trained."""

import dataclasses

from hund_tf.options import check, option

OPTIMIZERS = ("adam", "muon")


@dataclasses.dataclass(frozen=True)
class LoopConfig:
  """Steps, learning rate, averages, and what happens every so many steps."""

  steps: int = option(100_000, "Number of updates of the run.", low=1)
  batch_size: int = option(
    32,
    "Examples of an update, over all devices.",
    name="global_batch_size",
    low=1,
  )
  seed: int = option(
    0, "Seed of the first weights and of the examples.", name="training_seed"
  )
  optimizer: str = option(
    "adam",
    "Optimiser of the weights. Muon takes orthogonal steps for kernels and "
    "Adam's for the rest; a learning rate that suits Adam suits it, too.",
    choices=OPTIMIZERS,
  )
  learning_rate: float = option(
    1e-4,
    "Learning rate after the warm-up and before the decay.",
    name="base_learning_rate",
    low=0.0,
  )
  warmup_steps: int = option(
    0, "First steps, in which the learning rate rises from 0.", low=0
  )
  decay_steps: int = option(
    0,
    "Last steps, in which the learning rate falls by a cosine to "
    "--final_rate of itself.",
    low=0,
  )
  final_rate: float = option(
    0.02,
    "Share of the learning rate that is left at the end of the decay.",
    low=0.0,
    high=1.0,
  )
  clip_norm: float = option(
    1.0, "Largest norm of the whole gradient; more is scaled down.", low=0.0
  )
  ema: float = option(
    0.0,
    "Momentum of the moving averages of the weights, which are judged and "
    "kept; 0 keeps none.",
    low=0.0,
    high=1.0,
  )
  log_steps: int = option(
    50, "Steps from one row of the log to the next.", low=1
  )
  validate_steps: int = option(
    500, "Steps from one validation to the next.", low=1
  )
  validation_examples: int = option(
    128, "Held-out examples of a validation.", low=1
  )
  checkpoint_steps: int = option(
    500, "Steps from one checkpoint to the next.", low=1
  )
  keep_checkpoints: int = option(
    3, "Checkpoints that are kept, the newest ones.", low=1
  )

  def __post_init__(self):
    check(self)
    if self.warmup_steps + self.decay_steps > self.steps:
      raise ValueError(
        f"warmup_steps + decay_steps: {self.warmup_steps} + "
        f"{self.decay_steps}, expected at most the {self.steps} steps"
      )
