"""3D landmarks of a person, from the looks of the pose, hand and face networks.

All are in metres from the root of their group (`hund_tf.body.landmarks_3d`),
x right, y down as the photo is turned, and z away from the viewer, along the
ray through the middle of the region that a network saw.
"""

from typing import NamedTuple

import numpy as np

from hund_tf.body import keypoints
from hund_tf.body.landmarks_3d import EYES
from hund_tf.detection.mapping import POSE_TO_BODY
from hund_tf.detection.pose import Looks
from hund_tf.types import NUM_KEYPOINTS

_HIPS = (23, 24)  # MediaPipe's landmarks
_NEAR = 0.1  # between both networks' places of a joint, sides of the box
# Root mean square distance of the 68 points of the mean body's face to their
# mean, metres: the face mesh has no scale of its own.
FACE_RADIUS = 0.0564
_EYES = [row - keypoints.FACE.start for row in EYES]


class PartLandmarks(NamedTuple):
  """The faces, or one hand each, of P people; zeros where none is seen."""

  points: np.ndarray  # [P, N, 3] float32 x, y (pixels) and confidence
  spatial: np.ndarray  # [P, N, 4] float32 x, y, z (metres) and weight


def body_landmarks(looks: Looks, pose: np.ndarray, size: float) -> np.ndarray:
  """The mean of the looks' 3D landmarks, from the middle of the hips.

  A weight is visibility x agreement of the looks x confidence of the joint of
  both networks x nearness to it, a Gaussian of the distance in the photo: where
  MediaPipe's network took another place for the joint, its depth is of that
  place.

  Args:
    looks: of MediaPipe's pose network.
    pose: [33, 3] x, y (pixels) and confidence of both networks.
    size: larger side of the person's box, pixels.

  Returns:
    [33, 4] float32 x, y, z (metres) and weight in [0, 1].
  """
  points = np.average(
    [look.world for look in looks.poses], axis=0, weights=looks.weights
  )
  points -= points[list(_HIPS)].mean(axis=0)
  apart = np.linalg.norm(looks.landmarks[:, :2] - pose[:, :2], axis=1) / size
  weight = looks.landmarks[:, 2] * looks.agreement * pose[:, 2]
  weight *= np.exp(-0.5 * (apart / _NEAR) ** 2)
  return np.concatenate([points, weight[:, None]], axis=1).astype(np.float32)


def face_landmarks(mesh: np.ndarray, score: float) -> np.ndarray:
  """The 3D landmarks of a face in the size of the mean body's.

  Args:
    mesh: [68, 3] x, y and depth of the iBUG points, pixels.
    score: probability of a face.

  Returns:
    [70, 4] metres from the middle of the eyes' contours, and the score as
    weight; nothing is known of the pupils.
  """
  face = np.zeros((70, 4), np.float32)
  spread = np.square(mesh - mesh.mean(axis=0)).sum(axis=1).mean()
  scale = FACE_RADIUS / np.sqrt(max(spread, 1e-9))
  face[:68, :3] = (mesh - mesh[_EYES].mean(axis=0)) * scale
  face[:68, 3] = score
  return face


def assemble_3d(
  body: np.ndarray,
  face: np.ndarray,
  left_hand: np.ndarray,
  right_hand: np.ndarray,
  points: np.ndarray,
) -> np.ndarray:
  """The 3D landmarks of one person as our 137 keypoints.

  Nothing is known of neck, mid hip and small toes, nor of faces and hands whose
  keypoints are unknown.

  Args:
    body: [33, 4] x, y, z (metres) and weight.
    face: [70, 4].
    left_hand: [21, 4], the subject's left.
    right_hand: [21, 4].
    points: [137, 3] x, y and confidence of the keypoints, 0 = unknown.

  Returns:
    [137, 4] float32; zeros where nothing is known.
  """
  spatial = np.zeros((NUM_KEYPOINTS, 4), np.float32)
  spatial[keypoints.FACE] = face
  spatial[keypoints.LEFT_HAND] = left_hand
  spatial[keypoints.RIGHT_HAND] = right_hand
  spatial[points[:, 2] <= 0] = 0.0
  for name, index in POSE_TO_BODY.items():
    spatial[keypoints.INDEX[name]] = body[index]
  spatial[:, 3] = np.clip(spatial[:, 3], 0.0, 1.0)
  spatial[spatial[:, 3] <= 0] = 0.0
  return spatial
