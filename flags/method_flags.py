"""Flags of how bodies are found: the learned descent or an optimiser."""

import dataclasses

from absl import flags

from flags import optimizer_flags
from hund_tf.body.model import BodyModel
from hund_tf.losses.alignment import AlignmentObjective
from hund_tf.models.hund import weights
from hund_tf.models.hund.model import HundModel
from hund_tf.optimization.config import METHODS as OPTIMIZERS
from hund_tf.reconstruction import quality
from hund_tf.reconstruction.methods import (
  HundMethod,
  Method,
  OptimizerMethod,
)

_METHOD = flags.DEFINE_enum(
  "method",
  "hund",
  ["hund", *OPTIMIZERS],
  "The learned descent, or an optimiser of the alignment objective.",
)
_WEIGHTS = flags.DEFINE_string(
  "weights",
  None,
  "Weights of --method=hund; by default those of the project.",
)
_STAGES = flags.DEFINE_integer(
  "stages",
  None,
  "Refinement stages of --method=hund; by default those it was trained with.",
  lower_bound=0,
)
_REFINE_STEPS = flags.DEFINE_integer(
  "refine_steps",
  0,
  "Iterations of BFGS after --method=hund, from its last state.",
  lower_bound=0,
)


def name() -> str:
  """The method's name as results state it: hund, hund+bfgs, bfgs, ..."""
  refined = _METHOD.value == "hund" and _REFINE_STEPS.value > 0
  return "hund+bfgs" if refined else _METHOD.value


def stages() -> int | None:
  """Stages of the learned descent, none for those it was trained with."""
  return _STAGES.value


def weights_path() -> str:
  """The weights file of --method=hund."""
  return _WEIGHTS.value or str(weights.DEFAULT_PATH)


def to_quality(
  objective: AlignmentObjective,
) -> quality.QualityCalibration | None:
  """The calibration of the method's results, if there is one.

  It is that of the weights file, for the objective and the number of stages
  that it was made with. There is none for optimisers.

  Raises:
    ValueError: if the calibration's file cannot be used, or is of other
      weights.
  """
  if name() != "hund":
    return None
  found = quality.load_beside(weights_path())
  if found is None or not found.applies_to(objective):
    return None
  return found if stages() in (None, found.num_stages) else None


def to_model(body_model: BodyModel) -> HundModel:
  """The learned descent with the weights that the flags name.

  Raises:
    ValueError: if the weights cannot be used.
  """
  return weights.load(body_model, weights_path())


def to_method(objective: AlignmentObjective) -> Method:
  """The method as the flags describe it.

  Args:
    objective: what optimisers minimise, also after --method=hund, whose stages
      read the objective that they were trained with.

  Raises:
    ValueError: if the weights cannot be used.
  """
  if _METHOD.value != "hund":
    config = optimizer_flags.to_config(_METHOD.value)
    return OptimizerMethod(objective, config)
  refinement = None
  if _REFINE_STEPS.value:
    refinement = dataclasses.replace(
      optimizer_flags.to_config("bfgs"), max_iterations=_REFINE_STEPS.value
    )
  return HundMethod(
    to_model(objective.body_model),
    _STAGES.value,
    refinement,
    objective,
    optimizer_flags.jit_compile(),
  )
