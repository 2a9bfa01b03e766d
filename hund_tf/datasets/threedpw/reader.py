"""3DPW as person records: people in photos of a moving hand-held camera."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import numpy as np

from hund_tf.body import joint_sets
from hund_tf.datasets import label_bounds
from hund_tf.datasets.region_fields import region_fields
from hund_tf.datasets.source import Skipped, WorkItem
from hund_tf.datasets.threedpw import smpl_joints
from hund_tf.datasets.threedpw.sequences import (
  ThreeDPWSequence,
  camera_joints,
  read_sequence,
  record_key,
)
from hund_tf.datasets.threedpw.smpl_joints import SmplFiles
from hund_tf.detection.mapping import fill_midpoints
from hund_tf.photos.loading import load_photo
from hund_tf.records.regions import (
  DEFAULT_MARGIN,
  DEFAULT_MAX_SIDE,
  person_region,
)
from hund_tf.records.schema import PersonRecord
from hund_tf.types import NUM_KEYPOINTS

SPLITS = ("train", "validation", "test")
_BOX_SCALE = 1.2  # SPIN's: the box around the points is so much larger
_MIN_EXTENT = 1.0  # pixels; points within less give no box
_LAYOUT = (
  "expected sequenceFiles/{train,validation,test}/NAME.pkl and "
  "imageFiles/NAME/image_00000.jpg"
)


def keypoints_of(points: np.ndarray) -> np.ndarray:
  """The 137 keypoints of OpenPose's 18 COCO points.

  The mid hip is the middle of the hips where both are known; feet, face and
  hands are unknown.

  Args:
    points: `[18, 3]` x, y (pixels) and confidence; 0 where not found.

  Returns:
    `[137, 3]` x, y and weight, the confidence in [0, 1].
  """
  rows = list(joint_sets.COCO_18_TO_KEYPOINTS)
  result = np.zeros((NUM_KEYPOINTS, 3))
  result[rows] = points
  fill_midpoints(result)
  result[rows] = points  # the neck is OpenPose's own
  result[:, 2] = np.clip(result[:, 2], 0.0, 1.0)
  return result


def person_box(
  points: np.ndarray, joints: np.ndarray, photo_size: np.ndarray
) -> np.ndarray:
  """Box `[4]` left, top, width, height, pixels, by SPIN's rule.

  The bounds of the 2D points that are known, 1.2 times as large: a square of
  its longer side is SPIN's crop. Where no two points are known, the bounds of
  the projected joints take their place. Those far outside the photo count for
  neither.

  Args:
    points: `[18, 3]` x, y and confidence.
    joints: `[24, 2]` projected joints.
    photo_size: `[2]` width, height.

  Raises:
    ValueError: if all are far outside the photo.
  """
  near = label_bounds.near_photo(points[:, :2], photo_size)
  known = points[near & (points[:, 2] > 0), :2]
  if not len(known) or np.ptp(known, axis=0).max() < _MIN_EXTENT:
    known = joints[label_bounds.near_photo(joints, photo_size)]
  if not len(known):
    raise ValueError("joints far outside the photo; expected some within")
  low, high = known.min(axis=0), known.max(axis=0)
  size = np.maximum(_BOX_SCALE * (high - low), _MIN_EXTENT)
  return np.concatenate([0.5 * (low + high - size), size])


@dataclasses.dataclass(frozen=True)
class ThreeDPW:
  """3DPW on disk; a `DatasetSource`.

  Attributes:
    root: folder with `sequenceFiles` and `imageFiles`.
    split: "train", "validation" or "test".
    image_margin: side of the stored square over the longer side of the box.
    max_side: the largest side of a stored image, pixels.
    smpl: the user's SMPL models; with them records have Human3.6M's joints, on
      which the field's tables are, else SMPL's own 24.
  """

  name: ClassVar[str] = "3dpw"
  root: str | Path
  split: str = "train"
  image_margin: float = DEFAULT_MARGIN
  max_side: int = DEFAULT_MAX_SIDE
  smpl: SmplFiles | None = None

  def __post_init__(self):
    if self.split not in SPLITS:
      raise ValueError(
        f"split {self.split!r}: expected one of {', '.join(SPLITS)}"
      )

  def items(self) -> list[WorkItem]:
    """One for each sequence; see `DatasetSource`."""
    root = Path(self.root).expanduser()
    paths = sorted((root / "sequenceFiles" / self.split).glob("*.pkl"))
    if not paths or not (root / "imageFiles").is_dir():
      raise ValueError(
        f"{root}: does not hold 3DPW's split {self.split}; {_LAYOUT}"
      )
    if self.smpl:
      smpl_joints.check(self.smpl)
    return [WorkItem(path.stem, (str(path),)) for path in paths]

  def convert(self, item: WorkItem) -> Iterator[PersonRecord | Skipped]:
    """The records of a sequence, all actors; see `DatasetSource`."""
    try:
      sequence = read_sequence(item.payload[0])
    except ValueError as error:
      problem = str(error)
      yield Skipped(item.key, "unreadable sequence", problem, damaged=True)
      return
    photos = Path(self.root).expanduser() / "imageFiles" / item.key
    actors = range(len(sequence.genders))
    regressed = None
    if self.smpl:
      regressed = [
        smpl_joints.regressed_joints(sequence, actor, self.smpl)
        for actor in actors
      ]
    for frame in range(len(sequence.camera_poses)):
      keys = [record_key(item.key, actor, frame) for actor in actors]
      valid = [actor for actor in actors if sequence.valid[actor, frame]]
      for actor in actors:
        if actor not in valid:
          problem = f"{keys[actor]}: the dataset marks the camera as not valid"
          yield Skipped(keys[actor], "camera not valid", problem, damaged=False)
      if not valid:
        continue
      try:
        photo = load_photo(photos / f"image_{frame:05d}.jpg")
      except ValueError as error:
        for actor in valid:
          problem = f"{keys[actor]}: {error}"
          yield Skipped(keys[actor], "unreadable photo", problem, damaged=True)
        continue
      for actor in valid:
        record = self._record(
          keys[actor], item.key, sequence, actor, frame, photo
        )
        if regressed and isinstance(record, PersonRecord):
          record = record._replace(
            joint_set="h36m_17",
            joints=regressed[actor][frame].astype(np.float32),
            joint_weights=np.ones(len(regressed[actor][frame]), np.float32),
          )
        yield record

  def _record(
    self,
    key: str,
    name: str,
    sequence: ThreeDPWSequence,
    actor: int,
    frame: int,
    photo: np.ndarray,
  ) -> PersonRecord | Skipped:
    joints = camera_joints(sequence, actor, frame)
    points = sequence.poses_2d[actor, frame]
    if not np.isfinite(joints).all() or joints[:, 2].min() <= 0:
      problem = f"{key}: joints are not finite or behind the camera"
      return Skipped(key, "unusable joints", problem, damaged=True)
    focal, center = sequence.intrinsics[:2], sequence.intrinsics[2:]
    pixels = joints[:, :2] / joints[:, 2:] * focal + center
    try:
      box = person_box(points, pixels, np.array(photo.shape[1::-1]))
      region = person_region(photo, box, self.image_margin, self.max_side)
    except ValueError as error:
      problem = f"{key}: {error}"
      return Skipped(key, "person outside the photo", problem, damaged=False)
    return PersonRecord(
      key=key,
      dataset=self.name,
      subject=f"actor{actor}/{sequence.genders[actor]}",
      sequence=name,
      frame=frame,
      joint_set="smpl_24",
      joints=joints.astype(np.float32),
      joint_weights=np.ones(len(joints), np.float32),
      **region_fields(region, sequence.intrinsics, box, keypoints_of(points)),
    )
