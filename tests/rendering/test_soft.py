"""The soft part renderer: values, gradients, and input that could break it."""

import functools

import numpy as np
import pytest
from scipy.special import expit

from hund_tf.compat import tf
from hund_tf.rendering.soft import SoftPartRenderer, SoftRasterizerConfig
from tests.rendering import meshes
from tests.rendering.dense_reference import dense_part_maps

_SIZE = 24
_EXACT = SoftRasterizerConfig(map_size=_SIZE, large_windows=((13, 1.0),))


def _value_and_gradient(render, vertices, target=0.3):
  vertices = tf.constant(vertices)
  with tf.GradientTape() as tape:
    tape.watch(vertices)
    maps = render(vertices)
    loss = tf.reduce_sum(tf.square(maps - target))
  return maps.numpy(), tape.gradient(loss, vertices).numpy()


def _cosine(first, second):
  first, second = np.ravel(first), np.ravel(second)
  return first @ second / np.linalg.norm(first) / np.linalg.norm(second)


def test_equals_dense_reference_on_spheres():
  vertices, faces, parts = meshes.sphere(_SIZE)
  batch = np.stack([vertices, vertices[:, [1, 0, 2]] + [0.3, 4.1, 0.2]])
  batch = batch.astype(np.float32)
  maps, gradient = _value_and_gradient(
    SoftPartRenderer(faces, parts, _EXACT), batch
  )
  dense_maps, dense_gradient = _value_and_gradient(
    lambda v: dense_part_maps(v, faces, parts, _EXACT), batch
  )
  np.testing.assert_allclose(maps, dense_maps, atol=1e-4)
  for axis in range(3):
    assert _cosine(gradient[..., axis], dense_gradient[..., axis]) > 0.99
  np.testing.assert_allclose(
    np.linalg.norm(gradient), np.linalg.norm(dense_gradient), rtol=0.01
  )


def test_equals_dense_reference_on_a_body(body_model):
  vertices, faces, parts = meshes.body(body_model, "proxy_1500", yaw=0.8)
  config = SoftRasterizerConfig()
  maps, gradient = _value_and_gradient(
    SoftPartRenderer(faces, parts, config), vertices[np.newaxis]
  )
  bands = [
    _value_and_gradient(
      functools.partial(
        dense_part_maps,
        faces=faces,
        vertex_parts=parts,
        config=config,
        rows=range(start, start + 6),
      ),
      vertices[np.newaxis],
    )
    for start in range(0, config.map_size, 6)
  ]
  dense_maps = np.concatenate([band for band, _ in bands], axis=1)
  dense_gradient = sum(part for _, part in bands)
  np.testing.assert_allclose(maps, dense_maps, atol=1e-4)
  assert _cosine(gradient[..., :2], dense_gradient[..., :2]) > 0.99
  assert _cosine(gradient[..., 2], dense_gradient[..., 2]) > 0.99


def test_is_close_to_softras_without_cutoff():
  vertices, faces, parts = meshes.sphere(_SIZE)
  maps = SoftPartRenderer(faces, parts, _EXACT)(vertices[np.newaxis])
  config = SoftRasterizerConfig(map_size=_SIZE, cutoff=100.0)
  dense = dense_part_maps(vertices[np.newaxis], faces, parts, config)
  np.testing.assert_allclose(maps[..., 15], dense[..., 15], atol=3e-3)


def test_alpha_and_part_of_a_single_face():
  # A face with a vertical edge at x = 10.25, far larger than the map.
  vertices = np.array([[[10.25, -30, 2], [10.25, 54, 2], [80, 12, 2]]])
  config = SoftRasterizerConfig(
    map_size=24, window=301, large_windows=(), sigma=0.5
  )
  maps = SoftPartRenderer([[0, 1, 2]], [9, 9, 9], config)(
    vertices.astype(np.float32)
  ).numpy()[0]
  distance = np.arange(24) + 0.5 - 10.25
  coverage = expit(np.sign(distance) * distance**2 / 0.5)
  expected = np.maximum(coverage - config.floor, 0) / (1 - config.floor)
  np.testing.assert_allclose(maps[12, :, 15], expected, atol=1e-5)
  np.testing.assert_allclose(maps[12, :, 9], expected, atol=1e-5)
  np.testing.assert_allclose(maps[12, :, 0], 1 - expected, atol=1e-5)


def test_nearer_part_wins():
  square = np.array([[6, 6, 1], [18, 6, 1], [18, 18, 1], [6, 18, 1]], float)
  near, far = square + [0, 0, 1], square + [0, 0, 1.5]
  faces = np.array([[0, 1, 2], [0, 2, 3], [4, 5, 6], [4, 6, 7]])
  config = SoftRasterizerConfig(map_size=24, window=17, large_windows=())
  render = SoftPartRenderer(faces, [1] * 4 + [2] * 4, config)
  maps = render(np.concatenate([far, near])[np.newaxis]).numpy()[0]
  assert maps[9, 14, 2] > 0.999
  assert maps[9, 14, 15] > 0.999
  assert maps[2, 2, 0] == 1.0


def test_parts_sum_to_visibility(body_model):
  vertices, faces, parts = meshes.body(body_model, "proxy_3000", yaw=2.0)
  maps = SoftPartRenderer(faces, parts)(vertices[np.newaxis]).numpy()
  np.testing.assert_allclose(maps[..., :15].sum(axis=-1), 1.0, atol=1e-5)
  assert maps.min() >= -1e-6
  assert maps.max() <= 1.0 + 1e-6


def test_gradient_equals_finite_differences():
  vertices, faces, parts = meshes.sphere(_SIZE, subdivisions=1)
  render = tf.function(SoftPartRenderer(faces, parts, _EXACT))
  random = np.random.default_rng(3)
  weights = random.normal(size=[_SIZE, _SIZE, 16]).astype(np.float32)
  inputs = tf.constant(vertices[np.newaxis])
  with tf.GradientTape() as tape:
    tape.watch(inputs)
    loss = tf.reduce_sum(render(inputs) * weights)
  gradient = tape.gradient(loss, inputs).numpy()[0]
  for scale in ([1, 1, 0], [0, 0, 0.02], [1, 1, 0.02]):
    for _ in range(4):
      direction = random.normal(size=vertices.shape) * scale
      step = 2e-3
      ends = [
        np.sum(
          render(
            (vertices + sign * step * direction)[np.newaxis].astype(np.float32)
          ).numpy()
          * weights,
          dtype=np.float64,
        )
        for sign in (1, -1)
      ]
      numeric = (ends[0] - ends[1]) / (2 * step)
      analytic = np.sum(gradient * direction)
      assert analytic == pytest.approx(numeric, rel=0.03, abs=0.05)


def test_continuous_at_the_cutoff():
  vertices, faces, parts = meshes.sphere(_SIZE, subdivisions=1)
  render = tf.function(SoftPartRenderer(faces, parts, _EXACT))
  steps = np.linspace(0, 0.05, 51)[:, np.newaxis, np.newaxis]
  moved = (vertices[np.newaxis] + steps * [1, 0.3, 0]).astype(np.float32)
  maps = render(moved).numpy()
  # A thousandth of a pixel each: no value jumps.
  assert np.abs(np.diff(maps, axis=0)).max() < 0.02


def test_plain_gradient_descent_pulls_a_body_back(body_model):
  points, faces, parts = meshes.body(body_model, "proxy_1500", yaw=0.3)
  render = SoftPartRenderer(faces, parts)
  target = render(points[np.newaxis])
  center = points.mean(axis=0)

  def place(pose):
    x, y, angle = tf.unstack(pose)
    cosine, sine = tf.cos(angle), tf.sin(angle)
    turn = tf.stack([tf.stack([cosine, sine]), tf.stack([-sine, cosine])])
    xy = tf.matmul(points[:, :2] - center[:2], turn) + center[:2]
    xy += tf.stack([x, y])
    return tf.concat([xy, points[:, 2:]], axis=-1)[tf.newaxis]

  @tf.function
  def loss_and_gradient(pose):
    with tf.GradientTape() as tape:
      tape.watch(pose)
      loss = tf.reduce_mean(tf.abs(render(place(pose)) - target))
    return loss, tape.gradient(loss, pose)

  pose = np.array([3.0, -2.0, 0.25], np.float32)
  rate = np.array([60.0, 60.0, 0.15], np.float32)
  first, _ = loss_and_gradient(tf.constant(pose))
  for step in range(120):
    loss, gradient = loss_and_gradient(tf.constant(pose))
    pose = pose - rate * 0.97**step * gradient.numpy()
  assert np.abs(pose[:2]).max() < 0.1
  assert abs(pose[2]) < 0.01
  assert loss < 0.05 * first


def test_hidden_and_far_vertices_get_a_gradient():
  for distance in (0.0, 30.0):
    vertices, faces, parts = meshes.sphere(_SIZE, radius=0.05)
    vertices[:, 2] += distance
    hidden = vertices[:, 2] > vertices[:, 2].mean() + 0.02
    assert hidden.sum() > 20
    _, gradient = _value_and_gradient(
      SoftPartRenderer(faces, parts, _EXACT), vertices[np.newaxis]
    )
    assert (np.abs(gradient[0, :, :2]).max(axis=-1) > 0).all()
    share = np.abs(gradient[0, hidden]).sum() / np.abs(gradient).sum()
    assert share > 0.02


def _broken_inputs():
  vertices, _, _ = meshes.sphere(_SIZE)
  half = np.arange(len(vertices)) % 2 == 0
  zoom = vertices.copy()
  zoom[:, :2] = (zoom[:, :2] - 12) * 50 + 12
  cases = {
    "behind": np.where(half[:, None], vertices * [1, 1, -1], vertices),
    "all_behind": vertices * [1, 1, -1],
    "zero_depth": np.where(half[:, None], vertices * [1, 1, 0], vertices),
    "tiny_depth": vertices * [1, 1, 1e-8],
    "off_screen": vertices + [500, -3000, 0],
    "far_off_screen": vertices + [1e30, -1e30, 0],
    "collapsed": np.zeros_like(vertices) + [12, 12, 2],
    "on_a_line": vertices * [1, 0, 1] + [0, 12, 0],
    "zoomed": zoom,
    "deep": vertices + [0, 0, 1e20],
    "nan": np.where(half[:, None], np.nan, vertices),
    "inf": np.where(half[:, None], np.inf, vertices),
  }
  return {k: v.astype(np.float32) for k, v in cases.items()}


@pytest.mark.parametrize("name", list(_broken_inputs()))
def test_broken_input_gives_no_nan(name):
  vertices = _broken_inputs()[name]
  _, faces, parts = meshes.sphere(_SIZE)
  config = SoftRasterizerConfig(map_size=_SIZE)
  maps, gradient = _value_and_gradient(
    SoftPartRenderer(faces, parts, config), vertices[np.newaxis]
  )
  assert np.isfinite(maps).all()
  assert np.isfinite(gradient).all()
  assert maps.min() >= -1e-6
  assert maps.max() <= 1.0 + 1e-5
  if name in ("all_behind", "off_screen", "far_off_screen", "tiny_depth"):
    np.testing.assert_array_equal(maps[..., 15], 0.0)


def test_faces_behind_the_camera_leave_the_others_alone():
  vertices, faces, parts = meshes.sphere(_SIZE)
  behind = vertices[:, 0] > 14
  kept = ~behind[faces].any(axis=1)
  moved = np.where(behind[:, None], vertices * [1, 1, -1], vertices)
  maps = SoftPartRenderer(faces, parts, _EXACT)(moved[np.newaxis])
  expected = SoftPartRenderer(faces[kept], parts, _EXACT)(vertices[np.newaxis])
  np.testing.assert_allclose(maps, expected, atol=1e-6)


def test_a_collapsed_face_covers_its_point_only():
  vertices = np.full([1, 3, 3], 12.5, np.float32)
  config = SoftRasterizerConfig(map_size=_SIZE)
  maps = SoftPartRenderer([[0, 1, 2]], [1, 1, 1], config)(vertices).numpy()
  alpha = maps[0, ..., 15]
  assert alpha[12, 12] == pytest.approx(0.5, abs=1e-3)
  assert np.count_nonzero(alpha) == 1


def test_xla_gives_the_same(body_model):
  vertices, faces, parts = meshes.body(body_model, "proxy_1500")
  render = SoftPartRenderer(faces, parts)

  def both(vertices):
    with tf.GradientTape() as tape:
      tape.watch(vertices)
      maps = render(vertices)
      loss = tf.reduce_sum(tf.square(maps - 0.3))
    return maps, tape.gradient(loss, vertices)

  vertices = tf.constant(vertices[np.newaxis])
  maps, gradient = tf.function(both)(vertices)
  xla_maps, xla_gradient = tf.function(both, jit_compile=True)(vertices)
  np.testing.assert_allclose(maps, xla_maps, atol=1e-5)
  assert _cosine(gradient, xla_gradient) > 0.9999


def test_batch_of_any_size_in_a_graph():
  vertices, faces, parts = meshes.sphere(_SIZE)
  render = SoftPartRenderer(faces, parts, _EXACT)
  signature = [tf.TensorSpec([None, len(vertices), 3], tf.float32)]
  graph = tf.function(render, input_signature=signature)
  for batch in (1, 3):
    shifts = np.arange(batch)[:, np.newaxis, np.newaxis].astype(np.float32)
    maps = graph(vertices + shifts)
    assert maps.shape == (batch, _SIZE, _SIZE, 16)
    single = render(vertices[np.newaxis] + shifts[-1:])
    np.testing.assert_allclose(maps[-1:], single, atol=1e-6)


def test_computes_in_float32_for_half_precision_input():
  vertices, faces, parts = meshes.sphere(_SIZE)
  render = SoftPartRenderer(faces, parts, _EXACT)
  half = tf.cast(vertices[np.newaxis], tf.float16)
  maps = render(half)
  assert maps.dtype == tf.float32
  np.testing.assert_array_equal(maps, render(tf.cast(half, tf.float32)))


@pytest.mark.parametrize("mesh", ["proxy_1500", "proxy_3000"])
def test_default_windows_suit_the_proxies(body_model, mesh):
  exact = SoftRasterizerConfig(large_windows=((15, 0.2), (47, 0.8)))
  for yaw in (0.0, 0.7, 1.6):
    vertices, faces, parts = meshes.body(body_model, mesh, yaw, height=56.0)
    render = SoftPartRenderer(faces, parts)
    assert render.is_exact(vertices[np.newaxis]).numpy().all()
  vertices[:, :2] = (vertices[:, :2] - [30, 2]) * 3 + [30, 6]
  assert not render.is_exact(vertices[np.newaxis]).numpy().any()
  error = render(vertices[np.newaxis]) - SoftPartRenderer(faces, parts, exact)(
    vertices[np.newaxis]
  )
  assert np.abs(error[..., 15]).mean() < 2e-3


@pytest.mark.parametrize(
  ("faces", "parts", "message"),
  [
    ([[0, 1]], [1, 1, 1], "faces: shape"),
    ([[0, 1, 3]], [1, 1, 1], "expected 0..2"),
    ([[0, 1, 2]], [0, 1, 1], "expected 1..14"),
    ([[0, 1, 2]], [1, 1, 15], "expected 1..14"),
    (np.zeros([0, 3]), [1, 1, 1], "at least one"),
  ],
)
def test_refuses_wrong_meshes(faces, parts, message):
  with pytest.raises(ValueError, match=message):
    SoftPartRenderer(faces, parts)


def test_refuses_vertices_of_another_mesh():
  render = SoftPartRenderer([[0, 1, 2]], [1, 1, 1])
  with pytest.raises(ValueError, match=r"vertices: shape \(1, 4, 3\)"):
    render(tf.zeros([1, 4, 3]))


@pytest.mark.parametrize(
  "settings",
  [
    {"window": 4},
    {"large_windows": ((3, 0.1),)},
    {"large_windows": ((9, 0.7), (17, 0.7))},
    {"sigma": 0.0},
    {"map_size": 0},
  ],
)
def test_refuses_wrong_settings(settings):
  with pytest.raises(ValueError, match="expected"):
    SoftRasterizerConfig(**settings)
