"""Flags of the faces and hands that are looked at closely."""

from flags import method_flags
from flags.from_config import define
from hund_tf.reconstruction.method_config import find_parts
from hund_tf.reconstruction.methods import Method
from hund_tf.reconstruction.part_config import PartsConfig
from hund_tf.reconstruction.parts import PartFusion

to_config = define(PartsConfig, "Faces and hands")


def to_parts(method: Method) -> PartFusion | None:
  """What reads faces and hands for a method's bodies; see `find_parts`."""
  return find_parts(to_config(), method, method_flags.to_config())
