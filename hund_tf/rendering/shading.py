"""Pictures of meshes over a photo, and the body part that each pixel sees."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.spatial.transform import Rotation
from tensorflow_graphics.geometry.representation.mesh import normals
from tensorflow_graphics.rendering.reflectance import lambertian

from hund_tf.compat import tf
from hund_tf.geometry.camera import project
from hund_tf.rendering.mesh import check_faces, check_labelled_mesh
from hund_tf.rendering.rasterize import RasterOutput, rasterize
from hund_tf.types import Intrinsics

MESH_COLORS = np.array(
  [
    (0.65, 0.74, 0.86),
    (0.90, 0.72, 0.58),
    (0.68, 0.82, 0.64),
    (0.82, 0.68, 0.84),
    (0.88, 0.83, 0.56),
    (0.60, 0.82, 0.84),
  ],
  np.float32,
)  # one per person, in turn
_AMBIENT = 0.35
_LIGHTS = (  # direction to the light in the camera frame, intensity
  ((-0.5, -0.7, -0.6), 0.5),
  ((0.3, 0.0, -1.0), 0.25),
)
_BAND = 128  # rows of the picture that are held at once
_MAX_SUPERSAMPLED = 4_000_000  # pixels
_ORBIT_FOV = 35.0  # degrees


class Mesh(NamedTuple):
  """One surface of a picture."""

  vertices: np.ndarray  # [V, 3] metres, camera frame
  faces: np.ndarray  # [F, 3] vertex indices
  color: np.ndarray  # [3] or [V, 3] RGB in [0, 1]


def vertex_normals(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
  """Unit normals [V, 3] of `vertices` [V, 3], weighted by the area of faces.

  They point outwards if `faces` [F, 3] are counter-clockwise from outside.
  Vertices without area around them get (0, 0, -1), towards the camera.
  """
  faces = check_faces(faces, len(vertices))
  result = np.asarray(
    normals.vertex_normals(
      tf.constant(vertices, tf.float32), tf.constant(faces), clockwise=True
    )
  )
  length = np.linalg.norm(result, axis=-1, keepdims=True)
  usable = np.isfinite(length) & (length > 0.5)
  return np.where(usable, result, np.array([0, 0, -1], np.float32))


def render_meshes(
  meshes: Sequence[Mesh | tuple[np.ndarray, np.ndarray, np.ndarray]],
  intrinsics: Intrinsics,
  height: int,
  width: int,
  background: np.ndarray | None = None,
  alpha: float = 1.0,
  supersampling: int | None = None,
) -> np.ndarray:
  """Draws shaded meshes, the nearer over the farther, over a background.

  Lambertian surfaces under two lights that stand with the camera.

  Args:
    meshes: surfaces, `Mesh` or tuples like it.
    intrinsics: of the picture, fields [2], pixels.
    height: of the picture, pixels.
    width: of the picture, pixels.
    background: [height, width, 3] uint8 RGB; white by default.
    alpha: opacity of the meshes in [0, 1].
    supersampling: samples along each side of a pixel; by default 2 up to 4
      megapixels, 1 beyond.

  Returns:
    [height, width, 3] uint8 RGB.

  Raises:
    ValueError: if a shape, the size or the opacity is wrong.
  """
  if background is None:
    background = np.full([height, width, 3], 255, np.uint8)
  if background.shape != (height, width, 3) or background.dtype != np.uint8:
    raise ValueError(
      f"background: {background.dtype} {background.shape}, expected uint8 "
      f"{(height, width, 3)}"
    )
  if not 0.0 <= alpha <= 1.0:
    raise ValueError(f"alpha: {alpha}, expected in [0, 1]")
  if supersampling is None:
    supersampling = 2 if height * width <= _MAX_SUPERSAMPLED else 1
  picture = background.copy()
  if not meshes:
    return picture
  scene = _join([Mesh(*mesh) for mesh in meshes])
  normal = np.concatenate(
    [vertex_normals(mesh[0], mesh[1]) for mesh in meshes], axis=0
  )
  points = _to_pixels(scene.vertices, intrinsics) * [
    *(supersampling, supersampling, 1)
  ]
  size = (supersampling, width * supersampling)
  for top in range(0, height, _BAND):
    rows = min(_BAND, height - top)
    seen = rasterize(
      points - [0, top * supersampling, 0], scene.faces, rows * size[0], size[1]
    )
    covered = seen.triangle_index >= 0
    if not covered.any():
      continue
    color = np.zeros([*covered.shape, 3], np.float32)
    color[covered] = _shade(seen, covered, scene, normal)
    color = _average(color, supersampling)
    coverage = _average(covered[..., np.newaxis], supersampling)
    band = picture[top : top + rows]
    band[:] = np.round(
      band * (1.0 - alpha * coverage) + 255.0 * alpha * color
    ).astype(np.uint8)
  return picture


def render_part_labels(
  vertices: np.ndarray,
  faces: np.ndarray,
  vertex_parts: np.ndarray,
  intrinsics: Intrinsics,
  height: int,
  width: int,
) -> np.ndarray:
  """Part seen in each pixel, [height, width] uint8, 0 where there is none.

  Args:
    vertices: [V, 3] metres, camera frame.
    faces: [F, 3] vertex indices.
    vertex_parts: [V] part of each vertex, 1..14.
    intrinsics: of the picture, fields [2], pixels.
    height: of the picture, pixels.
    width: of the picture, pixels.

  Raises:
    ValueError: if a shape, an index or a part is out of range.
  """
  faces, parts = check_labelled_mesh(faces, vertex_parts)
  points = _to_pixels(vertices, intrinsics)
  seen = rasterize(points, faces, height, width)
  covered = seen.triangle_index >= 0
  corner = seen.barycentrics[covered].argmax(axis=-1)
  labels = np.zeros([height, width], np.uint8)
  labels[covered] = parts[faces[seen.triangle_index[covered], corner]]
  return labels


def render_orbit(
  meshes: Sequence[Mesh | tuple[np.ndarray, np.ndarray, np.ndarray]],
  degrees: float,
  height: int,
  width: int,
) -> np.ndarray:
  """Draws meshes from a camera that circles around all of them.

  Args:
    meshes: surfaces, `Mesh` or tuples like it, at least one.
    degrees: turn of the camera to the right about the vertical; 0 looks along
      the z axis of the camera frame.
    height: of the picture, pixels.
    width: of the picture, pixels.

  Returns:
    [height, width, 3] uint8 RGB, on white.

  Raises:
    ValueError: if there is no mesh, or as `render_meshes`.
  """
  if not meshes:
    raise ValueError("meshes: none, expected at least one")
  vertices = np.concatenate([mesh[0] for mesh in meshes], axis=0)
  center = 0.5 * (vertices.min(axis=0) + vertices.max(axis=0))
  radius = np.linalg.norm(vertices - center, axis=-1).max()
  half = math.radians(_ORBIT_FOV / 2)
  distance = 1.05 * radius / math.sin(half)
  turn = Rotation.from_euler("y", degrees, degrees=True)
  turned = [
    Mesh(
      (turn.apply(mesh[0] - center) + [0, 0, distance]).astype(np.float32),
      *mesh[1:],
    )
    for mesh in meshes
  ]
  focal = min(height, width) / (2.0 * math.tan(half))
  intrinsics = Intrinsics(
    focal=np.array([focal, focal], np.float32),
    center=np.array([width / 2, height / 2], np.float32),
  )
  return render_meshes(turned, intrinsics, height, width)


def _to_pixels(vertices, intrinsics):
  """[V, 3] x and y in pixels and depth in metres."""
  vertices = np.asarray(vertices, np.float32)
  if vertices.ndim != 2 or vertices.shape[1] != 3:
    raise ValueError(f"vertices: shape {vertices.shape}, expected [V, 3]")
  xy = project(tf.constant(vertices), intrinsics).numpy()
  return np.concatenate([xy, vertices[:, 2:]], axis=-1)


def _join(meshes):
  """One mesh of several, with a colour per vertex."""
  counts = [len(mesh.vertices) for mesh in meshes]
  starts = np.cumsum([0, *counts[:-1]])
  return Mesh(
    vertices=np.concatenate([mesh.vertices for mesh in meshes]),
    faces=np.concatenate(
      [
        check_faces(mesh.faces, count) + start
        for mesh, count, start in zip(meshes, counts, starts, strict=True)
      ]
    ),
    color=np.concatenate(
      [
        np.broadcast_to(np.asarray(mesh.color, np.float32), [count, 3])
        for mesh, count in zip(meshes, counts, strict=True)
      ]
    ),
  )


def _shade(seen: RasterOutput, covered, scene, normal):
  """Colours [N, 3] of the covered pixels."""
  corners = scene.faces[seen.triangle_index[covered]]
  weights = seen.barycentrics[covered][:, np.newaxis]
  attributes = np.concatenate([scene.vertices, normal, scene.color], axis=-1)
  attributes = (weights @ attributes[corners].astype(np.float32))[:, 0]
  position, direction, albedo = np.split(attributes, 3, axis=-1)
  to_camera = -_unit(position)
  direction = _unit(direction)
  # Interpolated normals can point away at the silhouette; turn them sideways.
  facing = _dot(direction, to_camera)
  direction = _unit(direction - 1.001 * np.minimum(facing, 0.0) * to_camera)
  color = _AMBIENT * albedo
  for to_light, intensity in _LIGHTS:
    to_light = _unit(np.array([to_light], np.float32))
    reflected = lambertian.brdf(-to_light, to_camera, direction, albedo).numpy()
    cosine = np.maximum(_dot(direction, to_light), 0.0)
    color = color + math.pi * intensity * cosine * reflected
  return np.clip(color, 0.0, 1.0)


def _unit(vectors):
  return vectors / np.maximum(np.sqrt(_dot(vectors, vectors)), 1e-9)


def _dot(first, second):
  return np.einsum("ni,ni->n", *np.broadcast_arrays(first, second))[:, None]


def _average(image, factor):
  """Mean [H / factor, W / factor, C] over squares of [H, W, C]."""
  height, width, channels = image.shape
  blocks = image.reshape(
    [height // factor, factor, width // factor, factor, channels]
  )
  return blocks.mean(axis=(1, 3), dtype=np.float32)
