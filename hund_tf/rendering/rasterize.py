"""Which face is seen in each pixel: hard rasterization for pictures and labels.

Uses the triangle rasterizer of tensorflow_graphics where its op has been built
(`tfg_op`), else a z-buffer in numpy with the same result, several times slower.
Both go through the image in tiles, so memory is that of the result.
"""

from typing import Literal, NamedTuple

import numpy as np

from hund_tf.compat import tf
from hund_tf.rendering import tfg_op
from hund_tf.rendering.mesh import check_faces

NEAR = 0.01  # metres; faces with a vertex nearer than this are not drawn
_TILE = 256  # pixels
_MAX_PAIRS = 1 << 20  # pairs (face, pixel) that the fallback holds at once

Backend = Literal["auto", "tfg", "numpy"]


class RasterOutput(NamedTuple):
  """What is seen in each pixel."""

  triangle_index: np.ndarray  # [H, W] int32, -1 where there is no face
  barycentrics: np.ndarray  # [H, W, 3] float32 perspective-correct, 0 if none
  depth: np.ndarray  # [H, W] float32 metres, inf if none


def rasterize(
  vertices: np.ndarray,
  faces: np.ndarray,
  height: int,
  width: int,
  backend: Backend = "auto",
) -> RasterOutput:
  """Finds the nearest face at the centre of every pixel.

  Faces are seen from both sides. Faces with a vertex that is not finite, or
  less than `NEAR` in front of the camera, are left out.

  Args:
    vertices: [V, 3] x and y in pixels (pixel (0, 0) covers [0, 1) x [0, 1) and
      is seen at (0.5, 0.5)) and depth in metres.
    faces: [F, 3] vertex indices.
    height: of the image, pixels.
    width: of the image, pixels.
    backend: 'tfg' for tensorflow_graphics, 'numpy' for the fallback, or 'auto'
      for the first of them that is there.

  Raises:
    ValueError: if a shape, an index, the size or the backend is wrong.
    tfg_op.RasterizerOpError: if the backend is 'tfg' and the op is missing.
  """
  vertices = np.asarray(vertices, np.float32)
  if vertices.ndim != 2 or vertices.shape[1] != 3:
    raise ValueError(f"vertices: shape {vertices.shape}, expected [V, 3]")
  faces = check_faces(faces, len(vertices))
  if height <= 0 or width <= 0:
    raise ValueError(
      f"image size: {width}x{height} pixels, both must be positive"
    )
  draw = _tile_function(backend)
  result = RasterOutput(
    triangle_index=np.full([height, width], -1, np.int32),
    barycentrics=np.zeros([height, width, 3], np.float32),
    depth=np.full([height, width], np.inf, np.float32),
  )
  ids, low, high = _boxes(vertices, faces)
  if not len(ids):
    return result
  left, top = np.clip(np.floor(low.min(axis=0)), 0, [width, height])
  right, bottom = np.clip(np.ceil(high.max(axis=0)), 0, [width, height])
  for y in range(int(top), int(bottom), _TILE):
    for x in range(int(left), int(right), _TILE):
      seen = (high[:, 0] > x) & (low[:, 0] < x + _TILE)
      seen &= (high[:, 1] > y) & (low[:, 1] < y + _TILE)
      if not seen.any():
        continue
      rows, columns = min(_TILE, height - y), min(_TILE, width - x)
      corners = vertices[faces[ids[seen]]] - np.array([x, y, 0], np.float32)
      index = draw(corners)[:rows, :columns]
      _fill(result, index, corners, ids[seen], x, y)
  return result


def _boxes(vertices, faces):
  """Indices of the faces to draw [N], and their boxes' corners [N, 2]."""
  finite = np.isfinite(vertices).all(axis=1)
  drawn = finite & (np.where(finite, vertices[:, 2], 0.0) > NEAR)
  ids = np.flatnonzero(drawn[faces].all(axis=1))
  corners = vertices[faces[ids], :2]
  return ids, corners.min(axis=1), corners.max(axis=1)


def _fill(result, index, corners, ids, x, y):
  """Writes the faces `index` [h, w] of a tile whose origin is (x, y)."""
  rows, columns = np.nonzero(index >= 0)
  seen = index[rows, columns]
  pixels = np.stack([columns, rows], axis=1) + 0.5
  raw = _edge_functions(corners[seen], pixels)
  # A centre on an edge may fall outside by rounding.
  raw *= np.sign(_row_sums(raw))[:, np.newaxis]
  weights = np.maximum(raw, 0.0)
  weights[_row_sums(weights) <= 0.0] = 1.0  # a face seen exactly edge-on
  weights /= corners[seen, :, 2]
  weights /= _row_sums(weights)[:, np.newaxis]
  depth = _row_sums(weights * corners[seen, :, 2])
  result.triangle_index[rows + y, columns + x] = ids[seen]
  result.barycentrics[rows + y, columns + x] = weights
  result.depth[rows + y, columns + x] = depth


def _edge_functions(corners, pixels):
  """Twice the signed areas [N, 3] that `pixels` [N, 2] cut off each corner."""
  offsets = corners[..., :2].astype(np.float64) - pixels[:, np.newaxis]
  first, second = offsets[:, [1, 2, 0]], offsets[:, [2, 0, 1]]
  return first[..., 0] * second[..., 1] - first[..., 1] * second[..., 0]


def _row_sums(values):
  """Sums of the rows of [N, 3]; several times faster than `sum(axis=1)`."""
  return values[:, 0] + values[:, 1] + values[:, 2]


def _tile_function(backend):
  """Maps corners [N, 3, 3], relative to a tile, to faces [T, T], -1 if none."""
  if backend == "numpy":
    return _draw_numpy
  if backend not in ("auto", "tfg"):
    raise ValueError(f"backend: {backend!r}, expected 'auto', 'tfg' or 'numpy'")
  try:
    library = tfg_op.rasterization_backend()
  except tfg_op.RasterizerOpError:
    if backend == "tfg":
      raise
    return _draw_numpy
  return lambda corners: _draw_tfg(corners, library)


def _draw_tfg(corners, library):
  """One tile through tensorflow_graphics."""
  # Clip space is homogeneous: with the depths scaled to at most 1, the op's
  # fixed-point numbers are at their most accurate. Rows follow +y of NDC.
  depth = corners[..., 2:] / corners[..., 2].max()
  vertices = np.concatenate(
    [(corners[..., :2] * (2.0 / _TILE) - 1.0) * depth, depth], axis=-1
  )
  near, far = 0.99 * depth.min(), 1.01 * depth.max()
  matrix = np.zeros([1, 4, 4], np.float32)
  matrix[0, 0, 0] = matrix[0, 1, 1] = matrix[0, 3, 2] = 1.0
  matrix[0, 2, 2] = (far + near) / (far - near)
  matrix[0, 2, 3] = -2.0 * far * near / (far - near)
  frame = library.rasterize(
    tf.constant(vertices.reshape([1, -1, 3]), tf.float32),
    tf.reshape(tf.range(corners.shape[0] * 3), [-1, 3]),
    tf.constant(matrix),
    (_TILE, _TILE),
    enable_cull_face=False,
    backend=library.RasterizationBackends.CPU,
  )
  index = tf.where(frame.foreground_mask > 0.0, frame.triangle_id, -1)
  return tf.reshape(index, [_TILE, _TILE]).numpy()


def _draw_numpy(corners):
  """One tile with a z-buffer; all pixels of a group of faces at once."""
  low = np.floor(np.clip(corners[..., :2].min(axis=1), 0, _TILE)).astype(int)
  high = np.ceil(np.clip(corners[..., :2].max(axis=1), 0, _TILE)).astype(int)
  size = high - low
  area = size.prod(axis=1)
  groups = np.searchsorted(
    np.cumsum(area), np.arange(0, area.sum(), _MAX_PAIRS)
  )
  index = np.full(_TILE * _TILE, -1, np.int64)
  buffer = np.full(_TILE * _TILE, np.inf)
  for start, end in zip(groups, [*groups[1:], len(area)], strict=True):
    faces = np.repeat(np.arange(start, end), area[start:end])
    first = np.cumsum(area[start:end]) - area[start:end]
    place = np.arange(len(faces)) - np.repeat(first, area[start:end])
    width = size[faces, 0]
    pixels = low[faces] + np.stack([place % width, place // width], axis=1)
    raw = _edge_functions(corners[faces], pixels + 0.5)
    total = _row_sums(raw)
    raw *= np.sign(total)[:, np.newaxis]
    inside = (raw[:, 0] >= 0) & (raw[:, 1] >= 0) & (raw[:, 2] >= 0)
    inside &= total != 0
    faces, pixels, raw = faces[inside], pixels[inside], raw[inside]
    depth = np.abs(total[inside]) / _row_sums(raw / corners[faces, :, 2])
    cells = pixels[:, 1] * _TILE + pixels[:, 0]
    # The nearest first, and of several in a cell the last that is written.
    order = np.lexsort((-faces, -depth))
    order = order[depth[order] < buffer[cells[order]]]
    index[cells[order]] = faces[order]
    buffer[cells[order]] = depth[order]
  return index.reshape(_TILE, _TILE)
