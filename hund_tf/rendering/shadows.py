"""Shadows of a light far away: on the scene itself and on a level floor."""

import math
from typing import NamedTuple

import numpy as np

from hund_tf.rendering.compiled import compiled
from hund_tf.rendering.surfaces import Scene
from hund_tf.rendering.zbuffer import draw_faces

_SIDE = 384  # samples along a side of the shadow map
_BIAS = 0.012  # metres


class ShadowMap(NamedTuple):
  """What the light sees, in parallel projection."""

  axes: np.ndarray  # [3, 3] float32 rows: across, across and along the light
  offset: np.ndarray  # [3] float32 metres, subtracted after turning
  scale: float  # samples per metre
  depth: np.ndarray  # [S, S] float32 metres along the light, inf if none


def shadow_map(
  vertices: np.ndarray, faces: np.ndarray, direction: np.ndarray
) -> ShadowMap:
  """The map of a mesh for a light in `direction` [3], camera frame."""
  along = -np.asarray(direction, np.float64) / np.linalg.norm(direction)
  side = np.eye(3)[np.abs(along).argmin()]
  first = np.cross(along, side)
  first /= np.linalg.norm(first)
  axes = np.stack([first, np.cross(along, first), along])
  turned = vertices @ axes.T
  low, extent = turned.min(axis=0), np.ptp(turned, axis=0)
  scale = (_SIDE - 4) / max(float(extent[:2].max()), 1e-3)
  offset = low - [2.0 / scale, 2.0 / scale, 0.0]
  # The z-buffer interpolates inverse depths; let these be linear in the
  # distance along the light, from 2 for the nearest to 1 for the farthest.
  reach = float(extent[2]) + 1e-3
  points = (turned - offset) * [scale, scale, 1.0 / reach]
  points[:, 2] = 1.0 / (2.0 - points[:, 2])
  inverse = draw_faces(points, faces, _SIDE, _SIDE).inverse_depth
  depth = np.where(inverse > 0.0, (2.0 - inverse) * reach, np.inf)
  return ShadowMap(
    axes.astype(np.float32),
    offset.astype(np.float32),
    float(scale),
    depth.astype(np.float32),
  )


@compiled
def light_share(x, y, z, axes, offset, scale, light_depth):
  """Share of the light that reaches a point, over 2 x 2 samples."""
  u = axes[0, 0] * x + axes[0, 1] * y + axes[0, 2] * z - offset[0]
  v = axes[1, 0] * x + axes[1, 1] * y + axes[1, 2] * z - offset[1]
  d = axes[2, 0] * x + axes[2, 1] * y + axes[2, 2] * z - offset[2]
  side = light_depth.shape[0]
  column, row = u * scale - 0.5, v * scale - 0.5
  j, i = int(math.floor(column)), int(math.floor(row))
  if j < 0 or i < 0 or j + 1 >= side or i + 1 >= side:
    return 1.0
  fx, fy = column - j, row - i
  near = d - _BIAS
  lit = 0.0
  lit += (1 - fx) * (1 - fy) * (1.0 if light_depth[i, j] >= near else 0.0)
  lit += fx * (1 - fy) * (1.0 if light_depth[i, j + 1] >= near else 0.0)
  lit += (1 - fx) * fy * (1.0 if light_depth[i + 1, j] >= near else 0.0)
  lit += fx * fy * (1.0 if light_depth[i + 1, j + 1] >= near else 0.0)
  return lit


def floor_shadow(
  scene: Scene,
  intrinsics: np.ndarray,
  direction: np.ndarray,
  floor: float,
  height: int,
  width: int,
) -> np.ndarray:
  """Where the scene keeps the light from a level floor.

  Args:
    scene: what throws the shadow.
    intrinsics: [4] fx, fy, cx, cy, pixels.
    direction: [3] towards the light, camera frame, from above (y < 0).
    floor: y of the floor, metres.
    height: of the picture, pixels.
    width: of the picture, pixels.

  Returns:
    [height, width] bool.
  """
  vertices = scene.vertices
  drop = np.maximum(floor - vertices[:, 1:2], 0.0) / max(-direction[1], 0.1)
  fallen = vertices - drop * np.asarray(direction, np.float32)
  depth = fallen[:, 2]
  safe = np.maximum(depth, 1e-3)
  x = intrinsics[0] * fallen[:, 0] / safe + intrinsics[2]
  y = intrinsics[1] * fallen[:, 1] / safe + intrinsics[3]
  points = np.stack([x, y, depth], axis=1)
  return draw_faces(points, scene.faces, height, width).face >= 0
