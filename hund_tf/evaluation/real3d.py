"""Protocol `real3d`: photos with calibrated cameras and named 3D joints.

The truth is a JSON list of photos:

    [{"file": "cam1.jpg", "dataset": "studio", "width": 1080, "height": 1920,
      "intrinsics_fx_fy_cx_cy": [1681.2, 1681.0, 533.0, 948.1],
      "people": [{"box_left_top_width_height": [132, 408, 637, 690],
                  "joints_3d_camera_mm": {"r_hip": [-242, -376, 3183], ...}}]}]

`file` is relative to the folder of the photos. Joints are in the camera frame
(x right, y down, z forward), millimetres, of the names of `LSP_14`, and of
these any number; others are not compared. A photo may state by
`joint_regressor` whose definition of the joints it has, one of
`joint_regressors.NAMES`; without it the lengths of the bones tell.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from hund_tf import files
from hund_tf.body import joint_regressors, joint_sets, keypoints
from hund_tf.detection.interface import Detection, PersonDetector
from hund_tf.evaluation import annotated_people, figures
from hund_tf.evaluation.figures import Row
from hund_tf.evaluation.photo_predictions import Sighting
from hund_tf.evaluation.protocols import Truth
from hund_tf.evaluation.scoring import Scores
from hund_tf.photos import loading
from hund_tf.types import NUM_KEYPOINTS, Intrinsics

_MM = 1e-3  # metres
_EXPECTED = (
  "expected a list of photos with file, dataset, intrinsics_fx_fy_cx_cy and "
  "people, each with box_left_top_width_height and joints_3d_camera_mm"
)
_LEAST_JOINTS = 3  # that a similarity needs
COLUMNS = {
  "pa_mpjpe": "MPJPE-PA",
  "mpjpe": "MPJPE",
  "mpjpe_camera": "un-aligned",
  "trunk_pitch": "trunk pitch, degrees",
}


class PhotoPeople(NamedTuple):
  """A photo and the N people of it whose joints are known."""

  photo: Path
  dataset: str
  intrinsics: np.ndarray  # [4] fx, fy, cx, cy, pixels
  keys: tuple[str, ...]  # N, the file and the number in it: "cam1.jpg/0"
  boxes: np.ndarray  # [N, 4] pixels
  joints: np.ndarray  # [N, 14, 3] metres, camera frame; NaN is missing
  joint_regressor: str  # whose definition they have; "": not stated


def read(path: Path, photo_dir: Path | None = None) -> list[PhotoPeople]:
  """Reads the truth; its arguments are those of `annotated_people.read_list`.

  Raises:
    ValueError: of one line, if it is not such a file.
  """
  content, folder = annotated_people.read_list(path, photo_dir, _EXPECTED)
  try:
    photos = [_photo(entry, folder) for entry in content]
  except (ValueError, KeyError, TypeError) as error:
    raise ValueError(
      f"{path}: cannot be used ({files.problem(error)}); {_EXPECTED}"
    ) from error
  if not any(len(photo.keys) for photo in photos):
    raise ValueError(f"{path}: has no people; {_EXPECTED}")
  return photos


def _photo(entry: dict[str, Any], folder: Path) -> PhotoPeople:
  name, people = entry["file"], entry["people"]
  stated = str(entry.get("joint_regressor", ""))
  if stated and stated not in joint_regressors.NAMES:
    raise ValueError(
      f"{name}: joint_regressor {stated!r} is not one of "
      f"{', '.join(joint_regressors.NAMES)}"
    )
  boxes = [_numbers(name, p["box_left_top_width_height"], 4) for p in people]
  joints = [_joints(name, p["joints_3d_camera_mm"]) for p in people]
  return PhotoPeople(
    photo=folder / name,
    dataset=str(entry["dataset"]),
    intrinsics=_numbers(name, entry["intrinsics_fx_fy_cx_cy"], 4),
    keys=tuple(f"{name}/{k}" for k in range(len(people))),
    boxes=np.array(boxes).reshape(-1, 4),
    joints=np.array(joints).reshape(-1, len(joint_sets.LSP_14), 3),
    joint_regressor=stated,
  )


def _joints(where: str, named: dict[str, Any]) -> np.ndarray:
  joints = np.full([len(joint_sets.LSP_14), 3], np.nan)
  for row, name in enumerate(joint_sets.LSP_14):
    if name in named:
      joints[row] = _MM * _numbers(where, named[name], 3)
  known = np.isfinite(joints).all(-1).sum()
  if known < _LEAST_JOINTS:
    raise ValueError(
      f"{where}: somebody has {known} of the joints "
      f"{', '.join(joint_sets.LSP_14)}, expected at least {_LEAST_JOINTS}"
    )
  return joints


def _numbers(where: str, values: Any, count: int) -> np.ndarray:
  array = np.asarray(values, np.float64)
  if array.shape != (count,) or not np.isfinite(array).all():
    raise ValueError(f"{where}: got {values!r}, expected {count} numbers")
  return array


def to_truth(photos: list[PhotoPeople]) -> Truth:
  """The people of all photos as the truth of a protocol.

  There is no pelvis: the root is the middle of the hips.
  """
  joints = np.concatenate([photo.joints for photo in photos])
  return Truth(
    keys=tuple(key for photo in photos for key in photo.keys),
    groups=tuple(photo.dataset for photo in photos for _ in photo.keys),
    joints=joints,
    weights=np.isfinite(joints).all(-1).astype(np.float64),
    pelvis=np.full([len(joints), 3], np.nan),
    joint_set="h36m_17",
    videos=len(photos),
    left_out={},
    gaps=(),
  )


def stated_regressors(photos: list[PhotoPeople]) -> dict[str, str]:
  """The joint regressors that photos state, by dataset.

  Raises:
    ValueError: if photos of a dataset state different ones.
  """
  stated: dict[str, str] = {}
  for photo in photos:
    known = stated.setdefault(photo.dataset, photo.joint_regressor)
    if known != photo.joint_regressor:
      raise ValueError(
        f"{photo.photo.name}: joint_regressor is {photo.joint_regressor!r} and "
        f"that of other photos of {photo.dataset} is {known!r}; expected one"
      )
  return stated


def sightings(
  photos: list[PhotoPeople],
  detector: PersonDetector,
  regressors: Mapping[str, str],
  search: bool = False,
) -> Iterator[Sighting]:
  """The people, found in their boxes and seen by their true cameras.

  Args:
    photos: of `read`.
    detector: finds them.
    regressors: of the joints, by dataset.
    search: search the photos and pair who is found with the truth, in place of
      giving the detector the boxes.

  Raises:
    PhotoError: if a photo cannot be read.
  """
  for photo in photos:
    image = loading.load_photo(photo.photo)
    if search:
      points, known = _projected(photo)
      found = annotated_people.search(
        detector, image, list(photo.boxes), points, known
      )
    else:
      found = annotated_people.detect(detector, image, list(photo.boxes))
    for k, detection in enumerate(found):
      yield _sighting(photo, k, image, detection)._replace(
        joint_regressor=regressors[photo.dataset]
      )


def _sighting(
  photo: PhotoPeople, k: int, image: np.ndarray, detection: Detection | None
) -> Sighting:
  lens = photo.intrinsics.astype(np.float32)
  return Sighting(
    photo.keys[k],
    None if detection is None else image,
    Intrinsics(lens[:2], lens[2:]),
    photo.boxes[k],
    detection,
    "nobody was found",
  )


def _projected(photo: PhotoPeople) -> tuple[np.ndarray, np.ndarray]:
  """Where the joints are in the photo `[N, 137, 2]`, and which are known."""
  points = np.zeros([len(photo.keys), NUM_KEYPOINTS, 2])
  known = np.zeros([len(photo.keys), NUM_KEYPOINTS], bool)
  for row, name in enumerate(joint_sets.LSP_14):
    if name in keypoints.INDEX:
      joint = photo.joints[:, row]
      place = joint[:, :2] / joint[:, 2:] * photo.intrinsics[:2]
      points[:, keypoints.INDEX[name]] = place + photo.intrinsics[2:]
      known[:, keypoints.INDEX[name]] = np.isfinite(place).all(-1)
  return np.nan_to_num(points), known


def summarize(truth: Truth, scores: Scores) -> list[Row]:
  """Errors by data set and over all, millimetres, with standard errors.

  These take people for independent; frames of one person are not quite.
  """
  groups = np.array(truth.groups)
  names = sorted(set(truth.groups))
  rows = [_row(name, truth, scores, groups == name) for name in names]
  if len(names) > 1:
    rows.append(_row("all", truth, scores, np.ones(len(groups), bool)))
  return rows


def _row(name: str, truth: Truth, scores: Scores, here: np.ndarray) -> Row:
  joints = truth.weights[here].sum(-1)
  return Row(
    name,
    {
      "people": int(here.sum()),
      "found": int(scores.found[here].sum()),
      "joints": int(joints.max()),
    },
    {
      title: figures.mean(scores.errors[column][here])
      for column, title in COLUMNS.items()
    },
  )
