"""The backend of tensorflow_graphics, and the op it needs."""

import sys

import numpy as np
import pytest

from hund_tf.compat import tf
from hund_tf.rendering import tfg_op
from hund_tf.rendering.config import SoftRasterizerConfig
from hund_tf.rendering.part_renderer import make_part_renderer
from hund_tf.rendering.rasterize import rasterize
from hund_tf.rendering.soft import SoftPartRenderer
from hund_tf.rendering.tfg import TfgPartRenderer
from tests.rendering import meshes

_SIZE = 24
_CONFIG = SoftRasterizerConfig(map_size=_SIZE)
_needs_op = pytest.mark.skipif(
  not tfg_op.is_available(), reason=f"no rasterizer op; {tfg_op.BUILD_HINT}"
)


@pytest.fixture
def no_op(monkeypatch, tmp_path):
  """As on a machine where the op has not been built."""
  path = tmp_path / "op.so"
  monkeypatch.setenv("HUND_RASTERIZER_OP", str(path))
  monkeypatch.delitem(sys.modules, tfg_op._OP_MODULE, raising=False)
  return path


@_needs_op
def test_agrees_with_the_soft_renderer():
  vertices, faces, parts = meshes.sphere(_SIZE, radius=0.6)
  render = make_part_renderer("tfg", faces, parts, _CONFIG)
  assert isinstance(render, TfgPartRenderer)
  vertices = tf.constant(
    np.stack([vertices, vertices + [1, -2, 0]]), tf.float32
  )
  with tf.GradientTape() as tape:
    tape.watch(vertices)
    maps = render(vertices)
    loss = tf.reduce_sum(tf.square(maps - 0.3))
  gradient = tape.gradient(loss, vertices).numpy()
  maps = maps.numpy()
  soft = SoftPartRenderer(faces, parts, _CONFIG)(vertices).numpy()
  first, second = maps[..., 15] > 0.5, soft[..., 15] > 0.5
  assert (first & second).sum() > 0.8 * (first | second).sum()
  inside = (maps[..., 15] > 0.9) & (soft[..., 15] > 0.9)
  same = maps[..., :15].argmax(-1) == soft[..., :15].argmax(-1)
  assert same[inside].mean() > 0.9
  np.testing.assert_allclose(maps[..., :15].sum(-1), 1.0, atol=1e-5)
  assert np.isfinite(gradient).all()
  assert (np.abs(gradient).max(axis=-1) > 0).mean() > 0.3


@_needs_op
def test_gradient_points_to_the_target():
  vertices, faces, parts = meshes.sphere(_SIZE)
  render = TfgPartRenderer(faces, parts, _CONFIG)
  target = render(vertices[np.newaxis])
  shift = tf.constant([1.0, -0.7, 0.0])
  with tf.GradientTape() as tape:
    tape.watch(shift)
    loss = tf.reduce_sum(tf.square(render((vertices + shift)[None]) - target))
  x, y, _ = tape.gradient(loss, shift).numpy()
  assert x > 0 > y


@_needs_op
def test_broken_input_gives_no_nan():
  vertices, faces, parts = meshes.sphere(_SIZE)
  half = (np.arange(len(vertices)) % 2 == 0)[:, np.newaxis]
  cases = [
    np.where(half, vertices * [1, 1, -1], vertices),
    vertices * [1, 1, 0],
    vertices + [1e9, 0, 0],
    np.full_like(vertices, 12.0),
    np.where(half, np.nan, vertices),
  ]
  cases = tf.constant(np.stack(cases), tf.float32)
  with tf.GradientTape() as tape:
    tape.watch(cases)
    maps = TfgPartRenderer(faces, parts, _CONFIG)(cases)
    loss = tf.reduce_sum(tf.square(maps - 0.3))
  assert np.isfinite(maps).all()
  assert np.isfinite(tape.gradient(loss, cases)).all()


def test_soft_backend_and_unknown_backend():
  renderer = make_part_renderer("soft", [[0, 1, 2]], [1, 1, 1])
  assert isinstance(renderer, SoftPartRenderer)
  with pytest.raises(ValueError, match="'soft' or 'tfg'"):
    make_part_renderer("opengl", [[0, 1, 2]], [1, 1, 1])


def test_missing_op_is_named_and_pictures_still_work(no_op):
  with pytest.raises(tfg_op.RasterizerOpError, match="build_rasterizer_op"):
    make_part_renderer("tfg", [[0, 1, 2]], [1, 1, 1])
  triangle = [[0, 0, 1], [9, 0, 1], [0, 9, 1]]
  result = rasterize(triangle, [[0, 1, 2]], 8, 8)
  assert (result.triangle_index == 0).sum() > 20
  with pytest.raises(tfg_op.RasterizerOpError, match="op.so"):
    rasterize(triangle, [[0, 1, 2]], 8, 8, "tfg")


def test_op_that_does_not_load_is_named(no_op):
  no_op.write_bytes(b"not a library")
  with pytest.raises(tfg_op.RasterizerOpError, match="does not load"):
    tfg_op.rasterization_backend()


def test_missing_compiler_is_named(no_op):
  with pytest.raises(tfg_op.RasterizerOpError, match="'no-such-compiler'"):
    tfg_op.build(compiler="no-such-compiler")


def test_failed_build_leaves_nothing(no_op):
  with pytest.raises(tfg_op.RasterizerOpError, match="failed with code 1"):
    tfg_op.build(compiler="false")
  assert list(no_op.parent.iterdir()) == []


def test_output_that_cannot_be_written_is_named(tmp_path):
  (tmp_path / "file").write_text("in the way")
  with pytest.raises(tfg_op.RasterizerOpError, match="file: is a file"):
    tfg_op.build(tmp_path / "file" / "op.so", compiler="true")
