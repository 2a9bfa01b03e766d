"""Foreground masks of the people of a photo."""

from collections.abc import Sequence

import cv2
import numpy as np

from hund_tf.body import keypoints as table
from hund_tf.detection.pose import Looks
from hund_tf.detection.roi import paste_roi

_MARGIN = 0.05  # person sizes by which others must be nearer to take a pixel
_KNOWN = 0.1  # confidence of a keypoint that limbs are drawn to
_BONES = (
  ("neck", "mid_hip"),
  ("neck", "nose"),
  ("l_ear", "r_ear"),
  ("l_shoulder", "r_shoulder"),
  ("l_hip", "r_hip"),
  *(
    (f"{side}_{start}", f"{side}_{end}")
    for side in "lr"
    for start, end in (
      ("shoulder", "elbow"),
      ("shoulder", "hip"),
      ("elbow", "wrist"),
      ("hip", "knee"),
      ("knee", "ankle"),
      ("ankle", "big_toe"),
    )
  ),
)


def person_probability(person: Looks, height: int, width: int) -> np.ndarray:
  """[H, W] float32 mean foreground probability over the looks at a person."""
  total = np.zeros((height, width), np.float32)
  for pose in person.poses:
    total += paste_roi(pose.mask, pose.roi, height, width)
  return total / len(person.poses)


def limb_distance(keypoints: np.ndarray, height: int, width: int) -> np.ndarray:
  """How far the pixels of a photo are from the limbs of a person.

  Args:
    keypoints: [137, 3] x, y (pixels) and confidence.
    height: of the photo, pixels.
    width: of the photo, pixels.

  Returns:
    [H, W] float32, larger sides of the extent of the known body keypoints;
    infinite where no limb is known.
  """
  body = keypoints[table.BODY]
  known = body[body[:, 2] > _KNOWN, :2]
  free = np.ones((height, width), np.uint8)
  for start, end in _BONES:
    ends = keypoints[[table.INDEX[start], table.INDEX[end]]]
    if ends[:, 2].min() > _KNOWN:
      first, last = np.round(ends[:, :2] - 0.5).astype(int).tolist()
      cv2.line(free, first, last, 0)
  if free.all():
    return np.full((height, width), np.inf, np.float32)
  size = max(np.ptp(known, axis=0).max(), 1.0)
  return cv2.distanceTransform(free, cv2.DIST_L2, 5) / np.float32(size)


def person_masks(
  people: Sequence[Looks],
  keypoints: Sequence[np.ndarray],
  height: int,
  width: int,
) -> list[np.ndarray]:
  """One mask per person; a pixel belongs to one person only.

  The network that says what is foreground takes in neighbours. So a person
  loses pixels to the limbs of another who is nearer, and of those who then
  claim one the likeliest gets it.

  Args:
    people: the people of one photo.
    keypoints: [137, 3] of each: x, y (pixels) and confidence.
    height: of the photo, pixels.
    width: of the photo, pixels.

  Returns:
    [H, W] uint8 masks of 0 and 1.
  """
  near = [limb_distance(points, height, width) for points in keypoints]
  first = second = np.full((height, width), np.inf, np.float32)
  for distance in near:
    second = np.minimum(second, np.maximum(first, distance))
    first = np.minimum(first, distance)
  best = np.full((height, width), 0.5, np.float32)
  owner = np.full((height, width), -1, np.int16)
  for i, person in enumerate(people):
    probability = person_probability(person, height, width)
    if np.isfinite(near[i]).all():
      others = np.where(near[i] > first, first, second)  # the nearest of them
      lost = np.clip((near[i] - others) / _MARGIN, 0.0, 1.0)
      probability = probability - 0.5 * lost
    wins = probability > best
    best[wins], owner[wins] = probability[wins], i
  return [(owner == i).astype(np.uint8) for i in range(len(people))]
