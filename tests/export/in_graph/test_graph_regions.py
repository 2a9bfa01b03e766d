"""Regions in the graph against those of the detector."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from hund_tf.compat import tf
from hund_tf.detection import roi
from hund_tf.export.in_graph import regions

_ROIS = [
  roi.Roi(50.0, 40.0, 60.0, 0.3),
  roi.Roi(110.0, 5.0, 64.0, 0.0),
  roi.Roi(20.3, 88.9, 90.0, -1.2),
  roi.Roi(60.0, 45.0, 170.0, 2.5),
  roi.Roi(60.0, 45.0, 128.0, 0.1),
  roi.Roi(60.0, 45.0, 323.0, 0.0),
  roi.Roi(-300.0, 45.0, 20.0, 0.0),
]


def _image(height=90, width=120):
  rng = np.random.default_rng(1)
  noise = rng.uniform(0, 255, (height, width, 3))
  return gaussian_filter(noise, (1, 1, 0)).astype(np.uint8)


def _tensors(rois):
  rows = np.array(rois, np.float64)
  return regions.Regions(
    *(tf.constant(x) for x in (rows[:, :2], rows[:, 2], rows[:, 3]))
  )


def test_crops_are_those_of_the_detector():
  image = _image()
  mirrored = [bool(i % 2) for i in range(len(_ROIS))]
  expected = roi.crop_views(
    [image] * 7, list(zip(_ROIS, mirrored, strict=True)), 64
  )
  found = regions.crops(image, _tensors(_ROIS), 64, tf.constant(mirrored))
  np.testing.assert_allclose(found, expected, atol=1e-3)


def test_no_regions_give_no_crops():
  none = regions.Regions(
    *(tf.zeros([0, 2], tf.float64), *[tf.zeros([0], tf.float64)] * 2)
  )
  assert regions.crops(_image(), none, 64, none.plain()).shape == (0, 64, 64, 3)


def test_places_and_shifts():
  points = np.random.default_rng(0).uniform(-1, 2, (7, 5, 2))
  found = _tensors(_ROIS).to_image(tf.constant(points))
  shifted = _tensors(_ROIS).shifted(0.1, -0.2, 1.5)
  for i, one in enumerate(_ROIS):
    np.testing.assert_allclose(found[i], one.to_image(points[i]), atol=1e-9)
    expected = one.shifted(0.1, -0.2, 1.5)
    np.testing.assert_allclose(shifted.center[i], expected[:2], atol=1e-9)
    assert float(shifted.size[i]) == pytest.approx(expected.size)


@pytest.mark.parametrize("shape", [(480, 640), (640, 480), (50, 50), (90, 900)])
@pytest.mark.parametrize("fraction", [1.0, 0.6])
def test_tiles(shape, fraction):
  expected = roi.tile_rois(*shape, fraction)
  found = regions.tiles(*shape, fraction)
  np.testing.assert_allclose(found.center, [r[:2] for r in expected])
  np.testing.assert_allclose(found.size, [r.size for r in expected])


def test_angles_point_there():
  start, end = np.random.default_rng(2).normal(size=(2, 6, 2))
  found = regions.aligned_angle(tf.constant(start), tf.constant(end), 90.0)
  expected = [
    roi.aligned_angle(a, b, 90.0) for a, b in zip(start, end, strict=True)
  ]
  np.testing.assert_allclose(found, expected, atol=1e-12)
