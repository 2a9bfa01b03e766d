"""Stature and girths."""

import numpy as np
import pytest
import trimesh

from hund_tf.body import measures


def test_the_girth_of_a_cylinder_is_its_circumference():
  cylinder = trimesh.creation.cylinder(radius=0.2, height=1.0, sections=64)
  turned = cylinder.vertices[:, [0, 2, 1]]  # its axis upright
  found = measures.girth(turned, cylinder.faces, 0.1)
  assert found == pytest.approx(2 * np.pi * 0.2, rel=2e-3)
  with pytest.raises(ValueError, match="nothing of the mesh is at y = 2"):
    measures.girth(turned, cylinder.faces, 2.0)


def test_the_girth_of_two_legs_is_that_of_a_tape_around_both():
  legs = [
    trimesh.creation.cylinder(
      radius=0.1, height=1.0, sections=64, transform=np.eye(4)
    ).apply_translation([x, 0, 0])
    for x in (-0.15, 0.15)
  ]
  both = trimesh.util.concatenate(legs)
  found = measures.girth(both.vertices[:, [0, 2, 1]], both.faces, 0.0)
  assert found == pytest.approx(2 * np.pi * 0.1 + 2 * 0.3, rel=2e-3)


def test_measures_of_the_body(body_model):
  random = np.random.default_rng(0)
  shapes = np.vstack([np.zeros([1, 16]), random.normal(size=[5, 16])])
  found = measures.measure(body_model, shapes)
  assert tuple(found) == measures.MEASURES
  np.testing.assert_allclose(
    found["stature"], measures.stature(body_model, shapes)
  )
  # The resting A-pose has the legs a little apart.
  rest = body_model.rest_vertices(
    shapes.astype(np.float32), np.zeros([6, 20], np.float32)
  ).numpy()[..., 1]
  height = rest.max(1) - rest.min(1)
  np.testing.assert_allclose(found["stature"], height, atol=0.012)
  assert 1.6 < found["stature"][0] < 1.75
  for name, low, high in (
    ("chest", 0.75, 1.1),
    ("waist", 0.6, 0.95),
    ("hip", 0.8, 1.15),
  ):
    assert ((found[name] > low) & (found[name] < high)).all(), name
