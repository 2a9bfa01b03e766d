"""Flags of how bodies are found: the learned descent or an optimiser."""

from flags import optimizer_flags
from flags.from_config import define
from hund_tf.body.model import BodyModel
from hund_tf.losses.alignment import AlignmentObjective
from hund_tf.models.hund.model import HundModel
from hund_tf.models.hund.polish_anchor import Anchor
from hund_tf.reconstruction import method_config
from hund_tf.reconstruction.method_config import MethodConfig
from hund_tf.reconstruction.methods import Method

to_config = define(MethodConfig, "Method")


def name() -> str:
  """The method's name as results state it: hund, hund+bfgs, bfgs, ..."""
  return to_config().name


def stages() -> int | None:
  """Stages of the learned descent, none for those it was trained with."""
  return to_config().descent.num_stages


def weights_path() -> str:
  """The weights file of --method=hund."""
  return to_config().weights_path


def to_model(body_model: BodyModel) -> HundModel:
  """The learned descent with the weights that the flags name.

  Raises:
    ValueError: if the weights cannot be used.
  """
  return method_config.load_model(to_config(), body_model)


def to_anchor(body_model: BodyModel) -> Anchor | None:
  """The anchor of the polish; see `find_anchor`."""
  return method_config.find_anchor(to_config(), body_model)


def to_method(objective: AlignmentObjective) -> Method:
  """The method as the flags describe it; see `make_method`."""
  optimizer = optimizer_flags.to_config()
  return method_config.make_method(to_config(), objective, optimizer)
