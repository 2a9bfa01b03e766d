"""Settings of a training run of the learned descent."""

import dataclasses

from hund_tf.losses.alignment import PartTerm
from hund_tf.losses.meta import META_LOSSES
from hund_tf.training.hund.supervision import REGIMES, uses_alignment
from hund_tf.training.loop_config import LoopConfig


@dataclasses.dataclass(frozen=True)
class TrainingConfig(LoopConfig):
  """A run; the defaults are the paper's where it states them."""

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

  def __post_init__(self):
    super().__post_init__()
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
