"""Flags of the adaptation to photos without annotations."""

from flags.from_config import define
from hund_tf.training.adaptation.inputs import AdaptationInputs
from hund_tf.training.adaptation.trainer import AdaptationConfig

_to_inputs = define(AdaptationInputs, "Videos and held-out photos")
to_config = define(AdaptationConfig, "Adaptation")


def to_inputs() -> AdaptationInputs:
  """What is adapted to, beside `photo_flags`."""
  return _to_inputs().separate()
