"""Meshes in map pixels and metres that the tests draw."""

import numpy as np
import trimesh


def sphere(
  map_size: int, radius: float = 0.3, subdivisions: int = 2
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
  """Vertices [V, 3], faces and parts of a sphere that fills half of a map."""
  mesh = trimesh.creation.icosphere(subdivisions=subdivisions)
  points = np.asarray(mesh.vertices, np.float32)
  octant = (points > 0.05) @ np.array([1, 2, 4])
  vertices = project(points * radius, map_size, 4.0 * radius)
  return vertices, np.asarray(mesh.faces, np.int32), octant + 1


def project(points: np.ndarray, map_size: int, distance: float) -> np.ndarray:
  """Places `points` [V, 3] before a camera whose focal length is the map."""
  depth = points[:, 2:] + distance
  xy = map_size * (points[:, :2] / depth + 0.5)
  return np.concatenate([xy, depth], axis=-1).astype(np.float32)


def body(
  body_model, mesh: str, yaw: float = 0.0, height: float = 52.0, size: int = 60
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
  """The resting body, `height` map pixels tall, that faces the camera.

  Args:
    body_model: the model.
    mesh: which of its meshes.
    yaw: turn of the body to its left, radians.
    height: in map pixels.
    size: of the map.
  """
  points = body_model.asset.template[body_model.mesh_ids(mesh)]
  points = points - 0.5 * (points.min(axis=0) + points.max(axis=0))
  cosine, sine = np.cos(yaw), np.sin(yaw)
  turn = np.array([[cosine, 0, sine], [0, 1, 0], [-sine, 0, cosine]])
  points = points @ turn.T * [1, -1, -1]
  distance = size * np.ptp(points[:, 1]) / height
  return (
    project(points, size, distance),
    body_model.faces(mesh),
    body_model.part_labels(mesh),
  )
