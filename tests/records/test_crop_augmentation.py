"""Random changes of crops: picture and keypoints stay together."""

import dataclasses

import numpy as np
import pytest

from hund_tf.body import keypoints as names
from hund_tf.compat import tf
from hund_tf.records import crop_augmentation as augment
from hund_tf.records.crop_augmentation import CropAugmentation

_STILL = CropAugmentation(
  scale=0.0, shift=0.0, rotation=0.0, flip=0.0, color=0.0, patch=0.0
)


def _spot(height, width, x, y, radius=3.0):
  """A bright spot at a point (x, y), continuous pixels."""
  rows, columns = np.mgrid[:height, :width] + 0.5
  value = np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * radius**2))
  return np.repeat(value[..., None], 3, axis=-1).astype(np.float32)


def _centroid(image):
  weights = image.numpy()[..., 0]
  places = augment.pixel_centers(weights.shape[0]).numpy()
  return (places * weights[..., None]).sum((0, 1)) / weights.sum()


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("size", [120, 240])
def test_spot_is_where_its_keypoint_is(seed, size):
  """Through turn, mirror, scale, shift and resizing, to a crop pixel."""
  x, y = 170.3, 110.8
  image = tf.constant(_spot(260, 320, x, y))
  config = CropAugmentation(shift=0.03)
  crop = augment.draw_crop(
    tf.constant([100.0, 40.0, 130.0, 160.0]), config, tf.constant([seed, 7])
  )
  found = _centroid(augment.sample(image, crop, size))
  expected = crop.to_crop(tf.constant([[x, y]]))[0].numpy()
  np.testing.assert_allclose(found, expected, atol=1.0)


def test_reduced_images_keep_their_places():
  """Photos much larger than the crop are averaged down first."""
  x, y = 900.0, 500.0
  image = tf.constant(_spot(1000, 1600, x, y, radius=20.0))
  crop = augment.draw_crop(
    tf.constant([500.0, 200.0, 700.0, 700.0]), _STILL, tf.constant([0, 0])
  )
  found = _centroid(augment.sample(image, crop, 60))
  expected = crop.to_crop(tf.constant([[x, y]]))[0].numpy()
  np.testing.assert_allclose(found, expected, atol=1.5)


def test_still_crop_is_that_of_detection():
  box = tf.constant([20.0, 30.0, 100.0, 200.0])
  crop = augment.draw_crop(box, _STILL, tf.constant([3, 4]))
  corners = crop.to_crop(tf.constant([[70.0 - 120.0, 130.0 - 120.0]]))
  np.testing.assert_allclose(corners, [[0.0, 0.0]], atol=1e-3)
  assert not bool(crop.mirrored)
  square = augment.upright_crop(tf.constant([-50.0, 10.0, 240.0, 240.0]))
  np.testing.assert_allclose(square.center, crop.center, atol=1e-4)
  np.testing.assert_allclose(square.axes, crop.axes, atol=1e-5)


def test_share_of_mirrored_crops():
  config = dataclasses.replace(_STILL, flip=0.25)
  box = tf.constant([0.0, 0.0, 10.0, 10.0])
  flips = [
    bool(augment.draw_crop(box, config, tf.constant([i, 1])).mirrored)
    for i in range(200)
  ]
  assert 0.15 < np.mean(flips) < 0.35
  # Mirrored: image x falls along the crop's x axis.
  index = flips.index(True)
  crop = augment.draw_crop(box, config, tf.constant([index, 1]))
  assert float(tf.linalg.det(crop.axes)) < 0.0


def test_mirror_exchanges_left_and_right():
  values = tf.range(137)
  mirrored = augment.mirror_keypoints(values, tf.constant(True)).numpy()
  assert mirrored[names.INDEX["l_knee"]] == names.INDEX["r_knee"]


def test_colors_change_and_stay_in_range():
  random = np.random.default_rng(0)
  image = tf.constant(random.uniform(size=[8, 8, 3]).astype(np.float32))
  config = CropAugmentation(color=0.5)
  first = augment.change_colors(image, config, tf.constant([0, 1])).numpy()
  again = augment.change_colors(image, config, tf.constant([0, 1])).numpy()
  np.testing.assert_array_equal(first, again)
  assert first.min() >= 0.0 and first.max() <= 1.0
  assert np.abs(first - image.numpy()).max() > 0.05
  none = augment.change_colors(
    image, dataclasses.replace(config, color=0.0), tf.constant([0, 1])
  )
  np.testing.assert_allclose(none, image, atol=1e-5)


def test_patch_covers_what_it_says():
  config = CropAugmentation(patch=1.0)
  patch = augment.draw_patch(config, tf.constant([5, 5]))
  left, top, width, height = patch.numpy()
  assert width > 0 and height > 0 and left >= 0 and left + width <= 480
  covered = augment.cover(tf.zeros([60, 60, 3]), patch, tf.constant([1, 2]))
  hidden = covered.numpy().max(-1) > 0
  np.testing.assert_allclose(hidden.sum() * 64, width * height, rtol=0.35)
  points = [[left + width / 2, top + height / 2], [left - 1, top]]
  point = tf.constant(points, tf.float32)
  np.testing.assert_array_equal(
    augment.inside_patch(point, patch), [True, False]
  )
  none = augment.draw_patch(
    dataclasses.replace(config, patch=0.0), tf.constant([5, 5])
  )
  assert not np.any(none.numpy()[2:])


def test_bad_settings_are_named():
  with pytest.raises(ValueError, match="rotation"):
    CropAugmentation(rotation=-1.0)
  with pytest.raises(ValueError, match="box_scale"):
    CropAugmentation(box_scale=0.0)
