"""Sub-cell decoding of keypoint heatmaps."""

import numpy as np

from hund_tf.compat import tf
from hund_tf.losses import heatmaps

_CENTRES = np.arange(60) + 0.5


def _gaussians(points: np.ndarray, sigma: float) -> np.ndarray:
  """`[N, 2]` crop pixels -> heatmaps `[1, 60, 60, N]`."""
  cells = points / 8.0
  dx = _CENTRES[None, :, None] - cells[:, 0]
  dy = _CENTRES[:, None, None] - cells[:, 1]
  maps = np.exp(-0.5 * (dx**2 + dy**2) / sigma**2)
  return maps[None].astype(np.float32)


def test_peaks_of_known_keypoints_are_drawn():
  points = np.random.default_rng(2).uniform(-20.0, 500.0, [6, 2])
  weights = np.array([[1.0, 0.2, 0.0, 1.0, 1e-3, 0.0]], np.float32)
  maps = heatmaps.render_heatmaps(points[None].astype(np.float32), weights)
  expected = _gaussians(points, 1.75) * (weights > 0.0)
  np.testing.assert_allclose(maps, expected, atol=1e-5)


def test_gaussian_peaks_are_found_to_a_hundredth_of_a_pixel():
  points = np.random.default_rng(0).uniform(5.0, 475.0, [200, 2])
  for sigma in (1.0, 2.0):
    found, peaks = heatmaps.decode_heatmaps(_gaussians(points, sigma))
    np.testing.assert_allclose(found[0], points, atol=0.01)
    assert (peaks.numpy() > 0.7).all()


def test_peaks_in_border_cells():
  points = np.array([[0.5, 3.0], [479.5, 240.0], [479.0, 479.9], [7.9, 0.1]])
  found, _ = heatmaps.decode_heatmaps(_gaussians(points, 1.5))
  np.testing.assert_allclose(found[0], points, atol=0.01)


def test_flat_and_empty_maps_are_finite():
  maps = np.zeros([1, 60, 60, 2], np.float32)
  maps[..., 1] = 0.3
  found, peaks = heatmaps.decode_heatmaps(tf.constant(maps))
  assert np.isfinite(found.numpy()).all()
  np.testing.assert_allclose(peaks, [[0.0, 0.3]])


def test_a_single_hot_cell_decodes_to_its_centre():
  maps = np.zeros([1, 60, 60, 1], np.float32)
  maps[0, 20, 31] = 1.0
  found, _ = heatmaps.decode_heatmaps(tf.constant(maps))
  np.testing.assert_allclose(found[0, 0], [31.5 * 8, 20.5 * 8], atol=1e-3)


def test_of_equal_peaks_one_is_taken_whole():
  """Row and column belong to the same peak."""
  points = np.array([[100.0, 396.0], [396.0, 100.0]])
  maps = _gaussians(points, 1.5).max(axis=-1, keepdims=True)
  found, _ = heatmaps.decode_heatmaps(tf.constant(maps))
  distances = np.linalg.norm(found[0, 0] - points, axis=-1)
  assert distances.min() < 0.1, found


def test_examples_and_keypoints_do_not_mix():
  points = np.random.default_rng(1).uniform(20.0, 460.0, [3, 7, 2])
  maps = np.concatenate([_gaussians(p, 1.5) for p in points])
  found, _ = heatmaps.decode_heatmaps(tf.constant(maps))
  np.testing.assert_allclose(found, points, atol=0.01)


def test_maxima_of_rows_of_any_length():
  random = np.random.default_rng(0)
  for width in (1, 2, 7, 12, 60):
    maps = random.normal(size=[2, 3, width, 5]).astype(np.float32)
    np.testing.assert_array_equal(
      heatmaps._row_maxima(tf.constant(maps)), maps.max(axis=2)
    )


def test_decoding_compiles():
  maps = _gaussians(np.array([[100.0, 200.0], [33.0, 44.0]]), 2.0)
  compiled = tf.function(heatmaps.decode_heatmaps, jit_compile=True)
  np.testing.assert_allclose(
    compiled(maps)[0], heatmaps.decode_heatmaps(maps)[0], atol=1e-3
  )
