"""Whether adapted weights may replace those that they came from."""

import dataclasses
from typing import NamedTuple

import numpy as np

from hund_tf.options import option
from hund_tf.types import AlignmentTerms, HumanState


@dataclasses.dataclass(frozen=True)
class GuardConfig:
  """When adapted weights count as better than those before.

  L_u can fall while bodies get worse: what detectors get wrong can be fitted,
  and depth is not seen. So the mean over held-out people is not enough.
  """

  min_gain: float = option(
    0.01,
    "Fraction by which the mean L_u of held-out people must fall.",
    low=0.0,
  )
  worse_by: float = option(
    0.1,
    "Somebody whose L_u rises by more than this fraction gets worse.",
    low=0.0,
  )
  max_worse_share: float = option(
    0.2,
    "Share of the held-out people who may get worse.",
    low=0.0,
    high=1.0,
  )
  max_error_rise: float = option(
    0.03, "Fraction by which MPJPE of synthetic people may rise.", low=0.0
  )


class Judgement(NamedTuple):
  """Weights as they do on what is held out, at the last stage."""

  step: int  # updates that the weights have had
  state: HumanState  # [P, ...] of the held-out people, numpy
  terms: AlignmentTerms  # [P] of the held-out people, numpy
  mpjpe: float  # millimetres, synthetic people
  pa_mpjpe: float  # millimetres, synthetic people

  @property
  def objective(self) -> float:
    """Mean L_u of the held-out people."""
    return float(np.mean(self.terms.total))


def worse(before: Judgement, now: Judgement, guard: GuardConfig) -> np.ndarray:
  """[P] bool: the held-out people whose L_u rose more than it may."""
  return now.terms.total > (1.0 + guard.worse_by) * before.terms.total


def objections(
  before: Judgement, now: Judgement, guard: GuardConfig
) -> list[str]:
  """Why weights may not replace those before; empty if they may."""
  found = []
  values = [now.objective, now.mpjpe]
  if not np.isfinite(values).all():
    return [f"step {now.step}: L_u and MPJPE are {values}, expected finite"]
  gain = 1.0 - now.objective / before.objective
  if gain < guard.min_gain:
    found.append(
      f"step {now.step}: L_u of the held-out people went from "
      f"{before.objective:.2f} to {now.objective:.2f}, expected a fall of at "
      f"least {guard.min_gain:.1%}"
    )
  risen = worse(before, now, guard)
  if risen.mean() > guard.max_worse_share:
    found.append(
      f"step {now.step}: L_u of {risen.sum()} of {len(risen)} held-out people "
      f"rose by more than {guard.worse_by:.0%}, expected at most "
      f"{guard.max_worse_share:.0%} of them"
    )
  if now.mpjpe > (1.0 + guard.max_error_rise) * before.mpjpe:
    found.append(
      f"step {now.step}: MPJPE of synthetic people went from "
      f"{before.mpjpe:.1f} to {now.mpjpe:.1f} mm, expected a rise of at most "
      f"{guard.max_error_rise:.0%}"
    )
  return found
