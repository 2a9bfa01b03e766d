"""A GLB for each photo with people."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from hund_tf.export import meshes


def write(
  folder: Path,
  stem: str,
  rows: Sequence[dict],
  vertices: np.ndarray,
  faces: np.ndarray,
) -> None:
  """Writes the meshes of photos and fills the column `glb` of their rows.

  Args:
    folder: of the results.
    stem: of the shard; the folder of the files is "glb-STEM".
    rows: of the photos that the model was given.
    vertices: `[B, P, V, 3]` metres, of these photos.
    faces: `[F, 3]` triangles.

  Raises:
    OutputError: if they cannot be written.
  """
  for row, people in zip(rows, vertices, strict=True):
    count = row["num_people"]
    if count < 1:
      continue
    row["glb"] = f"{folder_name(stem)}/{row['row']:06d}.glb"
    path = folder / row["glb"]
    path.parent.mkdir(exist_ok=True)
    scene = [meshes.PersonMesh(person, faces) for person in people[:count]]
    meshes.write_glb(path, scene)


def folder_name(stem: str) -> str:
  """Where the files of a shard are."""
  return f"glb-{stem}"
