"""The surface: body without internal cavities, eyes, triangles and UVs."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from hund_tf.body.construction.source import BaseMesh

_BODY = slice(0, 13380)
_EYES = slice(14598, 14742)
# Inside of the mouth, nose and ears' canals, and what lies behind the nipples:
# first and last source id of each run.
_CAVITIES = (
  *((420, 421), (434, 436), (445, 446), (514, 710), (1055, 1354)),
  *((1778, 1793), (3708, 3731), (5101, 5126), (5308, 5317), (5347, 5350)),
  *((5355, 5360), (5365, 5366), (6756, 6783), (7180, 7181), (7194, 7196)),
  *((7205, 7206), (7261, 7433), (7747, 8046), (8450, 8465)),
  *((10376, 10399), (11716, 11741), (11913, 11922), (11949, 11952)),
  *((11957, 11962), (11967, 11968), (13352, 13379)),
)


class Surface(NamedTuple):
  """The full mesh; vertex ids count its own vertices."""

  source_ids: np.ndarray  # [V] rows of the base mesh, ascending
  mirror: np.ndarray  # [V] mirror image of every vertex
  faces: np.ndarray  # [F, 3] counter-clockwise from outside
  uv: np.ndarray  # [T, 2] texture coordinates
  faces_uv: np.ndarray  # [F, 3] rows of uv
  eye_caps: np.ndarray  # [C, 3] faces closing the eye openings, not in `faces`
  is_eye: np.ndarray  # [V] bool


def boundary_loops(faces: np.ndarray) -> list[list[int]]:
  """Closed loops of vertices along which `faces` `[F, n]` has no neighbour.

  They run so that a face appended along them is oriented like its neighbours.
  """
  edges = {
    (int(a), int(b))
    for face in faces
    for a, b in zip(face, np.roll(face, -1), strict=True)
  }
  following = {b: a for a, b in edges if (b, a) not in edges}
  loops = []
  while following:
    start = min(following)
    loop, vertex = [start], following.pop(start)
    while vertex != start:
      loop.append(vertex)
      vertex = following.pop(vertex)
    loops.append(loop)
  return loops


def triangulate_polygon(
  points: np.ndarray, loop: Sequence[int]
) -> list[tuple[int, int, int]]:
  """Triangulation of a polygon with the least total edge length.

  Args:
    points: `[N, 3]` positions.
    loop: vertex ids in order; the triangles keep their orientation.
  """
  n = len(loop)
  p = points[list(loop)]
  length = np.linalg.norm(p[:, None] - p[None], axis=-1)
  cost = np.zeros((n, n))
  split = np.zeros((n, n), int)
  for gap in range(2, n):
    for i in range(n - gap):
      j = i + gap
      options = cost[i, i + 1 : j] + cost[i + 1 : j, j]
      best = int(np.argmin(options))
      split[i, j] = i + 1 + best
      cost[i, j] = options[best] + length[i, j]
  triangles, stack = [], [(0, n - 1)]
  while stack:
    i, j = stack.pop()
    if j - i < 2:
      continue
    k = split[i, j]
    triangles.append((loop[i], loop[k], loop[j]))
    stack += [(i, k), (k, j)]
  return triangles


def _cap(
  points: np.ndarray, loop: list[int], mirror: np.ndarray
) -> list[tuple[int, int, int]]:
  """Symmetric triangulation of a loop that is its own mirror image."""
  middle = [i for i, v in enumerate(loop) if mirror[v] == v]
  if len(middle) != 2:
    raise ValueError(
      f"loop of {len(loop)} vertices: {len(middle)} lie in the plane of "
      "symmetry, expected 2"
    )
  half = triangulate_polygon(points, loop[middle[0] : middle[1] + 1])
  return half + [tuple(mirror[list(t)][::-1]) for t in half]


def _split_quads(
  points: np.ndarray, quads: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
  """Corner positions `[2Q, 3]` and quad ids `[2Q]` of two triangles a quad.

  Quads are cut along the shorter diagonal.
  """
  p = points[quads]
  first = np.linalg.norm(p[:, 0] - p[:, 2], axis=-1)
  second = np.linalg.norm(p[:, 1] - p[:, 3], axis=-1)
  cut_first = np.array([[0, 1, 2], [0, 2, 3]])
  cut_second = np.array([[0, 1, 3], [1, 2, 3]])
  corners = np.where((first < second)[:, None, None], cut_first, cut_second)
  return corners.reshape(-1, 3), np.repeat(np.arange(len(quads)), 2)


def build_surface(
  mesh: BaseMesh, points: np.ndarray, source_mirror: np.ndarray
) -> Surface:
  """Cuts the full mesh out of the base mesh.

  Args:
    mesh: the base mesh.
    points: `[S, 3]` symmetric positions of its vertices on an average adult,
      by which quads and caps are triangulated.
    source_mirror: `[S]` mirror image of every vertex.
  """
  keep = np.zeros(len(mesh.vertices), bool)
  keep[_BODY] = keep[_EYES] = True
  for first, last in _CAVITIES:
    keep[first : last + 1] = False
  source_ids = np.flatnonzero(keep)
  number = np.cumsum(keep) - 1
  used = np.flatnonzero(keep[mesh.quads].all(axis=1))
  quads = number[mesh.quads[used]]
  points = points[source_ids]
  mirror = number[source_mirror[source_ids]]

  corners, owner = _split_quads(points, quads)
  faces = quads[owner[:, None], corners]
  faces_uv = mesh.quad_uv[used][owner[:, None], corners]

  caps, caps_uv, eye_caps = [], [], []
  uv_of = dict(zip(faces.ravel(), faces_uv.ravel(), strict=True))
  for loop in boundary_loops(quads):
    mirrored = set(mirror[loop])
    if mirrored == set(loop):
      triangles = _cap(points, loop, mirror)
    elif points[loop, 0].mean() > 0:
      half = triangulate_polygon(points, loop)
      triangles = half + [tuple(mirror[list(t)][::-1]) for t in half]
    else:
      continue  # made with its mirror image
    if _is_eye_opening(points, loop, mesh, number):
      eye_caps += triangles
    else:
      caps += triangles
      caps_uv += [[uv_of[v] for v in t] for t in triangles]
  is_eye = source_ids >= _EYES.start
  uv_rows, faces_uv = np.unique(
    np.concatenate([faces_uv, np.array(caps_uv)]), return_inverse=True
  )
  return Surface(
    source_ids,
    mirror,
    np.concatenate([faces, np.array(caps)]),
    mesh.uv[uv_rows],
    faces_uv.reshape(-1, 3),
    np.array(eye_caps),
    is_eye,
  )


def _is_eye_opening(
  points: np.ndarray, loop: list[int], mesh: BaseMesh, number: np.ndarray
) -> bool:
  """Whether a loop encircles the middle of an eyeball (within 2 cm)."""
  eye = mesh.quads[mesh.groups["helper-l-eye"]].ravel()
  centre = points[number[np.unique(eye)]].mean(axis=0)
  offset = points[loop].mean(axis=0) * [np.sign(points[loop][0, 0]), 1, 1]
  return bool(np.linalg.norm(offset - centre) < 0.02)
