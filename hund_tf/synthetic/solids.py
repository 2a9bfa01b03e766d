"""Boxes that stand among people: what they hide, and how they are drawn."""

from typing import NamedTuple

import numpy as np

from hund_tf.compat import tf


class Boxes(NamedTuple):
  """S boxes of each of B people, in the camera frame, metres."""

  center: tf.Tensor  # [B, S, 3]
  axes: tf.Tensor  # [B, S, 3, 3] unit vectors of the sides in the columns
  half: tf.Tensor  # [B, S, 3] half lengths of the sides; 0: there is none


# Corners of the box of side 2, and its sides as triangles.
_SIGNS = np.array(
  [[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], np.float32
)
FACES = np.array(
  [
    (0, 1, 3), (0, 3, 2), (4, 6, 7), (4, 7, 5), (0, 4, 5), (0, 5, 1),
    (2, 3, 7), (2, 7, 6), (0, 2, 6), (0, 6, 4), (1, 5, 7), (1, 7, 3),
  ],
  np.int32,
)  # fmt: skip
_AWAY = np.float32([0.0, 0.0, -1.0])  # behind the camera, where nobody draws
_PARALLEL = 1e-9  # keeps rays along a side finite


def exist(boxes: Boxes) -> tf.Tensor:
  """Which boxes there are, `[B, S]` bool."""
  return tf.reduce_all(boxes.half > 0.0, axis=-1)


def corners(boxes: Boxes) -> tf.Tensor:
  """Corners `[B, S, 8, 3]`, metres, camera frame."""
  offsets = boxes.half[:, :, None] * _SIGNS
  turned = tf.einsum("bsij,bscj->bsci", boxes.axes, offsets)
  return boxes.center[:, :, None] + turned


def hides(boxes: Boxes, points: tf.Tensor) -> tf.Tensor:
  """Points that are behind or in a box, as the camera at the origin sees them.

  The straight line to a point is within the three pairs of a box's sides from
  the largest of its entries to the least of its exits.

  Args:
    boxes: S for each of B people.
    points: `[B, N, 3]` metres, camera frame.

  Returns:
    `[B, N]` float, 1 where hidden.
  """
  start = -tf.einsum("bsij,bsi->bsj", boxes.axes, boxes.center)[:, :, None]
  way = tf.einsum("bsij,bni->bsnj", boxes.axes, points)
  way = tf.where(tf.abs(way) < _PARALLEL, _PARALLEL, way)
  half = boxes.half[:, :, None]
  ends = (-half - start) / way, (half - start) / way
  enter = tf.reduce_max(tf.minimum(*ends), axis=-1)
  leave = tf.reduce_min(tf.maximum(*ends), axis=-1)
  hit = (enter < leave) & (leave > 0.0) & (enter < 1.0)
  hit &= exist(boxes)[:, :, None]
  return tf.cast(tf.reduce_any(hit, axis=1), tf.float32)


def none(batch: int) -> Boxes:
  """No boxes, for B people."""
  return Boxes(
    tf.zeros([batch, 0, 3]), tf.zeros([batch, 0, 3, 3]), tf.zeros([batch, 0, 3])
  )


def add_to_mesh(
  faces: np.ndarray, vertex_parts: np.ndarray, count: int
) -> tuple[np.ndarray, np.ndarray]:
  """Faces and parts of a body with `count` boxes, which are background."""
  first = len(vertex_parts)
  more = [FACES + first + 8 * k for k in range(count)]
  no_part = np.zeros([8 * count], vertex_parts.dtype)
  return np.concatenate([faces, *more]), np.append(vertex_parts, no_part)


def mesh_vertices(boxes: Boxes) -> tf.Tensor:
  """Vertices `[B, 8 S, 3]` of `add_to_mesh`; absent ones cannot be seen."""
  there = exist(boxes)[:, :, None, None]
  batch, count = boxes.half.shape[:2]
  points = tf.where(there, corners(boxes), _AWAY)
  return tf.reshape(points, [batch, 8 * count, 3])
