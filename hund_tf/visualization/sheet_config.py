"""What a sheet of examples shows, and where it is written."""

import dataclasses

from hund_tf.options import REQUIRED, check, option


@dataclasses.dataclass(frozen=True)
class SheetConfig:
  """A sheet of examples."""

  sheet: str = option(REQUIRED, "PNG to write.")
  sheet_examples: int = option(
    24, "Number of examples on the sheet.", low=1, high=400
  )

  def __post_init__(self):
    check(self)
