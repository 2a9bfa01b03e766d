"""Hand landmarks of a person whose pose is known."""

import numpy as np

from hund_tf.detection.networks import HAND_LANDMARK, HAND_RECROP, Network
from hund_tf.detection.roi import Roi, aligned_angle, crop_roi

# Pose landmarks: wrist, little finger, index finger.
LEFT_HAND_POSE = (15, 17, 19)
RIGHT_HAND_POSE = (16, 18, 20)
_MIN_SIDE = 24.0  # pixels of the photo; smaller hands say nothing
_MIN_WRIST = 0.1  # visibility below which no hand is looked for
_MAX_OFFSET = 0.35  # of hand's and pose's wrist, sides of the region


def hand_roi(wrist: np.ndarray, little: np.ndarray, index: np.ndarray) -> Roi:
  """Region around a hand from three pose landmarks [2], fingers up."""
  middle = (2.0 * index + little) / 3.0
  size = 2.0 * float(np.linalg.norm(middle - wrist))
  angle = aligned_angle(wrist, middle, 90.0)
  roi = Roi(float(middle[0]), float(middle[1]), max(size, 1.0), angle)
  return roi.shifted(0.0, -0.1, 2.7)


class HandReader:
  """Reads a hand of a person whose pose is known."""

  def __init__(self, num_threads: int = 1):
    self._recrop = Network(HAND_RECROP, num_threads)
    self._landmark = Network(HAND_LANDMARK, num_threads)

  def __call__(
    self, image: np.ndarray, pose: np.ndarray, indices: tuple[int, int, int]
  ) -> np.ndarray:
    """Finds one hand.

    Args:
      image: [H, W, 3] uint8 photo.
      pose: [33, 4] x, y (pixels), visibility, presence.
      indices: `LEFT_HAND_POSE` or `RIGHT_HAND_POSE`.

    Returns:
      [21, 3] x, y (pixels) and confidence; zeros if no hand is seen.
    """
    hand = np.zeros((21, 3), np.float32)
    wrist, little, index = pose[list(indices), :2]
    if pose[indices[0], 2] * pose[indices[0], 3] < _MIN_WRIST:
      return hand
    roi = self.recropped(image, hand_roi(wrist, little, index))
    if roi.size < _MIN_SIDE:
      return hand
    points, score = self.read(image, roi)
    if score < 0.5:
      return hand
    if np.linalg.norm(points[0] - wrist) > _MAX_OFFSET * roi.size:
      return hand
    hand[:, :2], hand[:, 2] = points, score
    return hand

  def recropped(self, image: np.ndarray, roi: Roi) -> Roi:
    """A closer region around the hand than the pose gives."""
    side = self._recrop.side
    out = self._recrop(crop_roi(image, roi, side))["output_crop"]
    center, rim = roi.to_image(out.reshape(2, 2) / side)
    size = max(2.0 * float(np.linalg.norm(rim - center)), 1.0)
    angle = aligned_angle(center, rim, -90.0)
    closer = Roi(float(center[0]), float(center[1]), size, angle)
    return closer.shifted(0.0, -0.1, 1.0)

  def read(self, image: np.ndarray, roi: Roi) -> tuple[np.ndarray, float]:
    """Landmarks [21, 2] in pixels and the probability of a hand."""
    side = self._landmark.side
    out = self._landmark(crop_roi(image, roi, side))
    points = out["Identity"].reshape(21, 3)[:, :2] / side
    return roi.to_image(points), float(out["Identity_1"][0])
