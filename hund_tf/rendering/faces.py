"""Faces of a projected mesh, and the windows of pixels they are drawn in."""

import math
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
  # the first M faces, which have several labels
  plain_cells: tf.Tensor  # [B, K - M, W^2] the same of faces of one label
  extent: tf.Tensor  # [B, K] window that is needed; 0 where nothing is drawn
  side: int  # W, of the window that is given
  selection: tf.Tensor | None = None  # [B, K] of the F faces; None: all


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
  """How many of `num_faces` get each of the large windows."""
  counts = []
  for _, fraction in config.large_windows:
    count = math.ceil(fraction * num_faces)
    counts.append(min(count, num_faces - sum(counts)))
  return counts


def assign_windows(
  equations: FaceEquations,
  placement: FacePlacement,
  labels: np.ndarray,
  num_mixed: int,
  config: SoftRasterizerConfig,
) -> list[Windows]:
  """Gives each face a window: one `Windows` per size.

  The largest windows go to the largest faces, separately among the faces that
  have several labels and those that have one.

  Args:
    equations: of all faces.
    placement: of all faces.
    labels: [F, 3] label 0..13 of the corner over each edge.
    num_mixed: how many faces, the first ones, have several labels.
    config: settings.
  """
  num_faces = len(labels)
  mixed_ranks, mixed_counts = _rank(placement.extent, 0, num_mixed, config)
  plain_ranks, plain_counts = _rank(
    placement.extent, num_mixed, num_faces, config
  )
  extent = placement.extent
  windows = []
  for i, (side, _) in enumerate(config.large_windows):
    selection = tf.concat(
      [
        mixed_ranks[:, sum(mixed_counts[i + 1 :]) : sum(mixed_counts[i:])],
        plain_ranks[:, sum(plain_counts[i + 1 :]) : sum(plain_counts[i:])],
      ],
      axis=1,
    )
    faces, place = tf.nest.map_structure(
      lambda x, rows=selection: tf.gather(x, rows, batch_dims=1),
      (equations, placement),
    )
    chosen = _make_windows(
      faces, place, tf.gather(labels, selection), mixed_counts[i], side, config
    )
    windows.append(chosen._replace(selection=selection))
  if windows:
    large = tf.concat([part.selection for part in windows], axis=1)
    extent = tf.where(
      _scatter(tf.ones_like(large), large, num_faces) > 0, 0.0, extent
    )
  rest = placement._replace(extent=extent)
  labels = labels[np.newaxis]
  windows.append(
    _make_windows(equations, rest, labels, num_mixed, config.window, config)
  )
  return windows


def _rank(extent, start, end, config):
  """Faces [B, sum(counts)] of start..end that get large windows, largest first.

  Returns:
    The indices of the faces, and how many of them get each window.
  """
  counts = large_counts(end - start, config)
  ranks = tf.math.top_k(extent[:, start:end], sum(counts)).indices
  return ranks + start, counts


def _make_windows(faces, placement, labels, num_mixed, side, config):
  """`Windows` of one size, without selection; `labels` [B or 1, K, 3]."""
  offsets, pixels = _window_pixels(placement, side, config)
  cells = pixels * NUM_LABELS
  return Windows(
    faces=faces,
    offsets=offsets,
    pixels=pixels,
    mixed_cells=cells[:, :num_mixed, tf.newaxis]
    + labels[:, :num_mixed, :, tf.newaxis],
    plain_cells=cells[:, num_mixed:] + labels[:, num_mixed:, :1],
    extent=placement.extent,
    side=side,
  )


def _window_pixels(placement, side, config):
  """Offsets [3, W^2] in a window and its pixels [B, K, W^2]."""
  span = np.arange(side, dtype=np.int32) - side // 2
  rows, columns = np.repeat(span, side), np.tile(span, side)
  middle, drawn = placement.middle, placement.extent > 0.0
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
