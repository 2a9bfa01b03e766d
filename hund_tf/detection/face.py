"""Face landmarks: MediaPipe's face mesh as the 70 points of OpenPose."""

import numpy as np
from scipy.special import expit

from hund_tf.detection.anchors import FACE_STRIDES, decode, ssd_anchors
from hund_tf.detection.networks import (
  FACE_DETECTION,
  FACE_LANDMARK,
  IRIS_LANDMARK,
  Network,
)
from hund_tf.detection.roi import Roi, aligned_angle, crop_roi

# Vertices of the 468-vertex mesh that are the iBUG-68 points.
MESH_68 = (
  (127, 234, 132, 58, 172, 150, 176, 148, 152)  # contour, subject's right
  + (377, 400, 379, 397, 288, 361, 454, 356)  # contour, subject's left
  + (70, 63, 105, 66, 107)  # right brow
  + (336, 296, 334, 293, 300)  # left brow
  + (168, 197, 5, 4)  # bridge of the nose
  + (98, 97, 2, 326, 327)  # nostrils
  + (33, 160, 158, 133, 153, 144)  # right eye
  + (362, 385, 387, 263, 373, 380)  # left eye
  + (61, 39, 37, 0, 267, 269, 291, 405, 314, 17, 84, 181)  # outer lips
  + (78, 81, 13, 311, 308, 402, 14, 178)  # inner lips
)
RIGHT_EYE_CORNERS = (33, 133)  # the subject's right eye, outer and inner
LEFT_EYE_CORNERS = (362, 263)
_POSE_FACE = slice(0, 11)  # pose landmarks of the face
_POSE_RIGHT_EYE, _POSE_LEFT_EYE = 5, 2
_MAX_OFFSET = 0.35  # of mesh's and pose's nose, sides of the region
_MIN_SIDE = 24.0  # pixels of the photo; smaller faces say nothing


def points_roi(
  points: np.ndarray, start: np.ndarray, end: np.ndarray, scale: float
) -> Roi:
  """Square around points [N, 2], turned so that start -> end is level."""
  angle = aligned_angle(start, end, 0.0)
  c, s = np.cos(angle), np.sin(angle)
  axes = np.array([[c, -s], [s, c]])
  local = points @ axes
  low, high = local.min(axis=0), local.max(axis=0)
  x, y = axes @ ((low + high) / 2)
  size = max(float(np.max(high - low)), 1.0) * scale
  return Roi(float(x), float(y), size, angle)


class FaceReader:
  """Reads the face of a person whose pose is known."""

  def __init__(self, num_threads: int = 1):
    self._detector = Network(FACE_DETECTION, num_threads)
    self._anchors = ssd_anchors(self._detector.side, FACE_STRIDES)
    self._mesh = Network(FACE_LANDMARK, num_threads)
    self._iris = Network(IRIS_LANDMARK, num_threads)

  def __call__(self, image: np.ndarray, pose: np.ndarray) -> np.ndarray:
    """Finds the face near the pose's.

    Args:
      image: [H, W, 3] uint8 photo.
      pose: [33, 4] x, y (pixels), visibility, presence.

    Returns:
      [70, 3] x, y (pixels) and confidence; zeros if no face is seen.
    """
    face = np.zeros((70, 3), np.float32)
    points = pose[:, :2]
    around = points_roi(
      points[_POSE_FACE], points[_POSE_RIGHT_EYE], points[_POSE_LEFT_EYE], 3.0
    )
    roi = self._detect(image, around)
    if roi is None or roi.size < _MIN_SIDE:
      return face
    mesh, score = self._read_mesh(image, roi)
    if score >= 0.5:  # once more, aligned with the mesh itself
      roi = points_roi(mesh, mesh[33], mesh[263], 1.5)
      mesh, score = self._read_mesh(image, roi)
    nose = mesh[MESH_68[30]]
    if score < 0.5 or np.linalg.norm(nose - points[0]) > _MAX_OFFSET * roi.size:
      return face
    face[:68, :2] = mesh[list(MESH_68)]
    face[68, :2] = self._pupil(image, mesh, RIGHT_EYE_CORNERS, False)
    face[69, :2] = self._pupil(image, mesh, LEFT_EYE_CORNERS, True)
    face[:, 2] = score
    return face

  def _detect(self, image: np.ndarray, around: Roi) -> Roi | None:
    """The face's region within a wider one, None if there is no face."""
    side = self._detector.side
    out = self._detector(crop_roi(image, around, side), low=-1.0)
    found = decode(
      out["regressors"],
      out["classificators"][:, 0],
      self._anchors,
      side,
      min_score=0.5,
    )
    if not len(found.scores):
      return None
    points = around.to_image(found.keypoints[0])
    return points_roi(points, points[0], points[1], 2.0).shifted(0, -0.1, 1.0)

  def _read_mesh(self, image: np.ndarray, roi: Roi) -> tuple[np.ndarray, float]:
    """Mesh [468, 2] in pixels and the probability of a face."""
    side = self._mesh.side
    out = self._mesh(crop_roi(image, roi, side))
    mesh = out["conv2d_21"].reshape(468, 3)[:, :2] / side
    return roi.to_image(mesh), float(expit(out["conv2d_31"].ravel()[0]))

  def _pupil(
    self,
    image: np.ndarray,
    mesh: np.ndarray,
    corners: tuple[int, int],
    mirrored: bool,
  ) -> np.ndarray:
    """Centre [2] of the iris, pixels; the network knows right eyes only."""
    start, end = mesh[list(corners)]
    roi = points_roi(np.stack([start, end]), start, end, 2.3)
    side = self._iris.side
    crop = crop_roi(image, roi, side)
    if mirrored:
      crop = np.ascontiguousarray(crop[:, ::-1])
    center = self._iris(crop)["output_iris"][:2] / side
    if mirrored:
      center[0] = 1.0 - center[0]
    return roi.to_image(center)
