"""Meshes of all people of a photo in one file: GLB (glTF 2.0) and OBJ.

Both files hold the scene of the photo, in metres, turned by 180 degrees about
the x axis: (x, y, z) of the camera frame becomes (x, -y, -z). So y is up, the
camera sits at the origin and looks along -z, as glTF has it; people stand
upright in viewers, and left and right stay what they are.
"""

import os
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import trimesh
from trimesh.visual import TextureVisuals
from trimesh.visual.material import PBRMaterial

from hund_tf.files import atomic_path

CAMERA_TO_EXPORT = np.diag([1.0, -1.0, -1.0])  # its own inverse

# sRGB, told apart also by people who do not see red or green well.
PERSON_COLORS: tuple[tuple[int, int, int], ...] = (
  (110, 168, 214),
  (232, 152, 76),
  (122, 190, 132),
  (205, 128, 176),
  (226, 204, 92),
  (140, 132, 200),
)


class PersonMesh(NamedTuple):
  """A person to write; without a colour, one of `PERSON_COLORS` is taken."""

  vertices: np.ndarray  # [V, 3] metres, camera frame
  faces: np.ndarray  # [F, 3] int vertex indices, counter-clockwise outside
  color: tuple[int, int, int] | None = None  # sRGB, 0 to 255
  uvs: np.ndarray | None = None  # [T, 2] in [0, 1], (0, 0) is bottom left
  uv_faces: np.ndarray | None = None  # [F, 3] int rows of `uvs` of each corner;
  # None: `uvs` has one row for each vertex


def write_glb(path: str | os.PathLike, people: Sequence[PersonMesh]) -> None:
  """Writes one binary glTF with a node `person_0`, `person_1`, ... for each.

  Vertices keep their order, except that those on a seam of the texture are
  split (glTF has one texture coordinate for each vertex).

  Args:
    path: of the .glb file; replaced atomically.
    people: one or more meshes in the camera frame of the photo.

  Raises:
    ValueError: if there is nobody, or a mesh is not usable.
    OutputError: if the file cannot be written.
  """
  scene = trimesh.Scene()
  for i, (person, color) in enumerate(_checked(path, people)):
    corners, source, uvs = split_seams(person)
    vertices, normals = _exported(person)
    material = PBRMaterial(
      name=f"person_{i}",
      baseColorFactor=[*linear_color(color), 1.0],
      metallicFactor=0.0,
      roughnessFactor=0.7,
    )
    mesh = trimesh.Trimesh(
      vertices=vertices[source],
      faces=corners,
      vertex_normals=normals[source],
      visual=TextureVisuals(uv=uvs, material=material),
      process=False,
    )
    scene.add_geometry(mesh, node_name=f"person_{i}", geom_name=f"person_{i}")
  data = scene.export(file_type="glb", include_normals=True)
  with atomic_path(path) as temporary:
    temporary.write_bytes(data)


def write_obj(path: str | os.PathLike, people: Sequence[PersonMesh]) -> None:
  """Writes one Wavefront OBJ with a group `o person_0`, ... for each.

  Vertices keep their number and order; the colour stands beside each position
  (`v x y z r g b`), so no material file is needed.

  Args:
    path: of the .obj file; replaced atomically.
    people: one or more meshes in the camera frame of the photo.

  Raises:
    ValueError: if there is nobody, or a mesh is not usable.
    OutputError: if the file cannot be written.
  """
  checked = _checked(path, people)
  with atomic_path(path) as temporary, temporary.open("w") as file:
    file.write("# metres; y up, the camera at the origin looks along -z\n")
    first_vertex, first_uv = 1, 1
    for i, (person, color) in enumerate(checked):
      vertices, normals = _exported(person)
      colors = np.tile(np.array(color) / 255.0, [len(vertices), 1])
      file.write(f"o person_{i}\n")
      _write_rows(file, "v %.6f %.6f %.6f %.3f %.3f %.3f", vertices, colors)
      _write_rows(file, "vn %.4f %.4f %.4f", normals)
      v = np.asarray(person.faces) + first_vertex
      if person.uvs is None:
        _write_rows(file, "f %d//%d %d//%d %d//%d", np.repeat(v, 2, axis=1))
      else:
        _write_rows(file, "vt %.6f %.6f", person.uvs)
        t = np.asarray(_uv_faces(person)) + first_uv
        rows = np.stack([v, t, v], axis=-1).reshape(len(v), 9)
        _write_rows(file, "f %d/%d/%d %d/%d/%d %d/%d/%d", rows)
        first_uv += len(person.uvs)
      first_vertex += len(vertices)


def _write_rows(file, layout: str, *columns: np.ndarray) -> None:
  np.savetxt(file, np.concatenate(columns, axis=1), fmt=layout)


def linear_color(color: tuple[int, int, int]) -> list[float]:
  """sRGB 0 to 255 to linear light 0 to 1, in which glTF states colours."""
  s = np.array(color) / 255.0
  return np.where(
    s <= 0.04045, s / 12.92, ((s + 0.055) / 1.055) ** 2.4
  ).tolist()


def _exported(person: PersonMesh) -> tuple[np.ndarray, np.ndarray]:
  """Positions and smooth unit normals [V, 3] in the exported frame."""
  vertices = np.asarray(person.vertices, np.float64) @ CAMERA_TO_EXPORT
  return vertices, smooth_normals(vertices, person.faces)


def smooth_normals(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
  """Unit normals `[V, 3]` of vertices `[V, 3]`, means of their triangles'."""
  mesh = trimesh.Trimesh(vertices, faces, process=False)
  return np.array(mesh.vertex_normals)


def _uv_faces(person: PersonMesh) -> np.ndarray:
  return person.faces if person.uv_faces is None else person.uv_faces


def split_seams(
  person: PersonMesh,
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
  """One vertex for each used pair of vertex and texture coordinate.

  Returns:
    Faces [F, 3] of the split mesh, the vertex [N] each of its vertices comes
    from, and its texture coordinates [N, 2] or None.
  """
  faces = np.asarray(person.faces)
  if person.uvs is None or person.uv_faces is None:
    return faces, np.arange(len(person.vertices)), person.uvs
  pairs = np.stack([faces, np.asarray(person.uv_faces)], -1).reshape(-1, 2)
  unique, corners = np.unique(pairs, axis=0, return_inverse=True)
  uvs = np.asarray(person.uvs)[unique[:, 1]]
  return corners.reshape(-1, 3), unique[:, 0], uvs


def _checked(
  path: str | os.PathLike, people: Sequence[PersonMesh]
) -> list[tuple[PersonMesh, tuple[int, int, int]]]:
  """Each mesh with its colour; raises ValueError if one is not usable."""
  if not people:
    raise ValueError(f"{path}: there is nobody to write; give at least one")
  checked = []
  for i, person in enumerate(people):
    person = PersonMesh(*person)
    where = f"{path}: person {i}"
    vertices = np.asarray(person.vertices)
    if vertices.ndim != 2 or vertices.shape[1] != 3:
      raise ValueError(
        f"{where}: vertices have shape {vertices.shape}, expected [V, 3]"
      )
    if not np.isfinite(vertices).all():
      raise ValueError(f"{where}: vertices are not all finite numbers")
    _check_indices(f"{where}: faces", person.faces, len(vertices))
    if person.uvs is not None:
      uvs = np.asarray(person.uvs)
      if uvs.ndim != 2 or uvs.shape[1] != 2 or not np.isfinite(uvs).all():
        raise ValueError(f"{where}: uvs are not finite numbers [T, 2]")
      if person.uv_faces is None and len(uvs) != len(vertices):
        raise ValueError(
          f"{where}: {len(uvs)} uvs for {len(vertices)} vertices; give "
          "uv_faces, or one for each vertex"
        )
      _check_indices(f"{where}: uv_faces", _uv_faces(person), len(uvs))
      if np.shape(_uv_faces(person)) != np.shape(person.faces):
        raise ValueError(f"{where}: uv_faces and faces differ in shape")
    color = person.color or PERSON_COLORS[i % len(PERSON_COLORS)]
    checked.append((person, color))
  return checked


def _check_indices(what: str, indices: np.ndarray, count: int) -> None:
  indices = np.asarray(indices)
  if indices.ndim != 2 or indices.shape[1] != 3 or not indices.size:
    raise ValueError(f"{what}: shape is {indices.shape}, expected [F, 3]")
  if indices.min() < 0 or indices.max() >= count:
    raise ValueError(
      f"{what}: indices {indices.min()} to {indices.max()} are outside "
      f"0 to {count - 1}"
    )
