"""Hands of people of whom nothing else is seen."""

from collections.abc import Sequence

import numpy as np

from hund_tf.body import keypoints
from hund_tf.detection.confidence import calibrated
from hund_tf.detection.hands import HandReader
from hund_tf.detection.interface import Detection
from hund_tf.types import NUM_KEYPOINTS

_ROWS = {"left": keypoints.LEFT_HAND, "right": keypoints.RIGHT_HAND}


def lone_hands(
  reader: HandReader,
  images: Sequence[np.ndarray],
  boxes: Sequence[np.ndarray],
  sides: Sequence[str],
) -> list[Detection | None]:
  """Hands in given boxes, as people with no other keypoint; None: no hand.

  Args:
    reader: of hands.
    images: of each hand, the [H, W, 3] uint8 photo.
    boxes: of each hand, [4] left, top, width, height, pixels.
    sides: of each hand, the person's "left" or "right".
  """
  read = reader.in_boxes(images, boxes)
  confidences = calibrated("hands", read.points[..., 2])
  found: list[Detection | None] = []
  for i, (box, side) in enumerate(zip(boxes, sides, strict=True)):
    if not confidences[i].any():
      found.append(None)
      continue
    points = np.zeros((NUM_KEYPOINTS, 3), np.float32)
    spatial = np.zeros((NUM_KEYPOINTS, 4), np.float32)
    points[_ROWS[side], :2] = read.points[i, :, :2]
    points[_ROWS[side], 2] = confidences[i]
    spatial[_ROWS[side]] = read.spatial[i]
    score = float(confidences[i].mean())
    box = np.asarray(box, np.float32)
    found.append(Detection(box, score, points, None, spatial))
  return found
