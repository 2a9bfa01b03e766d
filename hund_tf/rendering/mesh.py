"""Checks of a labelled mesh, shared by the renderers."""

import numpy as np

from hund_tf.types import NUM_PARTS


def check_faces(faces: np.ndarray, num_vertices: int) -> np.ndarray:
  """Returns `faces` as int32 [F, 3].

  Raises:
    ValueError: if the shape is wrong or an index is out of range.
  """
  faces = np.asarray(faces)
  if faces.ndim != 2 or faces.shape[1] != 3:
    raise ValueError(f"faces: shape {faces.shape}, expected [F, 3]")
  faces = faces.astype(np.int32)
  if faces.size and (faces.min() < 0 or faces.max() >= num_vertices):
    raise ValueError(
      f"faces: indices {faces.min()}..{faces.max()}, expected "
      f"0..{num_vertices - 1}"
    )
  return faces


def check_labelled_mesh(
  faces: np.ndarray, vertex_parts: np.ndarray, least: int = 1
) -> tuple[np.ndarray, np.ndarray]:
  """Returns `faces` [F, 3] and `vertex_parts` [V] as int32.

  Raises:
    ValueError: if a shape is wrong, an index is out of range, or a part is
      not in least..14.
  """
  parts = np.asarray(vertex_parts)
  if parts.ndim != 1:
    raise ValueError(f"vertex_parts: shape {parts.shape}, expected [V]")
  parts = parts.astype(np.int32)
  if parts.size and (parts.min() < least or parts.max() >= NUM_PARTS):
    raise ValueError(
      f"vertex_parts: {parts.min()}..{parts.max()}, expected "
      f"{least}..{NUM_PARTS - 1}"
    )
  faces = check_faces(faces, len(parts))
  if not len(faces):
    raise ValueError("faces: none, expected at least one")
  return faces, parts
