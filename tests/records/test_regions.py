"""Regions of photos: what is cut out, and where points come to lie."""

import io

import numpy as np
import pytest
from PIL import Image

from hund_tf.compat import tf
from hund_tf.geometry import camera
from hund_tf.records import regions
from hund_tf.types import Intrinsics


def _decode(data: bytes) -> np.ndarray:
  return np.asarray(Image.open(io.BytesIO(data)))


def _photo(height=300, width=400) -> np.ndarray:
  """A smooth picture that tells where a pixel comes from."""
  y, x = np.mgrid[:height, :width] + 0.5
  return np.stack([x / width * 255, y / height * 255, 0 * x + 90], -1).astype(
    np.uint8
  )


@pytest.mark.parametrize(
  "box", [(120.3, 80.7, 40.2, 90.9), (-20.0, -10, 90, 200), (350, 10, 90, 30)]
)
@pytest.mark.parametrize("max_side", [720, 61])
def test_pixels_and_points_agree(box, max_side):
  photo = _photo()
  region = regions.person_region(photo, np.array(box), 1.5, max_side)
  picture = _decode(region.image).astype(float)
  side = int(region.image_size[0])
  assert picture.shape == (side, side, 3) and side <= max_side
  y, x = np.mgrid[2 : side - 2, 2 : side - 2]
  centers = np.stack([x, y], -1).reshape(-1, 2) + 0.5
  where = regions.photo_points(centers, region)
  margin = 4 * region.photo_box[2] / side  # away from the photo's border
  inside = np.all(
    (where > margin) & (where < np.array([400, 300]) - margin), axis=1
  )
  assert inside.sum() > 500
  found = picture[2 : side - 2, 2 : side - 2].reshape(-1, 3)[inside]
  errors = found[:, :2] / 255 * [400, 300] - where[inside]
  # Rounding to 8 bits (down: 0.8 px) and JPEG; a shift would be a bias.
  assert abs(errors.mean(0) + [0.78, 0.59]).max() < 0.25
  far = np.all(where < -8, axis=1)
  picture = picture[2 : side - 2, 2 : side - 2].reshape(-1, 3)
  assert not far.any() or picture[far].max() < 20  # black outside


def test_square_holds_the_box_with_its_margin():
  region = regions.person_region(_photo(), np.array([100.5, 50.25, 30, 80]))
  x, y, width, height = region.photo_box
  assert width == height == 120 == region.image_size[0]
  assert abs(x + width / 2 - 115.5) <= 1 and abs(y + height / 2 - 90.25) <= 1
  box = regions.region_box(np.array([100.5, 50.25, 30, 80]), region)
  np.testing.assert_array_equal(box, [100.5 - x, 50.25 - y, 30, 80])


def test_points_go_there_and_back():
  region = regions.person_region(
    _photo(1100, 2000), np.array([401.7, 93.1, 700.3, 900]), max_side=333
  )
  points = np.random.default_rng(0).uniform(0, 2000, [50, 2])
  there = regions.region_points(points, region)
  back = regions.photo_points(there, region)
  np.testing.assert_allclose(back, points, atol=2e-3)


def test_intrinsics_project_into_the_region():
  region = regions.person_region(
    _photo(), np.array([200.0, 10, 90, 150]), max_side=100
  )
  known = np.array([410.0, 420, 200, 150])
  moved = regions.region_intrinsics(known, region)
  points = np.random.default_rng(1).uniform([-1, -1, 2], [1, 1, 4], (9, 3))
  photo = points[:, :2] / points[:, 2:] * known[:2] + known[2:]
  np.testing.assert_allclose(
    points[:, :2] / points[:, 2:] * moved[:2] + moved[2:],
    regions.region_points(photo, region),
    atol=1e-3,
  )
  reference = camera.crop_intrinsics(
    Intrinsics(known[:2], known[2:]), tf.constant(region.photo_box), 100
  )
  np.testing.assert_allclose(moved, np.concatenate(reference), rtol=1e-5)


def test_labels_are_the_nearest_pixels():
  labels = (np.arange(30)[:, None] + 7 * np.arange(40)).astype(np.uint8)
  photo = np.repeat(labels[..., None], 3, -1)
  region = regions.person_region(photo, np.array([30.0, 10, 10, 10]), 2.0)
  found = regions.region_labels(labels, region, outside=255)
  x, y = (int(value) for value in region.photo_box[:2])
  assert (x, y, found.shape) == (25, 5, (20, 20))
  np.testing.assert_array_equal(found[:, :15], labels[5:25, 25:40])
  assert (found[:, 15:] == 255).all()
  half = region._replace(image_size=np.array([10, 10]))
  np.testing.assert_array_equal(
    regions.region_labels(labels, half, 255), found[1::2, 1::2]
  )
  assert (_decode(regions.encode_png(found)) == found).all()


@pytest.mark.parametrize(
  "box", [(0, 0, 0, 5), (np.nan, 0, 5, 5), (400, 0, 5, 5), (0, 0, 9e9, 5)]
)
def test_refuses_boxes_without_an_area_in_the_photo(box):
  with pytest.raises(ValueError, match="within the photo's 400 x 300 pixels"):
    regions.person_region(_photo(), np.array(box))
