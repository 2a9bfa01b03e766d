"""Flags of the evaluation."""

from dataclasses import dataclass

from absl import flags

PROTOCOLS = ("photos_2d",)

_PROTOCOL = flags.DEFINE_enum(
  "protocol", "photos_2d", PROTOCOLS, "What is measured, and how."
)
_ANNOTATIONS = flags.DEFINE_multi_string(
  "annotations",
  None,
  "COCO-style keypoint file of --protocol=photos_2d; may be repeated.",
  required=True,
)
_PHOTO_DIR = flags.DEFINE_string(
  "photo_dir", None, "Folder of the photos; by default that of each file."
)
_OUTPUT_DIR = flags.DEFINE_string(
  "output_dir", None, "Folder for the tables; made if missing.", required=True
)


@dataclass(frozen=True)
class EvaluationConfig:
  """What is evaluated; see the flags of the same names."""

  protocol: str
  annotations: tuple[str, ...]
  photo_dir: str | None
  output_dir: str


def to_config() -> EvaluationConfig:
  """The evaluation as the flags describe it."""
  return EvaluationConfig(
    protocol=_PROTOCOL.value,
    annotations=tuple(_ANNOTATIONS.value),
    photo_dir=_PHOTO_DIR.value,
    output_dir=_OUTPUT_DIR.value,
  )
