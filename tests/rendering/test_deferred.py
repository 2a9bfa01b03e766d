"""Deferred shading of simple scenes against closed forms."""

import numpy as np
import pytest

from hund_tf.rendering import deferred, patterns, shadows, surfaces, zbuffer
from hund_tf.rendering.patterns import Pattern
from hund_tf.rendering.surfaces import Material, Surface

_SIDE = 32
_CAMERA = np.array([32.0, 32.0, 16.0, 16.0])
_AHEAD = np.array([0.0, 0.0, -1.0])  # from the wall to the camera and the light


def _plain(color):
  return Material(color, grain=0.0)


def _square(depth, half, material=None, layers=None, materials=None):
  """A square that faces the camera."""
  xy = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)]) * half
  vertices = np.c_[xy, np.full(4, depth)].astype(np.float32)
  return Surface(
    vertices,
    np.array([[0, 1, 2], [0, 2, 3]], np.int32),
    np.tile(_AHEAD, (4, 1)).astype(np.float32),
    vertices,
    np.zeros((4, 0), np.float32) if layers is None else layers,
    materials or (material,),
  )


def _lighting(direction=_AHEAD, shadow=1.0):
  return deferred.Lighting(
    np.asarray(direction) / np.linalg.norm(direction),
    np.array([0.4, 0.5, 0.6]),
    sky=np.array([0.2, 0.2, 0.2]),
    ground=np.array([0.1, 0.1, 0.1]),
    shadow=shadow,
  )


def _shade(parts, lighting, background=0.0):
  scene = surfaces.join(parts)
  points = scene.vertices.copy()
  points[:, :2] = points[:, :2] / points[:, 2:] * _CAMERA[:2] + _CAMERA[2:]
  seen = zbuffer.draw_faces(points * [2, 2, 1], scene.faces, 64, 64)
  behind = np.full((_SIDE, _SIDE, 3), background, np.float32)
  return deferred.shade(seen, scene, _CAMERA, lighting, behind)


def test_a_lambertian_wall():
  wall = _square(2.0, 0.5, _plain((0.5, 0.25, 1.0)))
  direction = np.array([0.6, 0.0, -0.8])
  picture = _shade([wall], _lighting(direction), background=0.7)
  light = 0.15 + 0.8 * np.array([0.4, 0.5, 0.6])
  np.testing.assert_allclose(
    picture[16, 16], light * [0.5, 0.25, 1.0], rtol=1e-4
  )
  # 0.5 m at 2 m is 8 pixels.
  covered = (picture != 0.7).any(axis=-1)
  np.testing.assert_array_equal(np.flatnonzero(covered[16]), np.arange(8, 24))


def test_pixels_of_the_border_are_mixed():
  wall = _square(2.0, 0.53125, _plain((1.0, 1.0, 1.0)))  # 8.5 pixels
  picture = _shade([wall], _lighting(), background=0.7)
  inner, edge = picture[16, 16], picture[16, 7]
  np.testing.assert_allclose(edge, 0.5 * inner + 0.5 * 0.7, rtol=1e-4)
  np.testing.assert_allclose(
    picture[7, 7], 0.25 * inner + 0.75 * 0.7, rtol=1e-4
  )


def test_the_first_positive_layer_is_seen():
  """Of two layers the first ends in the middle, the second everywhere."""
  layers = np.array([(-1, 1), (1, 1), (1, 1), (-1, 1)], np.float32)
  colors = [(1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)]
  wall = _square(
    2.0, 0.5, layers=layers, materials=tuple(_plain(c) for c in colors)
  )
  picture = _shade([wall], _lighting()).argmax(axis=-1)
  np.testing.assert_array_equal(picture[12, 8:16], 1)
  np.testing.assert_array_equal(picture[12, 16:24], 0)


def test_surfaces_with_fewer_layers_keep_their_own_material():
  layers = np.ones((4, 2), np.float32)
  many = _square(2.0, 0.2, layers=layers, materials=(_plain((1, 0, 0)),) * 3)
  picture = _shade([many, _square(3.0, 0.9, _plain((0, 1, 0)))], _lighting())
  assert picture[16, 16].argmax() == 0
  assert picture[16, 8].argmax() == 1


def test_what_stands_in_the_light_throws_a_shadow():
  wall = _square(3.0, 1.2, _plain((1.0, 1.0, 1.0)))
  screen = _square(2.0, 0.25, _plain((1.0, 0.0, 0.0)))
  direction = np.array([-1.0, 0.0, -1.0])  # from the left of the camera
  lit = _shade([wall], _lighting(direction))
  dark = _shade([wall, screen], _lighting(direction, shadow=0.5))
  # The shadow falls 1 m to the right: x = 1 m at 3 m is pixel 26.67.
  ambient = 0.15
  expected = ambient + 0.5 * (lit[16, 26] - ambient)
  np.testing.assert_allclose(dark[16, 26], expected, rtol=1e-4)
  np.testing.assert_allclose(dark[16, 5], lit[16, 5], rtol=1e-4)


def test_shadow_on_the_floor():
  """A level square 1 m above the floor, the light from straight above."""
  flat = np.array([(-0.5, 0, 3), (0.5, 0, 3), (0.5, 0, 4), (-0.5, 0, 4)])
  flat = flat.astype(np.float32)
  square = Surface(
    flat,
    np.array([[0, 1, 2], [0, 2, 3]], np.int32),
    np.tile([0, -1, 0], (4, 1)).astype(np.float32),
    flat,
    np.zeros((4, 0), np.float32),
    (_plain((1, 1, 1)),),
  )
  shadow = shadows.floor_shadow(
    surfaces.join([square]), _CAMERA, np.array([0, -1.0, 0]), 1.0, 32, 32
  )
  # Rows 16 + 32 / z for z from 4 to 3 metres.
  np.testing.assert_array_equal(
    np.flatnonzero(shadow.any(axis=1)), [24, 25, 26]
  )


def test_patterns_of_closed_form():
  mixing = patterns.mixing
  assert mixing(int(Pattern.PLAIN), 0.3, 0.9, 0.1, 0) == 0.0
  stripes = [mixing(int(Pattern.STRIPES), 0.1, y, 0.2, 0) for y in (0, 0.5, 1)]
  assert stripes == [1.0, 0.0, 1.0]
  checks = [
    mixing(int(Pattern.CHECKS), x, 0.5, 0.5, 0) for x in (-0.5, 0.5, 1.5)
  ]
  assert checks == [1.0, 0.0, 1.0]
  assert mixing(int(Pattern.DOTS), 0.5, 0.5, 0.0, 0) == 1.0
  assert mixing(int(Pattern.DOTS), 0.05, 0.5, 0.0, 0) == 0.0
  assert mixing(int(Pattern.PRINT), 1.1, 0.0, 0.0, 0) == 0.0
  for pattern in Pattern:
    share = mixing(int(pattern), -7.3, 2.1, 0.4, 3)
    assert 0.0 <= share <= 1.0


def test_noise_is_smooth_and_follows_its_seed():
  points = np.zeros((2001, 3), np.float32)
  points[:, 0] = np.linspace(-4.0, 4.0, 2001)
  noise = patterns.noise_at(points, 1.0, 5)
  assert -0.5 <= noise.min() < -0.2
  assert 0.2 < noise.max() < 0.5
  assert np.abs(np.diff(noise)).max() < 0.01
  np.testing.assert_array_equal(noise, patterns.noise_at(points, 1.0, 5))
  assert np.abs(noise - patterns.noise_at(points, 1.0, 6)).max() > 0.1


def test_materials_give_all_their_numbers():
  row = Material((0.1, 0.2, 0.3), seed=77, gloss=0.5).row()
  assert row.shape == (surfaces.MATERIAL_SIZE,)
  assert row[-2:] == pytest.approx([0.5, 77.0])
