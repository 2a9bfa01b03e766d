"""What readers of hands in 3D share: records of 21 joints of either hand."""

import numpy as np

from hund_tf.body import keypoints
from hund_tf.body.joint_sets import HANDS_42
from hund_tf.datasets import annotated_photos
from hund_tf.records.schema import PersonRecord
from hund_tf.types import NUM_KEYPOINTS

JOINT_SET = "hands_42"
LEFT, RIGHT = slice(0, 21), slice(21, 42)  # of the 42
_ROWS = slice(keypoints.LEFT_HAND.start, keypoints.RIGHT_HAND.stop)
_MARGIN = 0.1  # of the box around the joints, larger sides of them


def numbers(name: str, values: object, *shape: int) -> np.ndarray:
  """Numbers of an annotation as float64 of a shape.

  Raises:
    ValueError: if they are of another shape.
    TypeError: if they are no numbers.
  """
  array = np.asarray(values, np.float64)
  if array.shape != shape:
    raise ValueError(f"{name} has the shape {array.shape}, expected {shape}")
  return array


def hand_record(
  record: PersonRecord,
  joints: np.ndarray,
  known: np.ndarray,
  intrinsics: np.ndarray,
  image: np.ndarray,
  margin: float,
  max_side: int,
) -> PersonRecord:
  """A record of the hands of a photo, with their keypoints and their region.

  Keypoints are where the camera sees the joints; whether they are hidden is
  not told, so their visibility is 0. A known joint that is not finite or not
  before the camera has a keypoint that is not finite, for
  `label_bounds.without_far_labels` to count.

  Args:
    record: names the hands; a box `[4]`, photo pixels, or without area that of
      the keypoints, widened by a tenth of its larger side everywhere.
    joints: `[42, 3]` metres, camera frame, in the order of `HANDS_42`.
    known: `[42]` which of them are annotated.
    intrinsics: `[4]` fx, fy, cx, cy of the photo.
    image: `[H, W, 3]` uint8, the photo.
    margin: side of the region over the longer side of the box.
    max_side: largest stored side, pixels.

  Raises:
    ValueError: if the camera cannot be used, no joint can, or the box has no
      area within the photo.
  """
  if not (np.isfinite(intrinsics).all() and (intrinsics[:2] > 0).all()):
    raise ValueError("the camera's focal lengths are not positive numbers")
  with np.errstate(all="ignore"):
    pixels = joints[:, :2] / joints[:, 2:] * intrinsics[:2] + intrinsics[2:]
  pixels[~(joints[:, 2] > 0)] = np.nan
  usable = known & np.isfinite(pixels).all(axis=-1)
  if not usable.any():
    raise ValueError("no joint has a place before the camera")
  box = record.box
  if not np.any(box):
    low, high = pixels[usable].min(axis=0), pixels[usable].max(axis=0)
    widened = _MARGIN * float(np.max(high - low))
    box = np.concatenate([low - widened, high - low + 2 * widened])
  points = np.zeros((NUM_KEYPOINTS, 3), np.float32)
  with np.errstate(over="ignore"):
    points[_ROWS] = np.column_stack([pixels, np.ones(len(HANDS_42))])
    points[_ROWS][~known] = 0.0
    record = record._replace(
      box=np.asarray(box, np.float32),
      keypoints=points,
      intrinsics=np.asarray(intrinsics, np.float32),
      intrinsics_weight=1.0,
      joint_set=JOINT_SET,
      joints=np.where(known[:, None], joints, 0.0).astype(np.float32),
      joint_weights=known.astype(np.float32),
    )
  return annotated_photos.with_region(record, image, margin, max_side)
