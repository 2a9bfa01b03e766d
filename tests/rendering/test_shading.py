"""Pictures of meshes: normals, light, depth order, background and labels."""

import numpy as np
import pytest
import trimesh

from hund_tf.body import parts as part_names
from hund_tf.rendering import shading
from hund_tf.types import Intrinsics

_CAMERA = Intrinsics(
  focal=np.array([60, 60], np.float32), center=np.array([30, 20], np.float32)
)
_RED, _BLUE = np.array([1.0, 0, 0]), np.array([0, 0, 1.0])


def _ball(center, radius, color):
  mesh = trimesh.creation.icosphere(subdivisions=3, radius=radius)
  return shading.Mesh(mesh.vertices + center, mesh.faces, color)


def test_normals_of_a_sphere_point_outwards():
  mesh = trimesh.creation.icosphere(subdivisions=3)
  normals = shading.vertex_normals(mesh.vertices, mesh.faces)
  assert (normals * mesh.vertices).sum(axis=-1).min() > 0.999


def test_normals_of_collapsed_faces_are_finite():
  normals = shading.vertex_normals(np.ones([4, 3]), [[0, 1, 2]])
  np.testing.assert_array_equal(normals, np.tile([0, 0, -1], [4, 1]))


def test_draws_where_the_camera_sees():
  picture = shading.render_meshes(
    [_ball([0.3, -0.2, 2.0], 0.2, _RED)], _CAMERA, 40, 60
  )
  drawn = (picture != 255).any(axis=-1)
  rows, columns = np.nonzero(drawn)
  # Projected centre (39, 14) and radius 6 pixels.
  assert columns.mean() + 0.5 == pytest.approx(39, abs=0.3)
  assert rows.mean() + 0.5 == pytest.approx(14, abs=0.3)
  assert drawn.sum() == pytest.approx(np.pi * 36, rel=0.25)
  assert (picture[14, 39] > [120, -1, -1]).all()
  assert picture[14, 39, 1:].max() == 0


def test_light_comes_from_the_upper_left():
  picture = shading.render_meshes(
    [_ball([0, 0, 2], 0.5, np.ones(3))], _CAMERA, 40, 60
  ).astype(int)
  assert picture[12, 22, 0] > picture[28, 38, 0] + 40
  assert picture[28, 38, 0] > 60  # ambient


def test_nearer_people_cover_farther_ones_whatever_the_order():
  near = _ball([0.1, 0, 2], 0.2, _RED)
  far = _ball([0, 0, 3], 0.4, _BLUE)
  first = shading.render_meshes([near, far], _CAMERA, 40, 60)
  second = shading.render_meshes([far, near], _CAMERA, 40, 60)
  np.testing.assert_allclose(first.astype(int), second, atol=1)
  assert first[20, 33, 0] > 100 and first[20, 33, 2] == 0
  assert first[20, 24, 2] > 100 and first[20, 24, 0] == 0


def test_background_and_opacity():
  random = np.random.default_rng(0)
  photo = random.integers(0, 256, [40, 60, 3]).astype(np.uint8)
  ball = _ball([0, 0, 2], 0.2, _RED)
  draw = lambda alpha: shading.render_meshes(
    [ball], _CAMERA, 40, 60, photo, alpha
  )
  np.testing.assert_array_equal(draw(0.0), photo)
  solid, half = draw(1.0), draw(0.5)
  np.testing.assert_array_equal(solid[:, :20], photo[:, :20])
  np.testing.assert_allclose(
    half[20, 30], (solid[20, 30].astype(float) + photo[20, 30]) / 2, atol=1
  )
  np.testing.assert_array_equal(
    shading.render_meshes([], _CAMERA, 40, 60, photo), photo
  )


def test_bands_join_without_a_seam(monkeypatch):
  ball = _ball([0, 0, 2], 0.5, np.ones(3))
  whole = shading.render_meshes([ball], _CAMERA, 40, 60)
  monkeypatch.setattr(shading, "_BAND", 7)
  np.testing.assert_allclose(
    shading.render_meshes([ball], _CAMERA, 40, 60).astype(int), whole, atol=1
  )


def test_someone_behind_the_camera_is_not_drawn():
  ball = _ball([0, 0, -2], 0.5, _RED)
  assert (shading.render_meshes([ball], _CAMERA, 40, 60) == 255).all()


def test_labels_show_left_and_right(body_model):
  points = body_model.asset.template * [1, -1, -1] + [0, 0, 2.5]
  points[:, 1] -= 0.5 * (points[:, 1].min() + points[:, 1].max())
  camera = Intrinsics(
    focal=np.array([120, 120], np.float32), center=np.array([60, 60], "f")
  )
  labels = shading.render_part_labels(
    points, body_model.faces(), body_model.part_labels(), camera, 120, 120
  )
  assert set(np.unique(labels)) == set(range(15))
  columns = {
    name: np.nonzero(labels == part_names.INDEX[name])[1].mean()
    for name in part_names.NAMES
  }
  # The body faces the camera, so its right is on the left of the picture.
  for name in part_names.NAMES:
    if name.startswith("r_"):
      assert columns[name] < 60 < columns["l_" + name[2:]], name


def test_orbit_turns_around_the_meshes():
  # Red stands nearer than blue; from behind it is the other way round.
  scene = [_ball([0, 0, 4], 0.5, _RED), _ball([0, 0, 6], 0.5, _BLUE)]
  front = shading.render_orbit(scene, 0, 50, 50)
  back = shading.render_orbit(scene, 180, 50, 50)
  assert front[25, 25, 0] > 100 and front[25, 25, 2] == 0
  assert back[25, 25, 2] > 100 and back[25, 25, 0] == 0
  side = shading.render_orbit(scene, 90, 50, 50)
  red = np.nonzero((side[..., 0] > 60) & (side[..., 2] < 40))[1].mean()
  blue = np.nonzero((side[..., 2] > 60) & (side[..., 0] < 40))[1].mean()
  # From the right of the camera, what was near is on the left.
  assert red < 20 and blue > 30
  for picture in (front, side):
    border = np.concatenate(
      [picture[[0, -1]].ravel(), picture[:, [0, -1]].ravel()]
    )
    assert (border == 255).all()


def test_refuses_wrong_input():
  ball = _ball([0, 0, 2], 0.5, _RED)
  with pytest.raises(ValueError, match="background"):
    shading.render_meshes([ball], _CAMERA, 40, 60, np.zeros([40, 60, 3]))
  with pytest.raises(ValueError, match="alpha"):
    shading.render_meshes([ball], _CAMERA, 40, 60, alpha=2.0)
  with pytest.raises(ValueError, match="meshes: none"):
    shading.render_orbit([], 0, 40, 60)
