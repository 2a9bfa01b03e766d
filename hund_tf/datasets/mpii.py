"""MPII Human Pose, in the JSON form that trainers of 2D poses share.

The data set is of M. Andriluka et al., "2D Human Pose Estimation: New Benchmark
and State of the Art Analysis", CVPR 2014. The file is a list of people:

    [{"image": "1.jpg", "joints": [[x, y], ...], "joints_vis": [1, ...],
      "center": [x, y], "scale": 3.2}, ...]

with 16 joints in pixels, of which the limbs' 12 are ours as well; pelvis,
thorax, upper neck and head top are other points than our keypoints.
"""

from pathlib import Path

import numpy as np

from hund_tf import files
from hund_tf.body import keypoints
from hund_tf.datasets import annotated_photos
from hund_tf.datasets.coco import CocoPerson
from hund_tf.types import NUM_KEYPOINTS

NAMES = (
  *("r_ankle", "r_knee", "r_hip", "l_hip", "l_knee", "l_ankle"),
  *("pelvis", "thorax", "upper_neck", "head_top"),
  *("r_wrist", "r_elbow", "r_shoulder", "l_shoulder", "l_elbow", "l_wrist"),
)
_OWN = [i for i, name in enumerate(NAMES) if name in keypoints.INDEX]
_ROWS = [keypoints.INDEX[NAMES[i]] for i in _OWN]
_MARGIN = 0.1  # of the box around the joints, larger sides of them
_SEEN = 2  # as COCO has it
_EXPECTED = "expected a list of people with image, joints [16, 2], joints_vis"


def read_mpii(
  annotations: Path, images: Path | None = None
) -> list[CocoPerson]:
  """Reads the people of a file; those without an annotated joint are left out.

  MPII has no boxes: a person's is that of the annotated joints, widened by a
  tenth of its larger side everywhere. It may exceed the photo.

  Args:
    annotations: the JSON file.
    images: folder of the photos; by default that of the JSON file.

  Raises:
    ValueError: if the file is not such a JSON file.
  """
  annotations = Path(annotations)
  folder = annotations.parent if images is None else Path(images)
  try:
    rows = annotated_photos.read_json(annotations)
    people = [_person(row, folder) for row in rows]
  except (OSError, ValueError, KeyError, TypeError, OverflowError) as error:
    raise ValueError(
      f"{annotations}: not a file of MPII ({files.problem(error)}); {_EXPECTED}"
    ) from error
  return [person for person in people if person.visibility.any()]


def _person(row: dict, folder: Path) -> CocoPerson:
  joints = np.asarray(row["joints"], np.float32)
  seen = np.asarray(row["joints_vis"]) > 0
  if joints.shape != (len(NAMES), 2) or seen.shape != (len(NAMES),):
    raise ValueError(
      f"{row['image']}: joints and joints_vis are {joints.shape} and "
      f"{seen.shape}"
    )
  seen &= np.isfinite(joints).all(-1)
  points = np.zeros((NUM_KEYPOINTS, 2), np.float32)
  visibility = np.zeros(NUM_KEYPOINTS, np.int32)
  points[_ROWS] = np.where(seen[_OWN, None], joints[_OWN], 0.0)
  visibility[_ROWS] = _SEEN * seen[_OWN]
  known = joints[seen] if seen.any() else np.zeros((1, 2), np.float32)
  low, high = known.min(axis=0), known.max(axis=0)
  margin = _MARGIN * float(np.max(high - low))
  box = np.concatenate([low - margin, high - low + 2 * margin])
  weights = (visibility > 0).astype(np.float32)
  return CocoPerson(folder / row["image"], box, points, visibility, weights)


def is_mpii(annotations: Path) -> bool:
  """Whether a JSON file is a list, as MPII's, and no COCO file.

  False also for what cannot be read as JSON.
  """
  try:
    return isinstance(annotated_photos.read_json(Path(annotations)), list)
  except (OSError, ValueError):
    return False
