"""Which faces and hands are read by networks of their own."""

import dataclasses

from hund_tf.options import check, option
from hund_tf.reconstruction.attention import PARTS, AttentionConfig
from hund_tf.reconstruction.fusion import FusionConfig

NONE = "none"


@dataclasses.dataclass(frozen=True)
class PartsConfig:
  """Faces and hands by networks of their own."""

  parts: tuple[str, ...] = option(
    PARTS,
    "Parts of people that are looked at closely and put onto the body, or "
    "none. They go with --method=hund.",
    choices=(*PARTS, NONE),
  )
  attention: AttentionConfig = AttentionConfig()
  fusion: FusionConfig = FusionConfig()

  def __post_init__(self):
    check(self)
    if NONE in self.parts and len(self.parts) > 1:
      raise ValueError(
        f"parts: got {','.join(self.parts)}, expected parts, or none alone"
      )

  @property
  def names(self) -> tuple[str, ...]:
    """The parts, in the order of `PARTS`."""
    return tuple(name for name in PARTS if name in self.parts)
