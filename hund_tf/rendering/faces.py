"""Faces of a projected mesh, and the windows of pixels they are drawn in."""

from typing import NamedTuple

import numpy as np

from hund_tf.compat import tf
from hund_tf.rendering.config import SoftRasterizerConfig
from hund_tf.types import NUM_PARTS

NEAR = 1e-2  # metres; faces with a vertex nearer than this are not drawn
FAR = 1e4  # metres; deeper than anything that can be seen
NUM_LABELS = NUM_PARTS - 1  # all but the background
_MAX_COORDINATE = 1e4  # map pixels; positions are clipped to it
_MIN_AREA = 1e-6  # px^2, of twice a face's area; below, it is seen edge-on
_MIN_LENGTH = 1e-4  # px; a shorter edge is taken as a point


class FaceEquations(NamedTuple):
  """What a pair (face, pixel) needs of the face; edge k joins corners k, k+1.

  Positions are relative to the centre of the window's middle pixel. The
  corner opposite to edge k is k + 2 modulo 3.
  """

  lines: tf.Tensor  # [B, F, 6, 3] rows (a, b, c) of a x + b y + c: position
  # along each of the 3 edges, then signed distance to each of the 3 edges
  lengths: tf.Tensor  # [B, F, 3] of the edges
  reciprocal_heights: tf.Tensor  # [B, F, 3] of the corner over the edge
  reciprocal_depths: tf.Tensor  # [B, F, 3] of the corner over the edge


class FacePlacement(NamedTuple):
  """Where the faces are; carries no gradient."""

  middle: tf.Tensor  # [B, F, 2] int32, x and y of the window's middle pixel
  extent: tf.Tensor  # [B, F] window that the face needs, pixels; 0 if it is
  # behind the camera or off the map


class Windows(NamedTuple):
  """Faces drawn in windows of one size, and where they are reduced into."""

  faces: FaceEquations  # [B, K, ...]
  offsets: np.ndarray  # [3, W^2] rows x, y, 1 of the window's pixels
  pixels: tf.Tensor  # [B, K, W^2] pixel of the batch; the last one is a bin
  mixed_cells: tf.Tensor  # [B, M, 3, W^2] pixel and label, one per corner, of
  # the first M faces
  plain_cells: tf.Tensor  # [B, K - M, W^2] the same of faces of one label
  selection: tf.Tensor | None  # [B, K] of the F faces, None if it is all


def prepare_faces(
  vertices: tf.Tensor, faces: np.ndarray, config: SoftRasterizerConfig
) -> tuple[FaceEquations, FacePlacement]:
  """Equations and places of the faces of `vertices` [B, V, 3] (px, px, m)."""
  finite = tf.reduce_all(tf.math.is_finite(vertices), axis=-1, keepdims=True)
  vertices = tf.where(finite, vertices, 0.0)  # depth 0: not drawn
  corners = tf.gather(vertices, faces, axis=1)  # [B, F, 3, 3]
  xy = tf.clip_by_value(corners[..., :2], -_MAX_COORDINATE, _MAX_COORDINATE)
  depths = tf.minimum(corners[..., 2], FAR)
  placement, center = _place(tf.stop_gradient(xy), depths, config)

  xy -= center[:, :, tf.newaxis]
  edges = tf.gather(xy, [1, 2, 0], axis=2) - xy
  squares = tf.reduce_sum(edges * edges, axis=-1)
  short = squares < _MIN_LENGTH**2
  lengths = tf.sqrt(tf.where(short, 1.0, squares))
  direction = tf.where(
    short[..., tf.newaxis], [1.0, 0.0], edges / lengths[..., tf.newaxis]
  )
  lengths = tf.where(short, 0.0, lengths)
  x, y = xy[..., 0], xy[..., 1]
  dx, dy = direction[..., 0], direction[..., 1]
  along = tf.stack([dx, dy, -(x * dx + y * dy)], axis=-1)
  across = tf.stack([-dy, dx, x * dy - y * dx], axis=-1)
  first, second = edges[..., 0, :], edges[..., 1, :]
  area = first[..., 0] * second[..., 1] - first[..., 1] * second[..., 0]
  thick = tf.abs(area) > _MIN_AREA
  reciprocal = tf.where(thick, 1.0 / tf.where(thick, area, 1.0), 0.0)
  equations = FaceEquations(
    lines=tf.concat([along, across], axis=2),
    lengths=lengths,
    reciprocal_heights=lengths * reciprocal[..., tf.newaxis],
    reciprocal_depths=1.0
    / tf.maximum(tf.gather(depths, [2, 0, 1], axis=2), NEAR),
  )
  return equations, placement


def _place(xy, depths, config):
  """Placement, and [B, F, 2] the centre of each window's middle pixel."""
  low, high = tf.reduce_min(xy, axis=2), tf.reduce_max(xy, axis=2)
  middle = tf.floor(0.5 * (low + high))
  on_map = (high > -config.reach) & (low < config.map_size + config.reach)
  drawn = tf.reduce_all(on_map, axis=-1) & (tf.reduce_min(depths, 2) > NEAR)
  extent = tf.reduce_max(high - low, axis=-1) + 2.0 * config.reach
  placement = FacePlacement(
    middle=tf.cast(middle, tf.int32), extent=tf.where(drawn, extent, 0.0)
  )
  return placement, middle + 0.5


def large_counts(num_faces: int, config: SoftRasterizerConfig) -> list[int]:
  """How many faces get each of the large windows."""
  return [
    min(num_faces, max(1, round(fraction * num_faces)))
    for _, fraction in config.large_windows
  ]


def assign_windows(
  equations: FaceEquations,
  placement: FacePlacement,
  labels: np.ndarray,
  num_mixed: int,
  config: SoftRasterizerConfig,
) -> list[Windows]:
  """Gives each face a window: one `Windows` per size.

  Args:
    equations: of all faces.
    placement: of all faces.
    labels: [F, 3] label 0..13 of the corner over each edge.
    num_mixed: how many faces, the first ones, have more than one label.
    config: settings.
  """
  counts = large_counts(len(labels), config)
  drawn = placement.extent > 0.0
  windows = []
  if counts:
    largest = tf.math.top_k(placement.extent, sum(counts)).indices
    promoted = _scatter(tf.ones_like(largest), largest, len(labels)) > 0
    end = sum(counts)
    for (side, _), count in zip(config.large_windows, counts, strict=True):
      chosen = largest[:, end - count : end]
      end -= count
      faces, middle, visible = tf.nest.map_structure(
        lambda x, chosen=chosen: tf.gather(x, chosen, batch_dims=1),
        (equations, placement.middle, drawn),
      )
      offsets, pixels = _window_pixels(middle, visible, side, config)
      chosen_labels = tf.gather(labels, chosen)[..., tf.newaxis]
      windows.append(
        Windows(
          faces=faces,
          offsets=offsets,
          pixels=pixels,
          mixed_cells=pixels[:, :, tf.newaxis] * NUM_LABELS + chosen_labels,
          plain_cells=pixels[:, :0],
          selection=chosen,
        )
      )
    drawn &= ~promoted
  offsets, pixels = _window_pixels(
    placement.middle, drawn, config.window, config
  )
  cells = pixels * NUM_LABELS
  windows.append(
    Windows(
      faces=equations,
      offsets=offsets,
      pixels=pixels,
      mixed_cells=cells[:, :num_mixed, tf.newaxis]
      + labels[np.newaxis, :num_mixed, :, np.newaxis],
      plain_cells=cells[:, num_mixed:] + labels[np.newaxis, num_mixed:, :1],
      selection=None,
    )
  )
  return windows


def _window_pixels(middle, drawn, side, config):
  """Offsets [3, W^2] in a window and its pixels [B, K, W^2]."""
  span = np.arange(side, dtype=np.int32) - side // 2
  rows, columns = np.repeat(span, side), np.tile(span, side)
  x, y = middle[..., :1] + columns, middle[..., 1:] + rows
  size = config.map_size
  within = (x >= 0) & (x < size) & (y >= 0) & (y < size)
  within &= drawn[..., tf.newaxis]
  batch = middle.shape[0] or tf.shape(middle)[0]
  image = tf.range(batch)[:, tf.newaxis, tf.newaxis]
  pixels = tf.where(within, (image * size + y) * size + x, batch * size**2)
  offsets = np.stack([columns, rows, np.ones_like(rows)]).astype(np.float32)
  return offsets, pixels


def gather_gradient(
  windows: list[Windows], gradients: list[FaceEquations], num_faces: int
) -> FaceEquations:
  """Adds up the gradients of faces in several windows, [B, F, ...]."""
  total = None
  for part, gradient in zip(windows, gradients, strict=True):
    if part.selection is not None:
      gradient = FaceEquations(
        *(_scatter(x, part.selection, num_faces) for x in gradient)
      )
    total = (
      gradient
      if total is None
      else tf.nest.map_structure(tf.add, total, gradient)
    )
  return total


def _scatter(values, selection, num_faces):
  """Puts rows [B, K, ...] at their places `selection` [B, K] among F."""
  batch = selection.shape[0] or tf.shape(selection)[0]
  rows = tf.range(batch)[:, tf.newaxis] * num_faces + selection
  summed = tf.math.unsorted_segment_sum(values, rows, batch * num_faces)
  return tf.reshape(summed, [batch, num_faces, *values.shape[2:]])
