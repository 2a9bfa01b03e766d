"""Hand landmarks of a person whose pose is known."""

from collections.abc import Sequence

import numpy as np

from hund_tf.detection.landmarks_3d import PartLandmarks
from hund_tf.detection.networks import (
  HAND_LANDMARK,
  HAND_RECROP,
  shared_network,
)
from hund_tf.detection.pose import turned
from hund_tf.detection.roi import Roi, aligned_angle, crop_rois

# Pose landmarks: wrist, little finger, index finger.
LEFT_HAND_POSE = (15, 17, 19)
RIGHT_HAND_POSE = (16, 18, 20)
_MIN_SIDE = 24.0  # pixels of the photo; smaller hands say nothing
_MIN_WRIST = 0.1  # visibility below which no hand is looked for
_LEAST_SCORE = 0.5  # probability of a hand
_AROUND = (
  2.0  # side of the first look at a hand whose box is known, sides of it
)
_TURNS = (0.0, 0.5 * np.pi, np.pi, 1.5 * np.pi)  # of such looks
_MAX_OFFSET = 0.35  # of hand's and pose's wrist, sides of the region


def hand_roi(wrist: np.ndarray, little: np.ndarray, index: np.ndarray) -> Roi:
  """Region around a hand from three pose landmarks [2], fingers up."""
  middle = (2.0 * index + little) / 3.0
  size = 2.0 * float(np.linalg.norm(middle - wrist))
  angle = aligned_angle(wrist, middle, 90.0)
  roi = Roi(float(middle[0]), float(middle[1]), max(size, 1.0), angle)
  return roi.shifted(0.0, -0.1, 2.7)


class HandReader:
  """Reads hands of people whose poses are known."""

  def __init__(self):
    self._recrop = shared_network(HAND_RECROP)
    self._landmark = shared_network(HAND_LANDMARK)

  def __call__(
    self,
    images: Sequence[np.ndarray],
    poses: Sequence[np.ndarray],
    indices: tuple[int, int, int],
  ) -> PartLandmarks:
    """Finds one hand of each person.

    Args:
      images: of P people, each the [H, W, 3] uint8 photo.
      poses: of P people, each [33, 3] x, y (pixels) and confidence.
      indices: `LEFT_HAND_POSE` or `RIGHT_HAND_POSE`.
    """
    hands = PartLandmarks(
      np.zeros((len(poses), 21, 3), np.float32),
      np.zeros((len(poses), 21, 4), np.float32),
    )
    corners = [pose[list(indices)] for pose in poses]
    seen = [i for i, c in enumerate(corners) if c[0, 2] >= _MIN_WRIST]
    rois = self.recropped(
      [images[i] for i in seen],
      [hand_roi(*corners[i][:, :2]) for i in seen],
    )
    large = [k for k, roi in enumerate(rois) if roi.size >= _MIN_SIDE]
    read = self.read([images[seen[k]] for k in large], [rois[k] for k in large])
    for k, (points, spatial, score) in zip(large, read, strict=True):
      i, roi = seen[k], rois[k]
      offset = np.linalg.norm(points[0] - corners[i][0, :2])
      if score >= _LEAST_SCORE and offset <= _MAX_OFFSET * roi.size:
        hands.points[i, :, :2], hands.points[i, :, 2] = points, score
        hands.spatial[i, :, :3], hands.spatial[i, :, 3] = spatial, score
    return hands

  def in_boxes(
    self, images: Sequence[np.ndarray], boxes: Sequence[np.ndarray]
  ) -> PartLandmarks:
    """Reads hands of which only the box is known, however they are turned.

    Of four looks, a quarter turn apart, the surest counts.

    Args:
      images: of H hands, each the [H, W, 3] uint8 photo.
      boxes: of H hands, each [4] left, top, width, height, pixels.
    """
    hands = PartLandmarks(
      np.zeros((len(boxes), 21, 3), np.float32),
      np.zeros((len(boxes), 21, 4), np.float32),
    )
    for i, (image, box) in enumerate(zip(images, boxes, strict=True)):
      x, y = np.asarray(box[:2]) + np.asarray(box[2:]) / 2
      size = _AROUND * float(max(box[2], box[3]))
      first = [Roi(float(x), float(y), size, turn) for turn in _TURNS]
      photos = [image] * len(first)
      read = self.read(photos, self.recropped(photos, first))
      points, spatial, score = max(read, key=lambda look: look[2])
      if score >= _LEAST_SCORE:
        hands.points[i, :, :2], hands.points[i, :, 2] = points, score
        hands.spatial[i, :, :3], hands.spatial[i, :, 3] = spatial, score
    return hands

  def recropped(
    self, images: Sequence[np.ndarray], rois: Sequence[Roi]
  ) -> list[Roi]:
    """Closer regions around hands than the pose gives."""
    if not rois:
      return []
    side = self._recrop.side
    out = self._recrop(crop_rois(images, rois, side))["region"]
    closer = []
    for roi, ends in zip(rois, out.reshape(-1, 2, 2) / side, strict=True):
      center, rim = roi.to_image(ends)
      size = max(2.0 * float(np.linalg.norm(rim - center)), 1.0)
      angle = aligned_angle(center, rim, -90.0)
      region = Roi(float(center[0]), float(center[1]), size, angle)
      closer.append(region.shifted(0.0, -0.1, 1.0))
    return closer

  def read(
    self, images: Sequence[np.ndarray], rois: Sequence[Roi]
  ) -> list[tuple[np.ndarray, np.ndarray, float]]:
    """What is seen in each region.

    Returns:
      Landmarks [21, 2] in pixels and [21, 3] in metres from the wrist, and the
      probability of a hand.
    """
    if not rois:
      return []
    side = self._landmark.side
    out = self._landmark(crop_rois(images, rois, side))
    points = out["landmarks"].reshape(-1, 21, 3)[..., :2] / side
    spatial = out["world_landmarks"].reshape(-1, 21, 3).astype(np.float64)
    spatial -= spatial[:, :1]
    for roi, hand in zip(rois, spatial, strict=True):
      hand[:, :2] = turned(hand[:, :2], roi.angle)
    return [
      (roi.to_image(hand), in_space, float(score))
      for roi, hand, in_space, score in zip(
        rois, points, spatial, out["score"][:, 0], strict=True
      )
    ]
