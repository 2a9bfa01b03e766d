"""Settings of a training run of the learned descent."""

import dataclasses

from hund_tf.losses.alignment import PartTerm
from hund_tf.losses.meta import META_LOSSES
from hund_tf.options import option
from hund_tf.training.hund.supervision import (
  REGIMES,
  batch_kind,
  uses_alignment,
)
from hund_tf.training.loop_config import LoopConfig


def _step_and_stages(text: str) -> tuple[int, int]:
  step, stages = text.split(":")
  return int(step), int(stages)


@dataclasses.dataclass(frozen=True)
class TrainingConfig(LoopConfig):
  """A run; the defaults are the paper's where it states them."""

  regime: str = option(
    "FS+SS",
    "Supervision: self- (SS), weakly (WS) or fully supervised (FS). FS+2D adds "
    "the annotated keypoints to FS, FS+SS alternates the batches of both, and "
    "joint adds their losses.",
    choices=REGIMES,
  )
  meta_loss: str = option(
    "sum",
    "Meta-loss: how the losses of the stages become one (Eq. 7, 8).",
    choices=META_LOSSES,
  )
  initial_state_weight: float = option(
    0.0,
    "Weight of the loss of the initial state s_0, beside the meta-loss.",
    low=0.0,
  )
  stage_steps: tuple[tuple[int, int], ...] = option(
    (),
    "Number of stages by step: 0:1,2000:5 trains with one stage from step 0 "
    "and with five from step 2000 on. Without it there are always "
    "--num_stages.",
    parse=_step_and_stages,
    to_text=lambda pair: f"{pair[0]}:{pair[1]}",
    expected="STEP:STAGES",
  )
  parts_share: float = option(
    1.0,
    "Share of the steps, evenly spread, whose examples have part maps B. The "
    "others cost no rendering.",
    low=0.0,
    high=1.0,
  )
  random_terms: float = option(
    0.0,
    "Share of the people of whom stages are told a term of a random family, "
    "true but for its noise; half as many are told another one. It needs "
    "--term_units.",
    low=0.0,
    high=1.0,
  )
  trained: str = option(
    "all",
    "With --random_terms: train all, or the branch for terms alone, which "
    "leaves results without terms as they are.",
    choices=("all", "terms"),
  )
  part_term_step: int = option(
    0,
    "First step whose stages read the part term L_b, where their examples "
    "have part maps. Earlier steps are faster, for rendering takes most of the "
    "time.",
    low=0,
  )

  def __post_init__(self):
    super().__post_init__()
    firsts = [step for step, _ in self.stage_steps]
    if firsts and (firsts[0] != 0 or firsts != sorted(set(firsts))):
      raise ValueError(
        f"stage_steps: steps {firsts}, expected rising ones from 0"
      )
    if any(stages < 1 for _, stages in self.stage_steps):
      raise ValueError("stage_steps: expected at least one stage everywhere")

    if self.random_terms and batch_kind(self.regime, False) != "full":
      raise ValueError(
        f"random_terms: regime {self.regime} knows no joints that terms could "
        "be true of, expected one with FS or joint"
      )
    if self.trained == "terms" and not self.random_terms:
      raise ValueError(
        "trained: terms, without --random_terms; expected a share above 0"
      )

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
