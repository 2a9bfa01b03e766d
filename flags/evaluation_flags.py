"""Flags of the evaluation."""

from dataclasses import dataclass

from absl import flags

from flags import folder_flags
from hund_tf.evaluation.compared_joints import ROOTS
from hund_tf.evaluation.protocols import PROTOCOLS as RECORD_PROTOCOLS

PROTOCOLS = (*RECORD_PROTOCOLS, "h36m_official", "synthetic", "photos_2d")

_PROTOCOL = flags.DEFINE_enum(
  "protocol", "photos_2d", PROTOCOLS, "What is measured, and how."
)
_ANNOTATIONS = flags.DEFINE_multi_string(
  "annotations",
  [],
  "COCO-style keypoint file of --protocol=photos_2d; may be repeated.",
)
_PHOTO_DIR = flags.DEFINE_string(
  "photo_dir", None, "Folder of the photos; by default that of each file."
)
_TRUTH = flags.DEFINE_string(
  "truth",
  None,
  "Person records of h36m_p1, h36m_p2 and 3dpw: their folder or manifest.",
)
_PREDICTIONS = flags.DEFINE_string(
  "predictions",
  None,
  "The .npz of predictions to score (docs/evaluation.md); without it people "
  "are reconstructed from the photos by --method.",
)
_SAVE_PREDICTIONS = flags.DEFINE_string(
  "save_predictions",
  None,
  "Where the reconstructed joints are written, in the format of --predictions.",
)
_REGRESSOR = flags.DEFINE_string(
  "regressor",
  None,
  "The .npy [17, V] that gives Human3.6M's joints of the `vertices` in "
  "--predictions, for GHUM or SMPL.",
)
_ROOT = flags.DEFINE_enum(
  "mpjpe_root",
  "pelvis",
  ROOTS,
  "What MPJPE moves together: the pelvis (SPIN, GHUM's authors) or the middle "
  "of the hips (HMR, VIBE).",
)
_STORED = flags.DEFINE_bool(
  "use_stored_detections",
  False,
  "Take the detections that records hold, where they do, in place of running "
  "the detector again.",
)
_BATCH = flags.DEFINE_integer(
  "people_batch", 32, "People reconstructed together.", lower_bound=1
)
_PARTIAL = flags.DEFINE_bool(
  "allow_partial",
  False,
  "Succeed although people are missing or the counts are not the expected "
  "ones; there is a warning in any case.",
)
_EXAMPLES = flags.DEFINE_integer(
  "synthetic_examples",
  256,
  "Held-out examples of --protocol=synthetic, rounded up to whole batches.",
  lower_bound=1,
)
_VIDEOS = flags.DEFINE_string(
  "h36m_dir",
  None,
  "Human3.6M's folder with S2/Videos and metadata.xml, of "
  "--protocol=h36m_official without --predictions.",
)
_FRAME_STEP = flags.DEFINE_integer(
  "video_frame_step",
  1,
  "Frames of a video from one that is reconstructed to the next; those between "
  "are interpolated.",
  lower_bound=1,
)


@dataclass(frozen=True)
class EvaluationConfig:
  """What is evaluated; see the flags of the same names."""

  protocol: str
  output_dir: str
  annotations: tuple[str, ...]
  photo_dir: str | None
  truth: str | None
  predictions: str | None
  save_predictions: str | None
  regressor: str | None
  mpjpe_root: str
  use_stored_detections: bool
  people_batch: int
  allow_partial: bool
  synthetic_examples: int
  h36m_dir: str | None
  video_frame_step: int


def to_config() -> EvaluationConfig:
  """The evaluation as the flags describe it.

  Raises:
    ValueError: if flags that the protocol needs are missing, or do not go
      together.
  """
  config = EvaluationConfig(
    protocol=_PROTOCOL.value,
    output_dir=folder_flags.output_dir(),
    annotations=tuple(_ANNOTATIONS.value),
    photo_dir=_PHOTO_DIR.value,
    truth=_TRUTH.value,
    predictions=_PREDICTIONS.value,
    save_predictions=_SAVE_PREDICTIONS.value,
    regressor=_REGRESSOR.value,
    mpjpe_root=_ROOT.value,
    use_stored_detections=_STORED.value,
    people_batch=_BATCH.value,
    allow_partial=_PARTIAL.value,
    synthetic_examples=_EXAMPLES.value,
    h36m_dir=_VIDEOS.value,
    video_frame_step=_FRAME_STEP.value,
  )
  _check(config)
  return config


def _check(config: EvaluationConfig) -> None:
  name = config.protocol
  if name == "photos_2d" and not config.annotations:
    raise ValueError("--protocol=photos_2d: needs --annotations")
  if name in RECORD_PROTOCOLS and not config.truth:
    raise ValueError(
      f"--protocol={name}: needs --truth, the folder or manifest of person "
      "records"
    )
  if name == "h36m_official" and not (config.predictions or config.h36m_dir):
    raise ValueError(
      "--protocol=h36m_official: needs --predictions or --h36m_dir"
    )
  if config.predictions and config.save_predictions:
    raise ValueError(
      "--save_predictions: is for reconstructed people; --predictions are "
      "already a file"
    )
  if config.predictions and name in ("synthetic", "photos_2d"):
    raise ValueError(
      f"--predictions: --protocol={name} reconstructs people itself"
    )
  if config.regressor and not config.predictions:
    raise ValueError("--regressor: is for the vertices in --predictions")
