"""Cameras that users state, good and bad."""

import json
import math

import numpy as np
import pytest

from hund_tf.photos.cameras import (
  CameraOptions,
  check_camera_options,
  parse_intrinsics,
  photo_camera,
)

H, W = 300, 400


def _camera(photo="in/a.jpg", **options):
  return photo_camera(CameraOptions(**options), photo, H, W)


def _check(found, focal, center, source):
  np.testing.assert_allclose(found.intrinsics.focal, focal, rtol=1e-6)
  np.testing.assert_allclose(found.intrinsics.center, center, rtol=1e-6)
  assert found.intrinsics.focal.dtype == np.float32
  assert found.source == source


def test_default_of_the_paper():
  _check(_camera(), [400, 400], [200, 150], "default")


def test_focal_length():
  _check(_camera(focal_px=777.0), [777, 777], [200, 150], "focal_px")


@pytest.mark.parametrize("fov", [20.0, 90.0, 120.0])
def test_field_of_view_spans_the_larger_side(fov):
  found = _camera(fov_degrees=fov)
  focal = found.intrinsics.focal[0]
  _check(found, [focal, focal], [200, 150], "fov_degrees")
  seen = 2 * math.degrees(math.atan(W / 2 / focal))
  assert seen == pytest.approx(fov, rel=1e-5)
  tall = photo_camera(CameraOptions(fov_degrees=fov), "a.jpg", W, H)
  np.testing.assert_allclose(tall.intrinsics.focal, focal)


def test_intrinsics_as_text():
  values = parse_intrinsics("500, 510,190.5,160")
  _check(_camera(intrinsics=values), [500, 510], [190.5, 160], "intrinsics")


def test_intrinsics_from_a_file(tmp_path):
  path = tmp_path / "cameras.json"
  path.write_text(json.dumps({"a.jpg": [500, 510, 190, 160]}))
  values = parse_intrinsics(str(path))
  _check(_camera(intrinsics=values), [500, 510], [190, 160], "intrinsics")
  _check(_camera("b.jpg", intrinsics=values), [400, 400], [200, 150], "default")


@pytest.mark.parametrize(
  "values, message",
  [
    (
      [0, 500, 200, 150],
      "focal length that is not positive; give fx, fy above",
    ),
    ([500, -500, 200, 150], "focal length that is not positive"),
    (
      [math.nan, 500, 200, 150],
      "is not four finite numbers; give 'fx,fy,cx,cy'",
    ),
    ([500, 500, math.inf, 150], "is not four finite numbers"),
    ([500, 500, 200], "is not four finite numbers"),
    ([10**400, 500, 200, 150], "is not four finite numbers"),
    ("wide", "is not four finite numbers"),
    ({"fx": 500}, "is not four finite numbers"),
    ([1, 1, 200, 150], "give a focal length of 20 to 40000 pixels"),
    ([1e6, 1e6, 200, 150], "is impossible for a photo of 400 x 300 pixels"),
    ([500, 500, 99999, 150], "centre far outside the photo; give cx, cy near"),
    ([500, 500, 200, -99999], "200,150, in pixels of the photo"),
  ],
)
def test_impossible_intrinsics_name_the_photo(values, message):
  with pytest.raises(ValueError) as info:
    _camera(intrinsics={"a.jpg": values})
  text = str(info.value)
  assert text.startswith("in/a.jpg: intrinsics with fx, fy, cx, cy = ")
  assert message in text and "\n" not in text


@pytest.mark.parametrize(
  "options, message",
  [
    ({"focal_px": 0.0}, "focal_px: 0.0 is impossible; give .* above 0"),
    ({"focal_px": -5.0}, "focal_px: -5.0 is impossible"),
    ({"focal_px": math.nan}, "focal_px: nan is impossible"),
    ({"focal_px": math.inf}, "focal_px: inf is impossible"),
    ({"fov_degrees": 0.0}, "fov_degrees: 0.0 is impossible"),
    ({"fov_degrees": 180.0}, "larger side of the photo, above 0 and below 180"),
    ({"fov_degrees": math.nan}, "fov_degrees: nan is impossible"),
    (
      {"fov_degrees": 50.0, "focal_px": 500.0},
      "focal_px and fov_degrees are given together; give one",
    ),
  ],
)
def test_impossible_options(options, message):
  with pytest.raises(ValueError, match=message):
    check_camera_options(CameraOptions(**options))


def test_options_out_of_proportion_to_the_photo():
  with pytest.raises(ValueError, match="in/a.jpg: focal_px .* 20 to 40000"):
    _camera(focal_px=2.0)
  with pytest.raises(ValueError, match="in/a.jpg: fov_degrees .* impossible"):
    _camera(fov_degrees=179.9)


@pytest.mark.parametrize(
  "text, message",
  [
    ("500,500,200", "3 numbers; give four, 'fx,fy,cx,cy' in pixels"),
    ("500,500,200,150,0", "5 numbers; give four"),
    ("wide", "not numbers; give 'fx,fy,cx,cy'"),
    ("", "not numbers"),
    ("none.json", "none.json: the intrinsics cannot be read"),
  ],
)
def test_bad_text(text, message):
  with pytest.raises(ValueError, match=message):
    parse_intrinsics(text)


def test_bad_file(tmp_path):
  path = tmp_path / "cameras.json"
  for content, message in (("[1]", "does not map photos"), ("{", "not JSON")):
    path.write_text(content)
    with pytest.raises(ValueError, match=f"cameras.json: .*{message}"):
      parse_intrinsics(str(path))
