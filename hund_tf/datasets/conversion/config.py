"""What is converted to person records, and how."""

import dataclasses

from hund_tf.beam import RunnerConfig
from hund_tf.datasets import registry
from hund_tf.datasets.registry import Place
from hund_tf.datasets.threedpw.smpl_joints import SmplFiles
from hund_tf.files import OutputFolder
from hund_tf.options import REQUIRED, check, option


@dataclasses.dataclass(frozen=True, kw_only=True)
class ConversionConfig(RunnerConfig, OutputFolder):
  """The conversion of a dataset."""

  dataset: str = option(
    REQUIRED, "Dataset that is converted.", choices=registry.DATASETS
  )
  place: Place = dataclasses.field()  # pyright: ignore[reportGeneralTypeIssues]
  smpl: tuple[str, ...] = option(
    (),
    "3DPW: your SMPL models and regressor, as MALE.pkl,FEMALE.pkl,"
    "REGRESSOR.npy; records then have the joints of the published tables.",
  )
  num_shards: int = option(
    16, "Number of files that the records are spread over.", low=1
  )
  max_items: int = option(
    0,
    "Convert the first so many photos, sequences or videos only; 0: all.",
    low=0,
  )
  retry_damaged: bool = option(
    False,
    "Make shards again that miss a damaged input, as it has been mended.",
  )
  sheet_records: int = option(
    24,
    "Number of records on the contact sheet; 0 draws none.",
    low=0,
    high=400,
  )

  def __post_init__(self):
    check(self)
    if len(self.smpl) not in (0, 3):
      raise ValueError(
        f"smpl: got {len(self.smpl)} files, expected MALE,FEMALE,REGRESSOR"
      )

  def full_place(self) -> Place:
    """The place with the user's SMPL files."""
    smpl = SmplFiles(*self.smpl) if self.smpl else None
    return dataclasses.replace(self.place, smpl=smpl)
