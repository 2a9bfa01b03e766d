"""Hard rasterization: pixel convention, perspective, occlusion, backends."""

import numpy as np
import pytest

from hund_tf.rendering import tfg_op
from hund_tf.rendering.rasterize import rasterize
from tests.rendering import meshes

_needs_op = pytest.mark.skipif(
  not tfg_op.is_available(), reason=f"no rasterizer op; {tfg_op.BUILD_HINT}"
)
_BACKENDS = [pytest.param("tfg", marks=_needs_op), "numpy"]


@pytest.mark.parametrize("backend", _BACKENDS)
def test_pixels_are_seen_at_their_centres(backend):
  # A rectangle over x 2.4..4.6 and y 0.6..3.4: centres 2.5, 3.5, 4.5 and
  # 1.5, 2.5 lie inside.
  vertices = [[2.4, 0.6, 1], [4.6, 0.6, 1], [4.6, 3.4, 1], [2.4, 3.4, 1]]
  result = rasterize(vertices, [[0, 1, 2], [0, 2, 3]], 5, 7, backend)
  expected = np.zeros([5, 7], bool)
  expected[1:3, 2:5] = True
  np.testing.assert_array_equal(result.triangle_index >= 0, expected)
  np.testing.assert_array_equal(np.isfinite(result.depth), expected)
  vertices = np.array(vertices) + [0.2, -0.2, 0]  # now 2.6..4.8, 0.4..3.2
  result = rasterize(vertices, [[0, 1, 2], [0, 2, 3]], 5, 7, backend)
  expected[:] = False
  expected[0:3, 3:5] = True
  np.testing.assert_array_equal(result.triangle_index >= 0, expected)


@pytest.mark.parametrize("backend", _BACKENDS)
def test_barycentrics_are_perspective_correct(backend):
  random = np.random.default_rng(0)
  # A 3D triangle seen by a camera of focal length 50 and centre (20, 15).
  corners = np.array([[-0.5, -0.4, 1.0], [1.4, 0.1, 3.0], [0.1, 0.6, 2.0]])
  xy = corners[:, :2] / corners[:, 2:] * 50 + [20, 15]
  vertices = np.concatenate([xy, corners[:, 2:]], axis=-1)
  result = rasterize(vertices, [[0, 1, 2]], 30, 40, backend)
  rows, columns = np.nonzero(result.triangle_index == 0)
  assert len(rows) > 150
  for i in random.integers(0, len(rows), 20):
    point = result.barycentrics[rows[i], columns[i]] @ corners
    np.testing.assert_allclose(
      point[:2] / point[2] * 50 + [20, 15],
      [columns[i] + 0.5, rows[i] + 0.5],
      atol=1e-3,
    )
    assert result.depth[rows[i], columns[i]] == pytest.approx(point[2], 1e-5)


@pytest.mark.parametrize("backend", _BACKENDS)
def test_the_nearest_face_is_seen_from_either_side(backend):
  square = np.array([[1, 1, 2], [9, 1, 2], [9, 9, 2], [1, 9, 2]], float)
  vertices = np.concatenate([square, square[[1, 0, 3, 2]] - [0, 0, 0.5]])
  faces = [[0, 1, 2], [0, 2, 3], [4, 5, 6], [4, 6, 7]]
  result = rasterize(vertices, faces, 10, 10, backend)
  seen = result.triangle_index[1:9, 1:9]
  assert set(np.unique(seen)) == {2, 3}
  assert result.depth[5, 5] == pytest.approx(1.5)


@pytest.mark.parametrize("backend", _BACKENDS)
def test_leaves_out_what_cannot_be_seen(backend):
  triangle = np.array([[2, 2, 1], [18, 2, 1], [2, 18, 1]], float)
  hidden = {
    "behind": triangle * [1, 1, -1],
    "at zero": triangle * [1, 1, 0],
    "crossing": triangle * [[1, 1, -1], [1, 1, 1], [1, 1, 1]],
    "not finite": triangle + [[np.nan, 0, 0], [0, np.inf, 0], [0, 0, 0]],
    "off the picture": triangle + [100, 0, 0],
    "without area": np.tile([[5.5, 5.5, 1.0]], [3, 1]),
  }
  for name, vertices in hidden.items():
    result = rasterize(vertices, [[0, 1, 2]], 20, 20, backend)
    assert (result.triangle_index == -1).all(), name
    assert (result.barycentrics == 0).all(), name
    both = np.concatenate([vertices, triangle + [0, 0, 1]])
    result = rasterize(both, [[0, 1, 2], [3, 4, 5]], 20, 20, backend)
    assert (result.triangle_index == 1).sum() > 100, name


@_needs_op
def test_fallback_equals_the_op(body_model):
  vertices, faces, _ = meshes.body(body_model, "full", 0.6, 460, 500)
  vertices[:, 0] += 37.0  # several tiles, the last ones cut by the border
  op = rasterize(vertices, faces, 500, 530, "tfg")
  plain = rasterize(vertices, faces, 500, 530, "numpy")
  seen = op.triangle_index >= 0
  assert seen.sum() > 20000
  # Only centres that fall on an edge may differ.
  assert (seen != (plain.triangle_index >= 0)).sum() < 10
  same = seen & (op.triangle_index == plain.triangle_index)
  assert same.sum() > 0.995 * seen.sum()
  np.testing.assert_allclose(op.depth[same], plain.depth[same], atol=1e-5)
  np.testing.assert_allclose(
    op.barycentrics[same], plain.barycentrics[same], atol=1e-4
  )


@pytest.mark.parametrize("backend", _BACKENDS)
def test_no_seams_between_tiles(backend):
  vertices = [[-900, -900, 2], [1900, -900, 2], [500, 2900, 2]]
  result = rasterize(vertices, [[0, 1, 2]], 600, 550, backend)
  assert (result.triangle_index == 0).all()
  np.testing.assert_allclose(result.depth, 2.0, rtol=1e-5)


def test_empty_mesh():
  result = rasterize(np.zeros([0, 3]), np.zeros([0, 3], int), 4, 6)
  assert result.triangle_index.shape == (4, 6)
  assert (result.triangle_index == -1).all()


def test_refuses_wrong_input():
  triangle = np.ones([3, 3])
  with pytest.raises(ValueError, match=r"vertices: shape \(3, 2\)"):
    rasterize(triangle[:, :2], [[0, 1, 2]], 4, 4)
  with pytest.raises(ValueError, match="expected 0..2"):
    rasterize(triangle, [[0, 1, 3]], 4, 4)
  with pytest.raises(ValueError, match="0x4 pixels"):
    rasterize(triangle, [[0, 1, 2]], 4, 0)
  with pytest.raises(ValueError, match="'opengl'"):
    rasterize(triangle, [[0, 1, 2]], 4, 4, "opengl")
