"""Meshes with layers of material, for deferred shading.

Surfaces are made of layers (skin, shirt, hair): each vertex has a value for
each layer, and the first layer whose interpolated value is positive is what
one sees, so borders are sharp whatever the mesh. Each layer has a material:
two colours, a pattern in the space of the surface at rest, grain and wrinkles.
"""

import dataclasses
from typing import NamedTuple

import numpy as np

from hund_tf.rendering.patterns import Pattern


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
