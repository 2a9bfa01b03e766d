"""Symmetric quadric decimation whose vertices are a subset of the input's.

Half-edge collapses in the order of their quadric error (Garland and Heckbert,
"Surface Simplification Using Quadric Error Metrics", 1997). Every collapse is
done together with its mirror image, so the result is left-right symmetric;
because no vertex moves, skin weights and shape bases carry over by indexing.
"""

import heapq

import numpy as np

_MIN_NORMAL_COSINE = 0.2  # a collapse may not turn a face further than this
_MIN_QUALITY = 0.02  # nor leave a face this thin (4 sqrt(3) area / perimeter^2)


class _Mesh:
  """A closed triangle mesh under half-edge collapses."""

  def __init__(self, points: np.ndarray, faces: np.ndarray):
    self.points = points
    self.faces = {i: tuple(int(v) for v in f) for i, f in enumerate(faces)}
    self.around: dict[int, set[int]] = {}
    for i, face in self.faces.items():
      for vertex in face:
        self.around.setdefault(vertex, set()).add(i)
    self.quadrics = self._quadrics()

  def _quadrics(self) -> np.ndarray:
    """Area-weighted sums of squared distances to the planes around [N,4,4]."""
    result = np.zeros((len(self.points), 4, 4))
    for face in self.faces.values():
      p = self.points[list(face)]
      normal = np.cross(p[1] - p[0], p[2] - p[0])
      area = np.linalg.norm(normal)
      plane = np.append(normal, -normal @ p[0]) / max(area, 1e-12)
      result[list(face)] += area * np.outer(plane, plane)
    return result

  def neighbours(self, vertex: int) -> set[int]:
    rings = (self.faces[f] for f in self.around[vertex])
    return {v for ring in rings for v in ring} - {vertex}

  def cost(self, source: int, target: int) -> float:
    p = np.append(self.points[target], 1.0)
    error = p @ (self.quadrics[source] + self.quadrics[target]) @ p
    edge = self.points[source] - self.points[target]
    return float(error + 1e-9 * edge @ edge)

  def allowed(self, source: int, target: int) -> bool:
    """Whether the surface stays a manifold and no face flips."""
    common = self.neighbours(source) & self.neighbours(target)
    if len(common) != 2:
      return False
    for f in self.around[source]:
      face = self.faces[f]
      if target in face:
        continue
      old = self.points[list(face)]
      new = self.points[[target if v == source else v for v in face]]
      n_old = np.cross(old[1] - old[0], old[2] - old[0])
      n_new = np.cross(new[1] - new[0], new[2] - new[0])
      size = np.linalg.norm(n_old) * np.linalg.norm(n_new)
      if n_old @ n_new <= _MIN_NORMAL_COSINE * size:
        return False
      rim = np.linalg.norm(new - np.roll(new, 1, axis=0), axis=1).sum()
      if 2 * np.sqrt(3) * np.linalg.norm(n_new) < _MIN_QUALITY * rim**2:
        return False
    return True

  def collapse(self, source: int, target: int) -> None:
    for f in self.around.pop(source):
      face = self.faces[f]
      if target in face:
        for vertex in set(face) - {source}:
          self.around[vertex].discard(f)
        del self.faces[f]
      else:
        self.faces[f] = tuple(target if v == source else v for v in face)
        self.around[target].add(f)
    self.quadrics[target] += self.quadrics[source]


def _pair(
  source: int, target: int, mirror: np.ndarray
) -> list[tuple[int, int]] | None:
  """A collapse with its mirror image, or None where symmetry forbids it."""
  image = (int(mirror[source]), int(mirror[target]))
  if image == (source, target):
    return [(source, target)]
  if image[0] == source or image[0] == target:
    return None
  return [(source, target), image]


def decimate(
  points: np.ndarray,
  faces: np.ndarray,
  mirror: np.ndarray,
  num_vertices: list[int],
) -> list[tuple[np.ndarray, np.ndarray]]:
  """Decimates a closed symmetric surface to several sizes, each nested.

  Args:
    points: `[N, 3]` positions.
    faces: `[F, 3]` of a closed surface; unused vertices are ignored.
    mirror: `[N]` mirror image of every vertex.
    num_vertices: sizes to stop at, descending.

  Returns:
    For each size, vertex ids `[V]` (ascending) and faces `[F, 3]` over them.

  Raises:
    ValueError: if a size cannot be reached.
  """
  mesh = _Mesh(points, faces)
  heap: list[tuple[float, int, int]] = []

  def push(vertex: int) -> None:
    for other in mesh.neighbours(vertex):
      for a, b in ((vertex, other), (other, vertex)):
        heapq.heappush(heap, (mesh.cost(a, b), a, b))

  for vertex in list(mesh.around):
    for other in mesh.neighbours(vertex):
      heapq.heappush(heap, (mesh.cost(vertex, other), vertex, other))
  results = []
  for size in num_vertices:
    while len(mesh.around) > size:
      if not heap:
        raise ValueError(
          f"decimation: {len(mesh.around)} vertices left and no collapse "
          f"allowed, asked for {size}"
        )
      cost, source, target = heapq.heappop(heap)
      if source not in mesh.around or target not in mesh.neighbours(source):
        continue
      if cost != mesh.cost(source, target):
        continue  # outdated: a fresh entry is in the heap
      pair = _pair(source, target, mirror)
      if pair is None or len(mesh.around) - len(pair) < size:
        continue
      if not _collapse_pair(mesh, pair):
        continue
      for _, kept in pair:
        push(kept)
    results.append(_compact(mesh.faces))
    for vertex in list(mesh.around):
      push(vertex)
  return results


def _collapse_pair(mesh: _Mesh, pair: list[tuple[int, int]]) -> bool:
  """Does a collapse and its mirror image, or nothing."""
  if not all(mesh.allowed(*collapse) for collapse in pair):
    return False
  if len(pair) == 2:
    (s0, t0), (s1, t1) = pair
    ring0, ring1 = mesh.neighbours(s0), mesh.neighbours(s1)
    if t0 == t1:
      independent = s1 not in ring0 and ring0 & ring1 <= (
        mesh.neighbours(t0) | {t0}
      )
    else:
      independent = s1 not in ring0 and s0 not in mesh.neighbours(t1)
    if not independent:
      return False
  for collapse in pair:
    mesh.collapse(*collapse)
  return True


def _compact(
  faces: dict[int, tuple[int, int, int]],
) -> tuple[np.ndarray, np.ndarray]:
  array = np.array([faces[i] for i in sorted(faces)])
  ids, inverse = np.unique(array, return_inverse=True)
  return ids, inverse.reshape(-1, 3)
