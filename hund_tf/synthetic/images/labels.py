"""Exact labels of a rendered person: parts, and which keypoints are seen."""

import cv2
import numpy as np

from hund_tf.rendering.compiled import compiled
from hund_tf.rendering.zbuffer import ZBuffer, nearest_corner


def part_map(
  seen: ZBuffer, faces: np.ndarray, vertex_parts: np.ndarray
) -> np.ndarray:
  """The part most of a pixel's two by two samples see.

  Args:
    seen: at twice the height and width of the picture.
    faces: [F, 3] of the scene.
    vertex_parts: [V] of the scene, 0 on everything but the person.

  Returns:
    [H, W] uint8.
  """
  parts = np.ascontiguousarray(vertex_parts, np.uint8)
  return _part_map(seen.face, seen.barycentrics, faces, parts)


@compiled
def _part_map(face, barycentrics, faces, vertex_parts):
  height, width = face.shape[0] // 2, face.shape[1] // 2
  result = np.zeros((height, width), np.uint8)
  found = np.empty(4, np.uint8)
  for row in range(height):
    for column in range(width):
      for sample in range(4):
        y, x = 2 * row + sample // 2, 2 * column + sample % 2
        f = face[y, x]
        found[sample] = 0
        if f >= 0:
          corner = nearest_corner(barycentrics[y, x, 0], barycentrics[y, x, 1])
          found[sample] = vertex_parts[faces[f, corner]]
      best, most = np.uint8(0), 0
      for sample in range(4):
        votes = 0
        for other in range(4):
          votes += 1 if found[other] == found[sample] else 0
        if votes > most or (votes == most and found[sample] > best):
          best, most = found[sample], votes
      result[row, column] = best
  return result


def visible_keypoints(
  seen: ZBuffer,
  face_of_person: np.ndarray,
  keypoints: np.ndarray,
  tolerances: np.ndarray,
) -> np.ndarray:
  """Which keypoints nothing hides.

  A keypoint inside the body is seen where the surface in front of it is the
  person's own and no farther in front of it than its tolerance.

  Args:
    seen: at twice the height and width of the picture.
    face_of_person: [F] bool, faces of the person's body and clothes.
    keypoints: [N, 3] x, y in pixels and depth in metres.
    tolerances: [N] how far behind the person's own surface keypoints may lie
      and still be seen, metres.

  Returns:
    [N] bool, False outside the picture.
  """
  height, width = seen.face.shape
  column = np.floor(2.0 * keypoints[:, 0]).astype(int)
  row = np.floor(2.0 * keypoints[:, 1]).astype(int)
  inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
  row, column = np.clip(row, 0, height - 1), np.clip(column, 0, width - 1)
  face = seen.face[row, column]
  inverse = seen.inverse_depth[row, column]
  surface = np.where(face >= 0, 1.0 / np.maximum(inverse, 1e-9), np.inf)
  own = face_of_person[np.maximum(face, 0)]
  tolerance = np.where(own, tolerances, 0.0)
  return inside & (keypoints[:, 2] <= surface + tolerance)


def encode_png(labels: np.ndarray) -> bytes:
  """Labels [H, W] uint8 as a grey PNG."""
  done, data = cv2.imencode(".png", labels, [cv2.IMWRITE_PNG_COMPRESSION, 3])
  if not done:
    raise ValueError(f"labels of shape {labels.shape}: cannot be encoded")
  return data.tobytes()
