"""Settings that every training run has, whatever is trained."""

import dataclasses

OPTIMIZERS = ("adam", "muon")


@dataclasses.dataclass(frozen=True)
class LoopConfig:
  """Steps, learning rate, averages, and what happens every so many steps."""

  steps: int = 100_000
  batch_size: int = 32  # over all replicas
  seed: int = 0
  optimizer: str = "adam"
  learning_rate: float = 1e-4
  warmup_steps: int = 0  # linear, from 0
  decay_steps: int = 0  # last steps: cosine to `final_rate` of the rate
  final_rate: float = 0.02
  clip_norm: float = 1.0  # of the whole gradient
  ema: float = 0.0  # momentum of the averaged weights; 0 keeps none
  log_steps: int = 50
  validate_steps: int = 500
  validation_examples: int = 128
  checkpoint_steps: int = 500
  keep_checkpoints: int = 3

  def __post_init__(self):
    if self.optimizer not in OPTIMIZERS:
      raise ValueError(
        f"optimizer: got {self.optimizer!r}, expected one of "
        f"{', '.join(OPTIMIZERS)}"
      )
    if self.warmup_steps + self.decay_steps > self.steps:
      raise ValueError(
        f"warmup_steps + decay_steps: {self.warmup_steps} + "
        f"{self.decay_steps}, expected at most the {self.steps} steps"
      )
