"""What holds for every camera, every crop and every rotation."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy.spatial.transform import Rotation

from hund_tf.compat import tf
from hund_tf.geometry import camera, rotation
from hund_tf.types import Intrinsics


def _floats(low: float, high: float, *shape: int):
  """Arrays of float32 in a range."""
  elements = st.floats(low, high, width=32)
  return arrays.arrays(np.float32, shape, elements=elements)


_LENSES = st.builds(Intrinsics, _floats(200, 4000, 2), _floats(0, 2000, 2))
_POINTS = arrays.arrays(
  np.float32, (5, 3), elements=st.floats(-2, 2, width=32)
).map(lambda points: points + np.float32([0, 0, 4]))
_BOXES = st.builds(
  lambda corner, sides: np.concatenate([corner, sides]),
  _floats(-500, 3000, 2),
  _floats(32, 2048, 2),
)
_TURNS = _floats(-4, 4, 3)  # rotation vectors
# Columns of every length that are far from parallel.
_SIX = st.builds(
  lambda turn, scales, slant: (
    (Rotation.from_rotvec(turn).as_matrix()[:, :2] @ [[1, slant], [0, 1]])
    * scales
  ).astype(np.float32),
  _TURNS,
  _floats(0.125, 64, 2),
  st.floats(-2, 2),
)


def _project(points, lens) -> np.ndarray:
  return camera.project(tf.constant(points), lens).numpy()


@given(_POINTS, _LENSES, st.floats(0.25, 4))
def test_points_on_a_ray_have_one_pixel(points, lens, factor):
  moved = (points * factor).astype(np.float32)
  np.testing.assert_allclose(
    _project(moved, lens), _project(points, lens), rtol=1e-4, atol=1e-2
  )


@given(_POINTS, _LENSES)
def test_a_pixel_and_its_depth_are_the_point(points, lens):
  pixels = _project(points, lens).astype(np.float64)
  back = (pixels - lens.center) / lens.focal * points[:, 2:]
  np.testing.assert_allclose(back, points[:, :2], atol=1e-3)


@given(_POINTS, _LENSES, _BOXES)
def test_a_crop_s_lens_sees_the_warped_photo(points, lens, box):
  crop = camera.crop_intrinsics(lens, tf.constant(box), size=480)
  scale = 480.0 / box[2:].astype(np.float64)
  warped = (_project(points, lens) - box[:2].astype(np.float64)) * scale
  found = _project(points, crop)
  # Of pixels that are far away, float32 keeps seven digits.
  far = np.abs(warped).max() + np.abs(np.stack(crop)).max()
  np.testing.assert_allclose(found, warped, atol=1e-6 * far + 1e-3)


@given(_LENSES, _BOXES)
def test_a_crop_of_the_whole_crop_changes_nothing(lens, box):
  once = camera.crop_intrinsics(lens, tf.constant(box), size=480)
  whole = tf.constant([0.0, 0.0, 480.0, 480.0])
  again = camera.crop_intrinsics(once, whole, size=480)
  for first, second in zip(once, again, strict=True):
    np.testing.assert_array_equal(first, second)


@given(_TURNS)
def test_6d_round_trip(turn):
  matrix = Rotation.from_rotvec(turn).as_matrix().astype(np.float32)
  back = rotation.from_6d(rotation.to_6d(tf.constant(matrix)))
  np.testing.assert_allclose(back, matrix, atol=1e-5)


@given(_SIX, st.floats(0.125, 8))
def test_6d_of_any_scale_is_a_rotation(columns, factor):
  matrix = rotation.from_6d(tf.constant(columns.reshape(6))).numpy()
  np.testing.assert_allclose(matrix @ matrix.T, np.eye(3), atol=1e-5)
  np.testing.assert_allclose(np.linalg.det(matrix), 1.0, atol=1e-5)
  unit = columns[:, 0] / np.linalg.norm(columns[:, 0])
  np.testing.assert_allclose(matrix[:, 0], unit, atol=1e-5)
  larger = tf.constant((columns * factor).reshape(6), tf.float32)
  np.testing.assert_allclose(rotation.from_6d(larger), matrix, atol=1e-4)


@given(_TURNS, _TURNS)
def test_the_angle_between_rotations_is_that_of_scipy(first, second):
  one, two = Rotation.from_rotvec(first), Rotation.from_rotvec(second)
  angle = rotation.geodesic_angle(
    *(tf.constant(r.as_matrix(), tf.float32) for r in (one, two))
  )
  expected = (one.inv() * two).magnitude()
  np.testing.assert_allclose(angle, expected, atol=2e-3)
