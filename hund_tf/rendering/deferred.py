"""Deferred shading: colours of what a z-buffer sees."""

import math
from typing import NamedTuple

import numpy as np

from hund_tf.rendering import patterns
from hund_tf.rendering.compiled import compiled
from hund_tf.rendering.shadows import light_share, shadow_map
from hund_tf.rendering.surfaces import Scene
from hund_tf.rendering.zbuffer import ZBuffer


class Lighting(NamedTuple):
  """A sun or lamp far away, and light from the sky and from the ground."""

  direction: np.ndarray  # [3] unit, towards the light, camera frame
  color: np.ndarray  # [3] of the light
  sky: np.ndarray  # [3] ambient light on what faces up
  ground: np.ndarray  # [3] ambient light on what faces down
  shadow: float  # share of the light that shadows take, [0, 1]


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
          lit = light_share(px, py, depth, axes, offset, scale, light_depth)
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
