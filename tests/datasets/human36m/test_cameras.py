"""Human3.6M's cameras against numbers and formulas written anew."""

import cv2
import numpy as np
import pytest

from hund_tf.datasets.human36m import cameras
from tests.datasets.human36m import fixture


@pytest.fixture(scope="module")
def all_cameras(tmp_path_factory):
  folder = tmp_path_factory.mktemp("h36m")
  fixture.write_metadata(folder)
  return cameras.read_cameras(folder / "metadata.xml")


def test_reads_each_subject_and_camera(all_cameras):
  assert len(all_cameras) == 44
  for index, name in enumerate(fixture.CAMERAS):
    for subject in (1, 9, 11):
      camera = all_cameras[f"S{subject}", name]
      rotation, position = fixture.camera_numbers(index, subject)
      np.testing.assert_allclose(camera.rotation, rotation, atol=1e-7)
      np.testing.assert_allclose(camera.position, position / 1000)
      assert camera.size == fixture.SIZES[index]
  np.testing.assert_allclose(camera.focal, fixture.INTRINSICS[:2])
  np.testing.assert_allclose(camera.center, fixture.INTRINSICS[2:])


def test_projects_as_the_formula(all_cameras):
  camera = all_cameras["S1", "54138969"]
  rng = np.random.default_rng(0)
  points = np.concatenate(
    [rng.uniform(-2, 2, (50, 2)), rng.uniform(4, 6, (50, 1))], axis=1
  )
  expected = [fixture.distorted(point) for point in points]
  pixels = cameras.project(points, camera)
  np.testing.assert_allclose(pixels, expected, atol=1e-9)
  # The lens moves points at the border of the photo by several pixels.
  pinhole = cameras.project_pinhole(points, camera)
  assert np.abs(pinhole - pixels).max() > 3
  np.testing.assert_allclose(
    cameras.undistort_pixels(pixels, camera), pinhole, atol=1e-6
  )


def test_a_point_of_the_world(all_cameras):
  rotation, position = fixture.camera_numbers(0, 1)
  camera = all_cameras["S1", "54138969"]
  point = np.array([100.0, -200.0, 1300.0])
  expected = rotation @ (point - position) / 1000
  found = cameras.world_to_camera(point / 1000, camera)
  np.testing.assert_allclose(found, expected, atol=1e-7)
  assert found[2] > 4  # in front


def test_photo_without_distortion_has_points_where_a_pinhole_has(all_cameras):
  camera = all_cameras["S1", "54138969"]
  maps = cameras.undistortion_maps(camera)
  for point in ([-1.5, -1.4, 4.5], [1.6, 1.2, 4.4], [0.1, 1.8, 5.0]):
    photo = fixture.draw(fixture.distorted(point), camera.size)
    straight = cv2.remap(photo, *maps, interpolation=cv2.INTER_LINEAR)
    weights = np.maximum(straight[..., 0].astype(float) - 60, 0)
    rows, columns = np.indices(weights.shape) + 0.5
    found = [
      np.sum(weights * columns) / weights.sum(),
      np.sum(weights * rows) / weights.sum(),
    ]
    expected = cameras.project_pinhole(np.array(point), camera)
    np.testing.assert_allclose(found, expected, atol=0.1)


@pytest.mark.parametrize(
  "text", ["", "<a>", "<a><w0>[1 2 3]</w0></a>", "<a><w0>[1 two]</w0></a>"]
)
def test_names_a_file_that_is_not_one(tmp_path, text):
  path = tmp_path / "metadata.xml"
  path.write_text(text)
  with pytest.raises(ValueError, match="metadata.xml.*300 numbers"):
    cameras.read_cameras(path)
