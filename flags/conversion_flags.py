"""Flags of the conversion of datasets to person records."""

from dataclasses import dataclass

from absl import flags

from hund_tf.datasets import registry
from hund_tf.datasets.conversion.runners import BEAM_RUNNERS
from hund_tf.datasets.threedpw.smpl_joints import SmplFiles
from hund_tf.records import regions

_DATASET = flags.DEFINE_enum(
  "dataset", None, registry.DATASETS, "What is converted.", required=True
)
_DATA_DIR = flags.DEFINE_string(
  "data_dir",
  None,
  "Folder of the dataset, laid out as docs/datasets/README.md tells.",
  required=True,
)
_SPLIT = flags.DEFINE_string(
  "split", "", "Split of the dataset; by default its training split."
)
_ANNOTATIONS = flags.DEFINE_string(
  "annotations",
  "",
  "File of annotations, if it is not the published one below --data_dir.",
)
_PHOTO_DIR = flags.DEFINE_string(
  "photo_dir",
  "",
  "Folder of the photos, if it is not the published one below --data_dir.",
)
_ONLY_PRESENT = flags.DEFINE_bool(
  "only_present",
  False,
  "Leave out photos that are not in the folder, as of a partial download, "
  "instead of counting them as damaged.",
)
_MARGIN = flags.DEFINE_float(
  "region_margin",
  regions.DEFAULT_MARGIN,
  "Side of the stored region over the longer side of the person's box.",
  lower_bound=1.0,
  upper_bound=4.0,
)
_MAX_SIDE = flags.DEFINE_integer(
  "region_max_side",
  regions.DEFAULT_MAX_SIDE,
  "Largest side of a stored region in pixels; larger ones are made smaller.",
  lower_bound=32,
)
_FRAME_STEP = flags.DEFINE_integer(
  "h36m_frame_step",
  5,
  "Human3.6M: every how many frames one is kept.",
  lower_bound=1,
)
_WITH_IMAGES = flags.DEFINE_bool(
  "with_images", True, "Human3.6M: store images; else poses alone will do."
)
_SMPL = flags.DEFINE_list(
  "smpl",
  [],
  "3DPW: your SMPL models and regressor, as MALE.pkl,FEMALE.pkl,REGRESSOR.npy; "
  "records then have the joints of the published tables.",
)
_OUTPUT_DIR = flags.DEFINE_string(
  "output_dir", None, "Folder for the records; made if missing.", required=True
)
_NUM_SHARDS = flags.DEFINE_integer(
  "num_shards", 16, "Files that the records are spread over.", lower_bound=1
)
_MAX_ITEMS = flags.DEFINE_integer(
  "max_items",
  0,
  "Convert the first so many photos, sequences or videos only; 0: all.",
  lower_bound=0,
)
_MAX_BAD_FRACTION = flags.DEFINE_float(
  "max_bad_fraction",
  0.01,
  "The share of inputs that may be damaged; with more the conversion fails.",
  lower_bound=0.0,
  upper_bound=1.0,
)
_RETRY_DAMAGED = flags.DEFINE_bool(
  "retry_damaged",
  False,
  "Make shards again that miss a damaged input, as it has been mended.",
)
_RUNNER = flags.DEFINE_enum(
  "runner",
  "local",
  ("local", *BEAM_RUNNERS),
  "Where it runs: in processes of this machine, or as an Apache Beam pipeline.",
)
_WORKERS = flags.DEFINE_integer(
  "workers", 2, "Processes of --runner=local.", lower_bound=1
)
_BEAM_OPTIONS = flags.DEFINE_multi_string(
  "beam_options",
  [],
  "An option of the Beam runner, as --beam_options=--NAME=VALUE; may be "
  "repeated.",
)
_SHEET_RECORDS = flags.DEFINE_integer(
  "sheet_records",
  24,
  "Records on the contact sheet; 0 draws none.",
  lower_bound=0,
  upper_bound=400,
)


flags.register_validator(
  _SMPL,
  lambda files: len(files) in (0, 3),
  "--smpl takes three files: MALE,FEMALE,REGRESSOR",
)


@dataclass(frozen=True)
class ConversionConfig:
  """What is converted, and how; see the flags of the same names."""

  dataset: str
  place: registry.Place
  output_dir: str
  num_shards: int
  max_items: int
  max_bad_fraction: float
  retry_damaged: bool
  runner: str
  workers: int
  beam_options: tuple[str, ...]
  sheet_records: int


def to_config() -> ConversionConfig:
  """The conversion as the flags describe it."""
  place = registry.Place(
    root=_DATA_DIR.value,
    split=_SPLIT.value,
    annotations=_ANNOTATIONS.value,
    photo_dir=_PHOTO_DIR.value,
    only_present=_ONLY_PRESENT.value,
    margin=_MARGIN.value,
    max_side=_MAX_SIDE.value,
    frame_step=_FRAME_STEP.value,
    with_images=_WITH_IMAGES.value,
    smpl=SmplFiles(*_SMPL.value) if _SMPL.value else None,
  )
  return ConversionConfig(
    dataset=_DATASET.value,
    place=place,
    output_dir=_OUTPUT_DIR.value,
    num_shards=_NUM_SHARDS.value,
    max_items=_MAX_ITEMS.value,
    max_bad_fraction=_MAX_BAD_FRACTION.value,
    retry_damaged=_RETRY_DAMAGED.value,
    runner=_RUNNER.value,
    workers=_WORKERS.value,
    beam_options=tuple(_BEAM_OPTIONS.value),
    sheet_records=_SHEET_RECORDS.value,
  )
