"""Which method reconstructs people, as a user chooses it."""

import dataclasses
from collections.abc import Sequence

from hund_tf.body.interface import Body
from hund_tf.body.model import BodyModel
from hund_tf.losses.alignment import AlignmentObjective
from hund_tf.losses.terms import Term
from hund_tf.models.hund import polish_anchor, weights
from hund_tf.models.hund.config import DescentOptions
from hund_tf.models.hund.model import HundModel
from hund_tf.models.hund.polish_anchor import Anchor
from hund_tf.optimization.config import METHODS as OPTIMIZERS
from hund_tf.optimization.config import OptimizerConfig
from hund_tf.options import check, option
from hund_tf.reconstruction import quality
from hund_tf.reconstruction.methods import (
  HundMethod,
  Method,
  OptimizerMethod,
)
from hund_tf.reconstruction.part_config import PartsConfig
from hund_tf.reconstruction.part_networks import load_readers
from hund_tf.reconstruction.parts import PartFusion


@dataclasses.dataclass(frozen=True)
class MethodConfig:
  """The learned descent, or an optimiser of the alignment objective."""

  method: str = option(
    "hund",
    "The learned descent, or an optimiser of the alignment objective.",
    choices=("hund", *OPTIMIZERS),
  )
  weights: str | None = option(
    None,
    "Weights of --method=hund; by default those that come with the project.",
  )
  polish: bool = option(
    True,
    "After --method=hund, fit its last state to what is seen, anchored by how "
    "far such states are off; where the weights have a NAME.polish.npz beside "
    "them, for their own number of stages, and without --refine_steps.",
  )
  refine_steps: int = option(
    0,
    "Iterations of BFGS after --method=hund, from its last state.",
    low=0,
  )
  descent: DescentOptions = DescentOptions()

  def __post_init__(self):
    check(self)

  @property
  def name(self) -> str:
    """The method as results state it: hund, hund+bfgs, bfgs, ..."""
    refined = self.method == "hund" and self.refine_steps > 0
    return "hund+bfgs" if refined else self.method

  @property
  def weights_path(self) -> str:
    """The weights file of the learned descent."""
    return self.weights or str(weights.DEFAULT_PATH)


def load_model(
  config: MethodConfig, body_model: BodyModel, terms: Sequence[Term] = ()
) -> HundModel:
  """The learned descent with its weights.

  Args:
    config: names them.
    body_model: of the states.
    terms: of a user's own, whose value its stages see too.

  Raises:
    ValueError: if the weights cannot be used.
  """
  return weights.load(body_model, config.weights_path, terms=terms)


def make_method(
  config: MethodConfig,
  objective: AlignmentObjective,
  optimizer: OptimizerConfig | None = None,
) -> Method:
  """The method.

  Args:
    config: which one.
    objective: what optimisers minimise, also after the learned descent, whose
      stages read the objective that they were trained with.
    optimizer: settings of an optimiser, whose method and compilation are those
      of `config`.

  Raises:
    ValueError: if the weights cannot be used.
  """
  compiled = bool(config.descent.jit_compile)
  optimizer = optimizer or OptimizerConfig()
  if config.method != "hund":
    settings = dataclasses.replace(
      optimizer, method=config.method, jit_compile=compiled
    )
    return OptimizerMethod(objective, settings)
  refinement = None
  if config.refine_steps:
    refinement = dataclasses.replace(
      optimizer,
      method="bfgs",
      max_iterations=config.refine_steps,
      jit_compile=compiled,
    )
  return HundMethod(
    load_model(config, objective.body_model, objective.terms),
    config.descent.num_stages,
    refinement,
    objective,
    compiled,
    find_anchor(config, objective.body_model),
  )


def find_anchor(config: MethodConfig, body_model: Body) -> Anchor | None:
  """The anchor of the polish, if the method polishes and there is one.

  Other bodies than the open one are not polished.

  Raises:
    ValueError: if the anchor's file cannot be used, or is of other weights.
  """
  asked = config.method == "hund" and config.polish and not config.refine_steps
  if not asked or not isinstance(body_model, BodyModel):
    return None
  return polish_anchor.load_beside(
    config.weights_path, config.descent.num_stages
  )


def find_calibration(
  config: MethodConfig, objective: AlignmentObjective
) -> quality.QualityCalibration | None:
  """The calibration of the method's results, if there is one.

  It is that of the weights file, for the objective and the number of stages
  that it was made with. There is none for optimisers.

  Raises:
    ValueError: if the calibration's file cannot be used, or is of other
      weights.
  """
  if config.name != "hund":
    return None
  found = quality.load_beside(config.weights_path)
  if found is None or not found.applies_to(objective):
    return None
  asked = config.descent.num_stages
  return found if asked in (None, found.num_stages) else None


def find_parts(
  config: PartsConfig, method: Method, method_config: MethodConfig
) -> PartFusion | None:
  """What reads the faces and hands that are asked for.

  None if none are, or with an optimiser, or a body other than the open one,
  whose hands and faces the networks know.

  Raises:
    ValueError: if the weights cannot be used.
  """
  body_model = method.objective.body_model
  open_body = isinstance(body_model, BodyModel)
  if not config.names or method_config.method != "hund" or not open_body:
    return None
  compiled = bool(method_config.descent.jit_compile)
  readers = load_readers(body_model, config.names, compiled)
  return PartFusion(method, readers, config)
