"""Settings of a training run of the learned descent."""

import dataclasses

from hund_tf.losses.alignment import PartTerm
from hund_tf.losses.meta import META_LOSSES
from hund_tf.training.supervision import REGIMES, uses_alignment


@dataclasses.dataclass(frozen=True)
class TrainingConfig:
  """A run; the defaults are the paper's where it states them."""

  steps: int = 100_000
  batch_size: int = 32  # over all replicas
  seed: int = 0
  learning_rate: float = 1e-4
  warmup_steps: int = 0  # linear, from 0
  decay_steps: int = 0  # last steps: cosine to `final_rate` of the rate
  final_rate: float = 0.02
  clip_norm: float = 1.0  # of the whole gradient
  ema: float = 0.0  # momentum of the averaged weights; 0 keeps none
  regime: str = "FS+SS"
  meta_loss: str = "sum"
  initial_weight: float = 0.0  # of the loss of s_0, beside the meta-loss
  # (step, M): from that step on descents have M stages; the first is step 0.
  # Empty: always the model's own number.
  stage_steps: tuple[tuple[int, int], ...] = ()
  # Share of steps, evenly spread, whose examples have part maps; the others
  # have no B and cost no rendering.
  parts_share: float = 1.0
  # Descents of earlier steps leave L_b out of what their stages read and are
  # trained on: rendering takes most of the time.
  part_term_step: int = 0
  log_steps: int = 50
  validate_steps: int = 500
  validation_examples: int = 128
  checkpoint_steps: int = 500
  keep_checkpoints: int = 3

  def __post_init__(self):
    if self.regime not in REGIMES:
      raise ValueError(
        f"regime: got {self.regime!r}, expected one of {', '.join(REGIMES)}"
      )
    if self.meta_loss not in META_LOSSES:
      raise ValueError(
        f"meta_loss: got {self.meta_loss!r}, expected one of "
        f"{', '.join(META_LOSSES)}"
      )
    firsts = [step for step, _ in self.stage_steps]
    if firsts and (firsts[0] != 0 or firsts != sorted(set(firsts))):
      raise ValueError(
        f"stage_steps: steps {firsts}, expected rising ones from 0"
      )
    if any(stages < 1 for _, stages in self.stage_steps):
      raise ValueError("stage_steps: expected at least one stage everywhere")
    if self.warmup_steps + self.decay_steps > self.steps:
      raise ValueError(
        f"warmup_steps + decay_steps: {self.warmup_steps} + "
        f"{self.decay_steps}, expected at most the {self.steps} steps"
      )
    if not 0.0 <= self.parts_share <= 1.0:
      raise ValueError(f"parts_share: got {self.parts_share}, expected 0 to 1")

  def stages_at(self, step: int, default: int) -> int:
    """Number of stages M of the descents of a step."""
    stages = default
    for first, number in self.stage_steps:
      if step >= first:
        stages = number
    return stages

  def part_term_at(self, step: int) -> PartTerm:
    """How the descents of a step take L_b."""
    if step < self.part_term_step or not self.has_parts(step):
      return "none"
    return "full" if uses_alignment(self.regime, step) else "value"

  def has_parts(self, step: int) -> bool:
    """Whether the examples of a step have part maps."""
    share = self.parts_share
    return int((step + 1) * share) > int(step * share)
