"""Flags of the multitask network's evaluation."""

from dataclasses import dataclass

from absl import flags

_METRICS = flags.DEFINE_string(
  "metrics_output", None, "JSON of the figures.", required=True
)
_SHEET = flags.DEFINE_string(
  "sheet_output", None, "PNG of K and B of held-out records; none draws none."
)
_COUNT = flags.DEFINE_integer(
  "held_out_records",
  1000,
  "Records of --validation_records that are measured.",
  lower_bound=1,
)
_PHOTOS = flags.DEFINE_multi_string(
  "photo_annotations",
  [],
  "COCO-style keypoint file of photos to measure on; may be repeated.",
)
_PHOTO_DIR = flags.DEFINE_string(
  "annotated_photo_dir",
  None,
  "Folder of the photos; by default that of each file.",
)
_COMPARE = flags.DEFINE_bool(
  "compare_features",
  False,
  "Reconstruct the photos' people from each kind of --features.",
)


@dataclass(frozen=True)
class MultitaskEvaluationConfig:
  """What is measured; see the flags of the same names."""

  metrics: str
  sheet: str | None
  count: int
  photos: tuple[str, ...]
  photo_dir: str | None
  compare: bool


def to_config() -> MultitaskEvaluationConfig:
  """The evaluation as the flags describe it."""
  return MultitaskEvaluationConfig(
    _METRICS.value,
    _SHEET.value,
    _COUNT.value,
    tuple(_PHOTOS.value),
    _PHOTO_DIR.value,
    _COMPARE.value,
  )
