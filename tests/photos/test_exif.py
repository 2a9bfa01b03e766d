"""Focal lengths that cameras write into photos."""

import math

import numpy as np
import pytest
from PIL import Image

from hund_tf.photos import exif
from hund_tf.photos.cameras import CameraOptions, photo_camera
from hund_tf.photos.exif import focal_from_tags
from hund_tf.photos.loading import read_photo

_W, _H, _LENGTH, _X_RESOLUTION, _UNIT, _F35 = (
  *(0xA002, 0xA003, 0x920A, 0xA20E, 0xA210, 0xA405),
)


def _save(path, size, tags, orientation=1):
  metadata = Image.Exif()
  metadata[0x0112] = orientation
  metadata.get_ifd(0x8769).update(tags)
  Image.new("RGB", size).save(path, exif=metadata)
  return path


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp"])
def test_equivalent_focal_length_is_of_the_diagonal(tmp_path, suffix):
  path = _save(tmp_path / f"a.{suffix}", (360, 240), {_F35: 50})
  # 36 x 24 mm and the photo have one form: 360 pixels for 36 mm.
  assert read_photo(path).exif.focal_px == pytest.approx(500.0)


def test_sensor_resolution(tmp_path):
  # 7.2 mm of 50 pixels a millimetre, stated in centimetres and in inches.
  for unit, per_mm in ((3, 10.0), (2, 25.4)):
    tags = {_LENGTH: 7.2, _X_RESOLUTION: 50 * per_mm, _UNIT: unit}
    focal = focal_from_tags(tags, (400, 300)).focal_px
    assert focal == pytest.approx(360.0, rel=1e-4)
  # Half as large since: half as many pixels.
  tags |= {_W: 800, _H: 600}
  assert focal_from_tags(tags, (400, 300)).focal_px == pytest.approx(180.0)


def test_a_scaled_photo_keeps_its_field_of_view():
  recorded = {_F35: 28, _W: 4000, _H: 3000}
  large = focal_from_tags(recorded, (4000, 3000)).focal_px
  assert focal_from_tags(recorded, (400, 300)).focal_px * 10 == pytest.approx(
    large
  )


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_turns_the_camera_with_the_photo(tmp_path, orientation):
  tags = {_F35: 36, _W: 120, _H: 80}
  photo = read_photo(_save(tmp_path / "a.jpg", (120, 80), tags, orientation))
  height, width = photo.image.shape[:2]
  assert (height > width) == (orientation >= 5)
  camera = photo_camera(CameraOptions(), "a.jpg", height, width, photo.exif)
  assert camera.source == "exif"
  focal = 36 / math.hypot(36, 24) * math.hypot(120, 80)
  np.testing.assert_allclose(camera.intrinsics.focal, focal, rtol=1e-5)
  np.testing.assert_allclose(camera.intrinsics.center, [width / 2, height / 2])


@pytest.mark.parametrize(
  ("tags", "words"),
  [
    ({_F35: 50, _W: 4000, _H: 3000}, "the photo was cut"),
    ({_F35: 5000}, "implausible"),
    ({_F35: 1}, "implausible"),
  ],
)
def test_what_cannot_be_is_ignored_with_a_word(tags, words):
  found = focal_from_tags(tags, (400, 400))
  assert found.focal_px is None and words in found.problem
  camera = photo_camera(CameraOptions(), "a.jpg", 400, 400, found)
  assert camera.source == "default" and words in camera.problem
  assert (camera.intrinsics.focal == 400.0).all()


@pytest.mark.parametrize(
  "tags",
  [{}, {_F35: 0}, {_F35: "x"}, {_LENGTH: 5.0}, {_F35: float("nan")}],
)
def test_nothing_is_nothing(tags):
  assert focal_from_tags(tags, (400, 300)) == exif.ExifFocal()


def test_what_the_user_states_goes_before():
  found = exif.ExifFocal(700.0)
  stated = {"focal_px": 300.0}, {"fov_degrees": 50.0}
  for options in (*stated, {"intrinsics": [300.0, 300.0, 200.0, 200.0]}):
    camera = photo_camera(CameraOptions(**options), "a.jpg", 400, 400, found)
    assert camera.source == next(iter(options)) and not camera.problem
  by_name = CameraOptions(intrinsics={"b.jpg": [300.0, 300.0, 200.0, 200.0]})
  assert photo_camera(by_name, "a.jpg", 400, 400, found).source == "exif"
  assert photo_camera(by_name, "b.jpg", 400, 400, found).source == "intrinsics"
