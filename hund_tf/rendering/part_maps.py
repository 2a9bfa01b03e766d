"""Part maps as they truly are, compiled by numba, for many people a second.

Each cell of a map is looked at in a grid of samples by the z-buffer, and holds
their shares. Unlike `soft`, outlines are where they are, and there is no
gradient: this is what is seen of a body, not what is fitted to it.
"""

import numpy as np

from hund_tf.rendering.compiled import compiled
from hund_tf.rendering.mesh import check_labelled_mesh
from hund_tf.rendering.zbuffer import draw_into, nearest_corner
from hund_tf.types import MAP_SIZE, NUM_PARTS


class PartMapDrawer:
  """Draws part maps of one mesh topology."""

  def __init__(
    self, faces: np.ndarray, vertex_parts: np.ndarray, samples: int = 2
  ):
    """Prepares the mesh.

    Args:
      faces: [F, 3] vertex indices; the winding does not matter.
      vertex_parts: [V] part of each vertex, 1..14 (`hund_tf.body.parts`), or
        0 for things that hide the body.
      samples: along each side of a cell.

    Raises:
      ValueError: if a shape, an index or a part is out of range, or there are
        no samples.
    """
    if samples < 1:
      raise ValueError(f"samples: got {samples}, expected 1 or more")
    faces, parts = check_labelled_mesh(faces, vertex_parts, 0)
    self._faces = np.ascontiguousarray(faces, np.int32)
    self._parts = np.ascontiguousarray(parts, np.int32)
    self._samples = samples

  def __call__(self, vertices: np.ndarray) -> np.ndarray:
    """Draws the people of a batch, each by himself.

    Args:
      vertices: [B, V, 3] x, y in cells of the map (from its top left corner)
        and depth in metres. Faces with a vertex that is not finite or less than
        `zbuffer.NEAR` in front of the camera are left out.

    Returns:
      [B, 60, 60, 16] float32 as `SoftPartRenderer` gives them: background, the
      14 parts, and the visibility, 1 minus the background.

    Raises:
      ValueError: if the shape does not fit the mesh.
    """
    vertices = np.array(vertices, np.float32, order="C")
    if vertices.ndim != 3 or vertices.shape[1:] != (len(self._parts), 3):
      raise ValueError(
        f"vertices: shape {vertices.shape}, expected [B, {len(self._parts)}, 3]"
      )
    vertices[..., :2] *= self._samples
    maps = np.zeros(
      [len(vertices), MAP_SIZE, MAP_SIZE, NUM_PARTS + 1], np.float32
    )
    _draw_people(vertices, self._faces, self._parts, self._samples, maps)
    return maps


@compiled
def _draw_people(vertices, faces, parts, samples, maps):
  """Adds up the shares of all samples; a sample is of its nearest corner."""
  side = maps.shape[1] * samples
  face_of = np.empty((side, side), np.int32)
  barycentrics = np.empty((side, side, 2), np.float32)
  inverse_depth = np.empty((side, side), np.float32)
  share = np.float32(1.0 / (samples * samples))
  for b in range(vertices.shape[0]):
    face_of[:] = -1
    inverse_depth[:] = 0.0
    draw_into(vertices[b], faces, face_of, barycentrics, inverse_depth)
    for y in range(side):
      for x in range(side):
        face = face_of[y, x]
        if face < 0:
          continue
        corner = nearest_corner(barycentrics[y, x, 0], barycentrics[y, x, 1])
        part = parts[faces[face, corner]]
        if part == 0:
          continue
        maps[b, y // samples, x // samples, part] += share
        maps[b, y // samples, x // samples, -1] += share
  maps[..., 0] = 1.0 - maps[..., -1]
