"""Flags of the body model."""

from flags.from_config import define
from hund_tf.body.model import BodyConfig, BodyModel

to_config = define(BodyConfig, "Body model")


def to_model() -> BodyModel:
  """The body model as the flags describe it."""
  return BodyModel(shape_decoder=to_config().shape_decoder)
