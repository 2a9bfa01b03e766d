"""Flags of a descent, whether it is trained or used."""

from flags.from_config import define
from hund_tf.models.hund.config import DescentOptions

to_options = define(DescentOptions, "Learned descent")


def jit_compile() -> bool:
  """Whether XLA compiles outside of training."""
  return bool(to_options().jit_compile)
