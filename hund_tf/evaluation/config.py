"""What is evaluated: the settings of `tools.evaluate`."""

import dataclasses

from hund_tf.body import joint_regressors
from hund_tf.evaluation.compared_joints import ROOTS
from hund_tf.evaluation.joint_definitions import AUTO
from hund_tf.evaluation.protocols import PROTOCOLS as RECORD_PROTOCOLS
from hund_tf.options import check, option

PROTOCOLS = (
  *RECORD_PROTOCOLS,
  "h36m_official",
  "synthetic",
  "shape",
  "pose_sets",
  "part_gates",
  "photos_2d",
  "silhouettes",
  "real3d",
  "joint_floor",
  "detection",
  "landmarks",
  "landmarks_3d",
  "parts",
  "hands",
  "faces",
  "close_ups",
)
# What a protocol cannot do without: one of these.
_NEEDS = {
  **dict.fromkeys(RECORD_PROTOCOLS, ("truth",)),
  "h36m_official": ("predictions", "h36m_dir"),
  "photos_2d": ("annotations",),
  "silhouettes": ("annotations",),
  "real3d": ("truth",),
  "joint_floor": ("truth",),
  "detection": ("truth", "annotations"),
  "landmarks": ("annotations", "truth"),
  "landmarks_3d": ("truth",),
  "parts": ("annotations",),
  "hands": ("annotations", "truth"),
  "faces": ("annotations", "truth"),
  "close_ups": ("truth",),
}
# Protocols that compare 3D joints, which another system may have predicted.
_PREDICTABLE = (*RECORD_PROTOCOLS, "h36m_official", "real3d")


@dataclasses.dataclass(frozen=True)
class AnnotatedPhotos:
  """Photos with annotated keypoints."""

  annotations: tuple[str, ...] = option(
    (),
    "Keypoint file of photos that are measured on: COCO's form, or of "
    "detection, landmarks and parts also MPII's JSON.",
    repeated=True,
  )
  photo_dir: str | None = option(
    None, "Folder of the photos; by default that of the file that names them."
  )


@dataclasses.dataclass(frozen=True)
class EvaluationConfig(AnnotatedPhotos):
  """What is evaluated, against what, and how."""

  protocol: str = option(
    "photos_2d", "What is measured, and how.", choices=PROTOCOLS
  )
  truth: str | None = option(
    None,
    "Folder or manifest of the person records of h36m_p1, h36m_p2, 3dpw and, "
    "in place of --annotations, landmarks, hands and faces; JSON file of "
    "real3d and joint_floor; JSON file with the boxes of detection. "
    "landmarks_3d takes "
    "records whose bodies are known or the file of real3d; close_ups the "
    "former, as tools.detect_records writes them.",
  )
  min_scored_px: float = option(
    60.0,
    "Larger side of a person's box, pixels, from which on detection, "
    "landmarks, parts, hands and faces count somebody.",
    low=0,
  )
  search_people: bool = option(
    False,
    "Let landmarks, real3d, hands and faces search the photos and pair who is "
    "found with the annotated people, in place of giving the detector the "
    "annotated boxes.",
  )
  keypoint_plot: str | None = option(
    None,
    "PNG of what the confidences of landmarks promise and keep, by group of "
    "keypoints.",
  )
  predictions: str | None = option(
    None,
    "The .npz of predictions to score (docs/guide/evaluation.md); without it "
    "people are reconstructed from the photos by --method.",
  )
  save_predictions: str | None = option(
    None,
    "Where the reconstructed joints are written, in the format of "
    "--predictions.",
  )
  regressor: str | None = option(
    None,
    "The .npy [17, V] that gives Human3.6M's joints of the vertices in "
    "--predictions, for GHUM or SMPL.",
  )
  joint_regressor: str = option(
    AUTO,
    "What gives the joints of a reconstructed body that are compared: this "
    "body's own, or those of Human3.6M, LSP, MPI-INF-3DHP or SMPL. By default "
    "that of the truth's joints; in real3d, where the truth states none, the "
    "one whose bone lengths are nearest to the truth's.",
    choices=(AUTO, *joint_regressors.NAMES),
  )
  mpjpe_root: str = option(
    "pelvis",
    "What MPJPE moves together: the pelvis (SPIN, GHUM's authors) or the "
    "middle of the hips (HMR, VIBE; always in real3d).",
    choices=ROOTS,
  )
  use_stored_detections: bool = option(
    False,
    "Take the detections that records hold, where they do, in place of running "
    "the detector again.",
  )
  people_batch: int = option(32, "People reconstructed together.", low=1)
  allow_partial: bool = option(
    False,
    "Succeed although people are missing or the counts are not the expected "
    "ones; there is a warning in any case.",
  )
  synthetic_examples: int = option(
    256,
    "Held-out examples of --protocol=synthetic, or of each focal length of "
    "--protocol=shape, rounded up to whole batches.",
    low=1,
  )
  gate_trials: int = option(
    500,
    "Hands of each kind of --protocol=part_gates.",
    low=1,
  )
  pose_set_examples: int = option(
    256,
    "People of each set of --protocol=pose_sets, rounded up to whole batches.",
    low=1,
  )
  pose_set_records: str | None = option(
    None,
    "Folder with a folder of records for each set, as tools.detect_records "
    "wrote them, for --protocol=pose_sets in place of examples with modelled "
    "errors.",
  )
  h36m_dir: str | None = option(
    None,
    "Human3.6M's folder with S2/Videos and metadata.xml, of "
    "--protocol=h36m_official without --predictions.",
  )
  video_frame_step: int = option(
    1,
    "Frames of a video from one that is reconstructed to the next; those "
    "between are interpolated.",
    low=1,
  )

  def __post_init__(self):
    check(self)

  def check_complete(self) -> None:
    """Raises ValueError if options are missing or do not go together."""
    needed = _NEEDS.get(self.protocol, ())
    if needed and not any(getattr(self, name) for name in needed):
      wanted = " or ".join(f"--{name}" for name in needed)
      raise ValueError(f"--protocol={self.protocol}: needs {wanted}")
    if self.predictions and self.save_predictions:
      raise ValueError(
        "--save_predictions: is for reconstructed people; --predictions are "
        "already a file"
      )
    if self.predictions and self.protocol not in _PREDICTABLE:
      raise ValueError(
        f"--predictions: --protocol={self.protocol} does not compare 3D joints "
        f"with those of records; expected one of {', '.join(_PREDICTABLE)}"
      )
    if self.joint_regressor != AUTO and (
      self.predictions or self.protocol not in _PREDICTABLE
    ):
      raise ValueError(
        "--joint_regressor: is for bodies reconstructed by this program with "
        f"--protocol={', '.join(_PREDICTABLE)}"
      )
    if self.regressor and not self.predictions:
      raise ValueError("--regressor: is for the vertices in --predictions")
