"""Face landmarks: MediaPipe's face mesh as the 70 points of OpenPose."""

from collections.abc import Sequence

import numpy as np
from scipy.special import expit

from hund_tf.detection.anchors import FACE_STRIDES, decode, ssd_anchors
from hund_tf.detection.grouping import repeated
from hund_tf.detection.landmarks_3d import PartLandmarks, face_landmarks
from hund_tf.detection.networks import (
  FACE_DETECTION,
  FACE_LANDMARK,
  IRIS_LANDMARK,
  shared_network,
)
from hund_tf.detection.roi import Roi, aligned_angle, crop_rois, crop_views

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
  """Reads the faces of people whose poses are known."""

  def __init__(self):
    self._detector = shared_network(FACE_DETECTION)
    self._anchors = ssd_anchors(self._detector.side, FACE_STRIDES)
    self._mesh = shared_network(FACE_LANDMARK)
    self._iris = shared_network(IRIS_LANDMARK)

  def __call__(
    self, images: Sequence[np.ndarray], poses: Sequence[np.ndarray]
  ) -> PartLandmarks:
    """Finds the face near each person's pose.

    Args:
      images: of P people, each the [H, W, 3] uint8 photo.
      poses: of P people, each [33, 3] x, y (pixels) and confidence.
    """
    faces = PartLandmarks(
      np.zeros((len(poses), 70, 3), np.float32),
      np.zeros((len(poses), 70, 4), np.float32),
    )
    found = self._detect(images, [pose[:, :2] for pose in poses])
    seen = [i for i, roi in enumerate(found) if roi and roi.size >= _MIN_SIDE]
    own = [images[i] for i in seen]
    read = self._read_meshes(own, [found[i] for i in seen])
    # Once more, aligned with the mesh itself.
    sure = [k for k, (_, _, score) in enumerate(read) if score >= 0.5]
    closer = [
      points_roi(mesh, mesh[33], mesh[263], 1.5)
      for mesh in (read[k][1][:, :2] for k in sure)
    ]
    kept = []
    for k, (roi, mesh, score) in zip(
      sure, self._read_meshes([own[k] for k in sure], closer), strict=True
    ):
      offset = np.linalg.norm(mesh[MESH_68[30], :2] - poses[seen[k]][0, :2])
      if score >= 0.5 and offset <= _MAX_OFFSET * roi.size:
        kept.append((seen[k], mesh, score))
    pupils = self._pupils(
      [images[i] for i, _, _ in kept], [mesh[:, :2] for _, mesh, _ in kept]
    )
    for (i, mesh, score), eyes in zip(kept, pupils, strict=True):
      faces.points[i, :68, :2] = mesh[list(MESH_68), :2]
      faces.points[i, 68:, :2] = eyes
      faces.points[i, :, 2] = score
      faces.spatial[i] = face_landmarks(mesh[list(MESH_68)], score)
    return faces

  def _detect(
    self, images: Sequence[np.ndarray], poses: Sequence[np.ndarray]
  ) -> list[Roi | None]:
    """The face's region near each pose [33, 2], None if there is no face."""
    if not poses:
      return []
    side = self._detector.side
    wide = [
      points_roi(
        points[_POSE_FACE], points[_POSE_RIGHT_EYE], points[_POSE_LEFT_EYE], 3.0
      )
      for points in poses
    ]
    out = self._detector(crop_rois(images, wide, side))
    regions: list[Roi | None] = []
    for roi, values, logits in zip(
      wide, out["boxes"], out["logits"], strict=True
    ):
      found = decode(values, logits[:, 0], self._anchors, side, min_score=0.5)
      if not len(found.scores):
        regions.append(None)
        continue
      points = roi.to_image(found.keypoints[0])
      region = points_roi(points, points[0], points[1], 2.0)
      regions.append(region.shifted(0, -0.1, 1.0))
    return regions

  def _read_meshes(
    self, images: Sequence[np.ndarray], rois: Sequence[Roi]
  ) -> list[tuple[Roi, np.ndarray, float]]:
    """Region, mesh [468, 3] in pixels and the probability of a face.

    The third coordinate of the mesh is its depth, away from the viewer.
    """
    if not rois:
      return []
    side = self._mesh.side
    out = self._mesh(crop_rois(images, rois, side))
    meshes = out["landmarks"].reshape(-1, 468, 3) / side
    scores = expit(out["logit"].ravel())
    return [
      (
        roi,
        np.column_stack([roi.to_image(mesh[:, :2]), mesh[:, 2] * roi.size]),
        float(score),
      )
      for roi, mesh, score in zip(rois, meshes, scores, strict=True)
    ]

  def _pupils(
    self, images: Sequence[np.ndarray], meshes: Sequence[np.ndarray]
  ) -> list[np.ndarray]:
    """Centres [2, 2] of each mesh's irises, right eye first, in pixels.

    The network knows right eyes only, so left ones are mirrored.
    """
    if not meshes:
      return []
    side = self._iris.side
    views = []
    for mesh in meshes:
      for corners in (RIGHT_EYE_CORNERS, LEFT_EYE_CORNERS):
        start, end = mesh[list(corners)]
        roi = points_roi(np.stack([start, end]), start, end, 2.3)
        views.append((roi, corners == LEFT_EYE_CORNERS))
    crops = crop_views(repeated(images, [2] * len(images)), views, side)
    centers = self._iris(crops)["iris"][:, :2] / side
    centers[1::2, 0] = 1.0 - centers[1::2, 0]
    pixels = [
      roi.to_image(center)
      for (roi, _), center in zip(views, centers, strict=True)
    ]
    return [np.stack(pixels[i : i + 2]) for i in range(0, len(pixels), 2)]
