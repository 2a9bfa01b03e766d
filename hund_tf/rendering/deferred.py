"""Deferred shading: colours of what a z-buffer sees.

Surfaces are made of layers (skin, shirt, hair): each vertex has a value for
each layer, and the first layer whose interpolated value is positive is what
one sees, so borders are sharp whatever the mesh. Each layer has a material:
two colours, a pattern in the space of the surface at rest, grain and wrinkles.
"""

import dataclasses
import math
from typing import NamedTuple

import numpy as np

from hund_tf.rendering import patterns
from hund_tf.rendering.compiled import compiled
from hund_tf.rendering.patterns import Pattern
from hund_tf.rendering.zbuffer import ZBuffer, draw_faces

_SHADOW_SIDE = 384  # samples along a side of the shadow map
_SHADOW_BIAS = 0.012  # metres


@dataclasses.dataclass(frozen=True)
class Material:
  """How a layer looks; colours are linear RGB in [0, 1]."""

  color: tuple[float, float, float]
  second: tuple[float, float, float] = (0.0, 0.0, 0.0)
  pattern: Pattern = Pattern.PLAIN
  frequency: tuple[float, float, float] = (1.0, 1.0, 1.0)  # units per metre
  origin: tuple[float, float, float] = (0.0, 0.0, 0.0)  # metres
  grain: float = 0.05  # relative variation of the colour
  grain_frequency: float = 300.0  # features per metre
  wrinkles: float = 0.0  # tilt of the normals
  wrinkle_frequency: float = 20.0  # features per metre
  gloss: float = 0.0  # strength of highlights
  seed: int = 0

  def row(self) -> np.ndarray:
    """All of it as numbers [MATERIAL_SIZE]."""
    return np.array(
      [
        *self.color,
        *self.second,
        float(self.pattern),
        *self.frequency,
        *self.origin,
        self.grain,
        self.grain_frequency,
        self.wrinkles,
        self.wrinkle_frequency,
        self.gloss,
        float(self.seed),
      ],
      np.float32,
    )


MATERIAL_SIZE = len(Material((0.0, 0.0, 0.0)).row())


class Surface(NamedTuple):
  """A mesh with layers; L layers, the last of which is always there."""

  vertices: np.ndarray  # [V, 3] metres, camera frame
  faces: np.ndarray  # [F, 3] int32
  normals: np.ndarray  # [V, 3] unit, camera frame, outwards
  rest: np.ndarray  # [V, 3] metres, where patterns are evaluated
  layers: np.ndarray  # [V, L - 1] positive where the layer is
  materials: tuple[Material, ...]  # L, of the layers and of what is below


class Lighting(NamedTuple):
  """A sun or lamp far away, and light from the sky and from the ground."""

  direction: np.ndarray  # [3] unit, towards the light, camera frame
  color: np.ndarray  # [3] of the light
  sky: np.ndarray  # [3] ambient light on what faces up
  ground: np.ndarray  # [3] ambient light on what faces down
  shadow: float  # share of the light that shadows take, [0, 1]


class Scene(NamedTuple):
  """Surfaces joined; O surfaces, at most L layers."""

  vertices: np.ndarray  # [V, 3] float32
  faces: np.ndarray  # [F, 3] int32
  attributes: np.ndarray  # [V, 6 + L - 1] normals, rest, layers
  face_surface: np.ndarray  # [F] int32, number of the surface
  materials: np.ndarray  # [O, L, MATERIAL_SIZE]; row k belongs to layer k


def join(surfaces: list[Surface]) -> Scene:
  """One scene of several surfaces, the layers padded to equal numbers."""
  most = max(surface.layers.shape[1] for surface in surfaces)
  vertices, faces, attributes, numbers, materials = [], [], [], [], []
  start = 0
  for number, surface in enumerate(surfaces):
    count, layers = surface.layers.shape
    padded = np.full((count, most), -1.0, np.float32)
    padded[:, :layers] = surface.layers
    attributes.append(np.hstack([surface.normals, surface.rest, padded]))
    vertices.append(surface.vertices)
    faces.append(surface.faces + start)
    numbers.append(np.full(len(surface.faces), number, np.int32))
    rows = [material.row() for material in surface.materials]
    rows[layers:layers] = [rows[-1]] * (most - layers)
    materials.append(rows)
    start += count
  return Scene(
    np.concatenate(vertices).astype(np.float32),
    np.concatenate(faces).astype(np.int32),
    np.concatenate(attributes).astype(np.float32),
    np.concatenate(numbers),
    np.array(materials, np.float32),
  )


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
  scale = (_SHADOW_SIDE - 4) / max(float(extent[:2].max()), 1e-3)
  offset = low - [2.0 / scale, 2.0 / scale, 0.0]
  # The z-buffer interpolates inverse depths; let these be linear in the
  # distance along the light, from 2 for the nearest to 1 for the farthest.
  reach = float(extent[2]) + 1e-3
  points = (turned - offset) * [scale, scale, 1.0 / reach]
  points[:, 2] = 1.0 / (2.0 - points[:, 2])
  inverse = draw_faces(points, faces, _SHADOW_SIDE, _SHADOW_SIDE).inverse_depth
  depth = np.where(inverse > 0.0, (2.0 - inverse) * reach, np.inf)
  return ShadowMap(
    axes.astype(np.float32),
    offset.astype(np.float32),
    float(scale),
    depth.astype(np.float32),
  )


def shade(
  seen: ZBuffer,
  scene: Scene,
  intrinsics: np.ndarray,
  lighting: Lighting,
  background: np.ndarray,
) -> np.ndarray:
  """Colours of all pixels, two by two samples each.

  Args:
    seen: of the scene, at twice the height and width of the picture.
    scene: what was drawn.
    intrinsics: [4] fx, fy, cx, cy of the picture, pixels.
    lighting: of the scene.
    background: [H, W, 3] float32 linear RGB.

  Returns:
    [H, W, 3] float32 linear RGB, not clipped.
  """
  shadow = shadow_map(scene.vertices, scene.faces, lighting.direction)
  result = np.array(background, np.float32)
  _shade(
    result,
    seen.face,
    seen.barycentrics,
    seen.inverse_depth,
    scene.faces,
    scene.attributes,
    scene.face_surface,
    scene.materials,
    np.asarray(intrinsics, np.float32),
    np.stack(lighting[:4]).astype(np.float32),
    np.float32(lighting.shadow),
    shadow.axes,
    shadow.offset,
    np.float32(shadow.scale),
    shadow.depth,
  )
  return result


@compiled
def _shade(
  picture,
  face,
  barycentrics,
  inverse_depth,
  faces,
  attributes,
  face_surface,
  materials,
  intrinsics,
  lights,
  darkness,
  axes,
  offset,
  scale,
  light_depth,
):
  """Replaces what is covered of `picture`, sample by sample."""
  height, width, _ = picture.shape
  color = np.empty(3, np.float32)
  total = np.empty(3, np.float32)
  values = np.empty(attributes.shape[1], np.float32)
  for row in range(height):
    for column in range(width):
      top, left = 2 * row, 2 * column
      first = face[top, left]
      same = face[top, left + 1] == first and face[top + 1, left] == first
      same = same and face[top + 1, left + 1] == first
      if same and first < 0:
        continue
      total[:] = 0.0
      for sample in range(1 if same else 4):
        y, x = top + sample // 2, left + sample % 2
        f = face[y, x]
        if f < 0:
          color[:] = picture[row, column]
        else:
          wa, wb = barycentrics[y, x, 0], barycentrics[y, x, 1]
          wc = np.float32(1.0) - wa - wb
          a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
          for k in range(values.shape[0]):
            values[k] = (
              wa * attributes[a, k]
              + wb * attributes[b, k]
              + wc * attributes[c, k]
            )
          _surface_color(materials[face_surface[f]], values, color)
          depth = 1.0 / inverse_depth[y, x]
          px = ((x + 0.5) * 0.5 - intrinsics[2]) / intrinsics[0] * depth
          py = ((y + 0.5) * 0.5 - intrinsics[3]) / intrinsics[1] * depth
          lit = _light_share(px, py, depth, axes, offset, scale, light_depth)
          lit = 1.0 - darkness * (1.0 - lit)
          _apply_light(values, color, px, py, depth, lights, lit)
        for k in range(3):
          total[k] += color[k]
      share = 1.0 if same else 0.25
      for k in range(3):
        picture[row, column, k] = share * total[k]


@compiled
def _surface_color(materials, values, color):
  """Sets the colour without light, and tilts and marks the values.

  `values` are the normal, the rest position and the layers; the gloss takes
  the place of the fourth value when the colour is done.
  """
  layer = 0
  layers = values.shape[0] - 6
  while layer < layers and values[6 + layer] <= 0.0:
    layer += 1
  material = materials[layer]
  x, y, z = values[3], values[4], values[5]
  seed = np.int64(material[18])
  share = patterns.mixing(
    np.int64(material[6]),
    (x - material[10]) * material[7],
    (y - material[11]) * material[8],
    (z - material[12]) * material[9],
    seed,
  )
  grain = 1.0
  if material[13] > 0.0:
    f = material[14]
    noise = patterns.value_noise(x * f, y * f, z * f, seed + 3) - 0.5
    grain += 2.0 * material[13] * noise
  for k in range(3):
    color[k] = grain * (material[k] + share * (material[3 + k] - material[k]))
  if material[15] > 0.0:
    f = material[16]
    for k in range(3):
      noise = patterns.value_noise(x * f, y * f, z * f, seed + 5 + k) - 0.5
      values[k] += 2.0 * material[15] * noise
  values[3] = material[17]


@compiled
def _light_share(x, y, z, axes, offset, scale, light_depth):
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
  near = d - _SHADOW_BIAS
  lit = 0.0
  lit += (1 - fx) * (1 - fy) * (1.0 if light_depth[i, j] >= near else 0.0)
  lit += fx * (1 - fy) * (1.0 if light_depth[i, j + 1] >= near else 0.0)
  lit += (1 - fx) * fy * (1.0 if light_depth[i + 1, j] >= near else 0.0)
  lit += fx * fy * (1.0 if light_depth[i + 1, j + 1] >= near else 0.0)
  return lit


@compiled
def _apply_light(values, color, x, y, z, lights, lit):
  """Multiplies the colour with the light at a point; adds a highlight."""
  nx, ny, nz = values[0], values[1], values[2]
  length = math.sqrt(nx * nx + ny * ny + nz * nz) + 1e-9
  away = 1.0 / math.sqrt(x * x + y * y + z * z)
  ex, ey, ez = -x * away, -y * away, -z * away  # to the camera
  if nx * ex + ny * ey + nz * ez < 0.0:
    length = -length  # seen from behind
  nx, ny, nz = nx / length, ny / length, nz / length
  cosine = nx * lights[0, 0] + ny * lights[0, 1] + nz * lights[0, 2]
  diffuse = max(cosine, 0.0) * lit
  hx, hy, hz = ex + lights[0, 0], ey + lights[0, 1], ez + lights[0, 2]
  half = math.sqrt(hx * hx + hy * hy + hz * hz) + 1e-9
  shine = max((nx * hx + ny * hy + nz * hz) / half, 0.0) ** 24
  shine *= values[3] * lit if cosine > 0.0 else 0.0
  up = 0.5 - 0.5 * ny
  for k in range(3):
    ambient = lights[3, k] + up * (lights[2, k] - lights[3, k])
    light = ambient + diffuse * lights[1, k]
    color[k] = color[k] * light + shine * lights[1, k]


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
