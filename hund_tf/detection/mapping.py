"""MediaPipe's landmarks as our 137 keypoints."""

import numpy as np

from hund_tf.body import keypoints
from hund_tf.types import NUM_KEYPOINTS

# Our body keypoint: MediaPipe's pose landmark. Small toes have none; neck and
# mid hip are midpoints.
POSE_TO_BODY = {
  "nose": 0,
  "l_eye": 2,
  "r_eye": 5,
  "l_ear": 7,
  "r_ear": 8,
  "l_shoulder": 11,
  "r_shoulder": 12,
  "l_elbow": 13,
  "r_elbow": 14,
  "l_wrist": 15,
  "r_wrist": 16,
  "l_hip": 23,
  "r_hip": 24,
  "l_knee": 25,
  "r_knee": 26,
  "l_ankle": 27,
  "r_ankle": 28,
  "l_heel": 29,
  "r_heel": 30,
  "l_big_toe": 31,
  "r_big_toe": 32,
}
# Our body keypoint: the face points whose mean it is, where a face is seen.
FACE_TO_BODY = {
  "nose": (30,),
  "r_eye": tuple(range(36, 42)),
  "l_eye": tuple(range(42, 48)),
}

_MARGIN = 0.05  # of the pose's extent: keypoints so far outside the photo stay


def fill_midpoints(points: np.ndarray) -> None:
  """Sets neck and mid hip of [137, 3] points to midpoints, in place.

  Both ends must be known; the confidence is the lesser one.
  """
  for row, pair in keypoints.MIDPOINT_ROWS.items():
    ends = points[pair]
    confidence = ends[:, 2].min()
    points[row] = [*ends[:, :2].mean(axis=0), confidence]
    if confidence <= 0:
      points[row] = 0.0


def assemble(
  pose: np.ndarray,
  face: np.ndarray,
  left_hand: np.ndarray,
  right_hand: np.ndarray,
  height: int,
  width: int,
) -> np.ndarray:
  """Builds the 137 keypoints of one person.

  Whatever lies clearly outside the photo is unknown.

  Args:
    pose: [33, 3] x, y (pixels), confidence in [0, 1].
    face: [70, 3] x, y, confidence.
    left_hand: [21, 3], the subject's left.
    right_hand: [21, 3].
    height: of the photo, pixels.
    width: of the photo, pixels.

  Returns:
    [137, 3] float32 x, y (pixels), confidence in [0, 1]; 0 = unknown.
  """
  points = np.zeros((NUM_KEYPOINTS, 3), np.float32)
  for name, index in POSE_TO_BODY.items():
    points[keypoints.INDEX[name]] = pose[index]
  points[keypoints.FACE] = face
  if face[:, 2].min() > 0:  # the mesh sees nose and eyes more closely
    for name, rows in FACE_TO_BODY.items():
      points[keypoints.INDEX[name], :2] = face[list(rows), :2].mean(axis=0)
  points[keypoints.LEFT_HAND] = left_hand
  points[keypoints.RIGHT_HAND] = right_hand
  points[:, 2] = np.clip(points[:, 2], 0.0, 1.0)
  margin = _MARGIN * np.max(np.ptp(pose[:, :2], axis=0))
  size = np.array([width, height])
  inside = np.all(np.isfinite(points), axis=1) & np.all(
    (points[:, :2] >= -margin) & (points[:, :2] <= size + margin), axis=1
  )
  points[~inside] = 0.0
  fill_midpoints(points)
  points[points[:, 2] <= 0] = 0.0
  return points
