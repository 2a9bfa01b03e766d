"""Labels far outside their photo: what counts as far, and what is left."""

import numpy as np
import pytest

from hund_tf.body import keypoints
from hund_tf.datasets.label_bounds import near_photo, without_far_labels
from hund_tf.records.schema import PersonRecord

# A photo of 400 x 300 pixels; the stored square is twice as large as the part
# of the photo that it shows, whose corner is (100, 50).
_SIZE = np.array([400.0, 300.0])
_SHIFT, _SCALE = np.array([100.0, 50.0]), 2.0


def _stored(points) -> np.ndarray:
  return (np.asarray(points, float) - _SHIFT) * _SCALE


def _record(**fields) -> PersonRecord:
  return PersonRecord(
    key="a",
    dataset="d",
    image_size=np.array([200.0, 200.0]),
    photo_box=np.array([*_SHIFT, 100.0, 100.0]),
    photo_size=_SIZE,
    intrinsics=np.array([800.0, 800.0, *_stored([200, 150])]),
    intrinsics_weight=1.0,
    **fields,
  )


def _keypoints(**places) -> np.ndarray:
  rows = np.zeros((137, 3))
  for name, (x, y) in places.items():
    rows[keypoints.INDEX[name]] = [*_stored([x, y]), 0.5]
  return rows


@pytest.mark.parametrize(
  "point, near",
  [
    ((-399, -399), True),
    ((799, 699), True),  # the longer side beyond 400 x 300
    ((-401, 0), False),
    ((0, -401), False),
    ((801, 0), False),
    ((0, 701), False),
    ((np.nan, 0), False),
    ((0, np.inf), False),
  ],
)
def test_a_photos_longer_side_beyond_its_border_is_near(point, near):
  assert near_photo(np.array([point]), _SIZE) == [near]


def test_photos_of_unknown_size_bound_nothing():
  points = np.array([[1e9, 0], [np.nan, 0]])
  assert near_photo(points, np.zeros(2)).tolist() == [True, False]


def test_records_without_far_labels_stay_as_they_are():
  record = _record(keypoints=_keypoints(nose=(-399, 0), l_hip=(0, 699)))
  assert without_far_labels(record) == (record, {})


def test_far_keypoints_become_unknown():
  rows = _keypoints(nose=(10, 20), l_knee=(-500, 0), r_knee=(np.nan, 3))
  rows[keypoints.INDEX["r_ankle"]] = [5, 5, np.nan]
  rows[keypoints.INDEX["l_ankle"]] = [1e9, 5, 0]  # not a label
  record = _record(
    keypoints=rows, detected=rows[::-1], visibility=np.ones(137, np.float32)
  )
  found, far = without_far_labels(record)
  assert far == {"keypoints": 3, "detected keypoints": 3}
  known = np.zeros(137, bool)
  known[keypoints.INDEX["nose"]] = True
  np.testing.assert_array_equal(found.keypoints[:, 2] > 0, known)
  np.testing.assert_array_equal(found.detected[:, 2] > 0, known[::-1])
  nose = keypoints.INDEX["nose"]
  np.testing.assert_array_equal(found.keypoints[nose], rows[nose])
  for name in ("l_knee", "r_knee", "r_ankle"):
    row = keypoints.INDEX[name]
    assert not found.keypoints[row].any() and found.visibility[row] == 0
  assert found.visibility.sum() == 134


def test_a_middle_is_unknown_with_its_ends():
  places = {"l_shoulder": (0, 0), "r_shoulder": (0, 900), "neck": (0, 450)}
  places |= {"l_hip": (0, 0), "r_hip": (0, 600), "mid_hip": (0, 300)}
  found, far = without_far_labels(_record(keypoints=_keypoints(**places)))
  assert far == {"keypoints": 2}
  lost = {n for n in places if found.keypoints[keypoints.INDEX[n], 2] == 0}
  assert lost == {"r_shoulder", "neck"}


def test_joints_are_where_their_projection_is():
  joints = np.zeros((17, 3))
  joints[:, 2] = 4.0
  # 400 pixels of focal length in the photo, its centre at (200, 150).
  joints[3] = [5.9, 0, 4]  # x = 790
  joints[4] = [6.1, 0, 4]  # x = 810
  joints[5] = [0, 0, -1]  # behind the camera
  joints[6] = [0, np.nan, 4]
  weights = np.ones(17)
  weights[4] = 0.5
  record = _record(joint_set="h36m_17", joints=joints, joint_weights=weights)
  found, far = without_far_labels(record)
  assert far == {"3D joints": 3}
  assert np.flatnonzero(found.joint_weights == 0).tolist() == [4, 5, 6]
  np.testing.assert_array_equal(found.joints[3], joints[3])
  assert not found.joints[4:7].any()
  # Where an assumed camera projects them tells nothing.
  found, far = without_far_labels(record._replace(intrinsics_weight=0.0))
  assert far == {"3D joints": 1}
