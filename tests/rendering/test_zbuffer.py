"""The compiled z-buffer against closed forms and the other rasteriser."""

import numba
import numpy as np
import pytest

from hund_tf.rendering import compiled, rasterize, shading, zbuffer
from tests.rendering import meshes

_TRIANGLE = np.array([[2.2, 1.7, 1.0], [28.4, 6.1, 2.0], [9.5, 25.3, 4.0]])
_FACE = np.array([[0, 1, 2]])


def _centers(size):
  x, y = np.meshgrid(np.arange(size) + 0.5, np.arange(size) + 0.5)
  return np.stack([x, y], axis=-1)


def test_a_triangle_covers_the_centres_inside_it():
  seen = zbuffer.draw_faces(_TRIANGLE, _FACE, 32, 32)
  expected = np.ones((32, 32), bool)
  for start, end in zip(_TRIANGLE, np.roll(_TRIANGLE, -1, axis=0), strict=True):
    edge, offset = end[:2] - start[:2], _centers(32) - start[:2]
    expected &= edge[0] * offset[..., 1] - edge[1] * offset[..., 0] >= 0
  assert expected.sum() > 200
  np.testing.assert_array_equal(seen.face == 0, expected)
  np.testing.assert_array_equal(seen.depth()[~expected], np.inf)
  reverse = zbuffer.draw_faces(_TRIANGLE, _FACE[:, ::-1], 32, 32)
  np.testing.assert_array_equal(reverse.face, seen.face)


def test_interpolation_is_perspective_correct():
  """A ray through each pixel meets the triangle's plane in space."""
  seen = zbuffer.draw_faces(_TRIANGLE, _FACE, 32, 32)
  covered = seen.face == 0
  # x = X / Z and y = Y / Z.
  corners = _TRIANGLE * [[1, 1, 1]]
  corners[:, :2] *= corners[:, 2:]
  normal = np.cross(corners[1] - corners[0], corners[2] - corners[0])
  rays = np.concatenate([_centers(32), np.ones((32, 32, 1))], axis=-1)
  depth = normal @ corners[0] / (rays @ normal)
  np.testing.assert_allclose(seen.depth()[covered], depth[covered], rtol=1e-5)
  weights = seen.barycentrics[covered]
  weights = np.c_[weights, 1.0 - weights.sum(axis=1)]
  points = (rays * depth[..., None])[covered]
  np.testing.assert_allclose(weights @ corners, points, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_the_nearer_of_two_crossing_faces_is_seen(order):
  points = np.array(
    [
      *((0, 0, 1.0), (16, 0, 3.0), (0, 16, 1.0)),
      *((0, 0, 3.0), (16, 0, 1.0), (0, 16, 3.0)),
    ]
  )
  faces = np.array([[0, 1, 2], [3, 4, 5]])[list(order)]
  seen = zbuffer.draw_faces(points, faces, 16, 16)
  winner = np.array(order)[seen.face[4]]
  # In the middle of the row, 1 / depth of both is 2 / 3.
  assert (winner[:8] == 0).all()
  assert (winner[8:11] == 1).all()


def test_it_agrees_with_the_other_rasteriser(body_model):
  vertices, faces, _ = meshes.body(body_model, "lite", 0.6, 110.0, 128)
  first = zbuffer.draw_faces(vertices, faces, 128, 128)
  second = rasterize.rasterize(vertices, faces, 128, 128, backend="numpy")
  same = first.face == second.triangle_index
  assert same.mean() > 0.9995
  covered = same & (first.face >= 0)
  np.testing.assert_allclose(
    first.depth()[covered], second.depth[covered], rtol=1e-5
  )
  np.testing.assert_allclose(
    first.barycentrics[covered],
    second.barycentrics[covered][:, :2],
    atol=2e-3,
  )


def test_faces_that_cannot_be_drawn_are_left_out():
  bad = np.repeat(_TRIANGLE[None], 4, axis=0)
  bad[0, 0] = np.nan  # not a number
  bad[1, 1, 2] = -1.0  # behind the camera
  bad[2, 2, 0] = np.inf
  bad[3, 1:] = bad[3, :1]  # no area
  seen = zbuffer.draw_faces(
    bad.reshape(-1, 3), np.arange(12).reshape(4, 3), 32, 32
  )
  assert (seen.face == -1).all()
  far = _TRIANGLE * [1e9, 1e9, 1.0]
  assert (zbuffer.draw_faces(far, _FACE, 32, 32).face == -1).any()


@pytest.mark.parametrize(
  ("points", "faces", "size", "message"),
  [
    (np.zeros((3, 2)), _FACE, 8, r"points: shape \(3, 2\)"),
    (np.zeros((2, 3)), _FACE, 8, "faces: indices"),
    (np.zeros((3, 3)), _FACE, 0, "expected positive sides"),
  ],
)
def test_wrong_inputs_are_named(points, faces, size, message):
  with pytest.raises(ValueError, match=message):
    zbuffer.draw_faces(points, faces, size, size)


def test_normals_agree_with_the_other_ones(body_model):
  vertices, faces, _ = meshes.body(body_model, "lite")
  ours = zbuffer.vertex_normals(vertices, faces)
  np.testing.assert_allclose(
    ours, shading.vertex_normals(vertices, faces), atol=2e-3
  )
  lonely = zbuffer.vertex_normals(np.zeros((3, 3), np.float32), _FACE)
  np.testing.assert_array_equal(lonely, 0.0)


def test_without_a_cache_folder_it_compiles_all_the_same(monkeypatch):
  real = numba.njit

  def njit(function, cache=False, **options):
    if cache:
      raise RuntimeError("cannot cache function: no locator available")
    return real(function, **options)

  monkeypatch.setattr(numba, "njit", njit)
  assert compiled.compiled(lambda x: x + 1)(2) == 3
