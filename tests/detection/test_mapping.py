"""Landmarks as our 137 keypoints: names, sides, unknowns."""

import numpy as np

from hund_tf.body import keypoints
from hund_tf.detection import detector, face, mapping, pose

# MediaPipe's documented order of the pose landmarks.
POSE_33 = (
  "nose l_eye_inner l_eye l_eye_outer r_eye_inner r_eye r_eye_outer l_ear "
  "r_ear l_mouth r_mouth l_shoulder r_shoulder l_elbow r_elbow l_wrist r_wrist "
  "l_pinky r_pinky l_index r_index l_thumb r_thumb l_hip r_hip l_knee r_knee "
  "l_ankle r_ankle l_heel r_heel l_big_toe r_big_toe"
).split()


def _swap(name):
  if name[:2] in ("l_", "r_"):
    return ("r_" if name[0] == "l" else "l_") + name[2:]
  return name


def test_pose_table_agrees_with_names():
  for name, index in mapping.POSE_TO_BODY.items():
    assert POSE_33[index] == name
  missing = set(keypoints.BODY_25) - set(mapping.POSE_TO_BODY)
  assert missing == {"neck", "mid_hip", "l_small_toe", "r_small_toe"}


def test_pose_mirror_swaps_sides():
  for i, j in enumerate(pose.MIRROR_33):
    assert POSE_33[j] == _swap(POSE_33[i])


def test_face_table_is_symmetric():
  """Vertices of mirrored iBUG points mirror each other in the mesh."""
  assert len(face.MESH_68) == 68 and len(set(face.MESH_68)) == 68
  pairs = {127: 356, 58: 288, 33: 263, 133: 362, 61: 291, 70: 300, 107: 336}
  pairs |= {98: 327, 160: 387, 158: 385, 144: 373, 153: 380, 39: 269, 84: 314}
  mirror = [keypoints.MIRROR[25 + i] - 25 for i in range(68)]
  for right, left in pairs.items():
    assert face.MESH_68[mirror[face.MESH_68.index(right)]] == left


def _assemble(points=None, face_points=None, **hands):
  landmarks = np.ones((33, 3)) if points is None else points
  return mapping.assemble(
    landmarks,
    np.zeros((70, 3)) if face_points is None else face_points,
    hands.get("left", np.zeros((21, 3))),
    hands.get("right", np.zeros((21, 3))),
    100,
    200,
  )


def _grid():
  landmarks = np.full((33, 3), 0.5)
  landmarks[:, 0] = 3.0 * np.arange(33) + 1
  landmarks[:, 1] = 2.0 * np.arange(33) + 1
  return landmarks


def test_body_confidence_and_midpoints():
  landmarks = _grid()
  landmarks[11, 2] = 0.125
  points = _assemble(landmarks)
  assert points.dtype == np.float32
  left = points[keypoints.INDEX["l_shoulder"]]
  np.testing.assert_allclose(left, [34, 23, 0.125])
  right = points[keypoints.INDEX["r_shoulder"]]
  np.testing.assert_allclose(right, [37, 25, 0.5])
  neck = points[keypoints.INDEX["neck"]]
  np.testing.assert_allclose(neck, [35.5, 24, 0.125])
  for name in ("l_small_toe", "r_small_toe"):
    assert not points[keypoints.INDEX[name]].any()
  assert not points[25:].any()


def test_face_places_eyes_and_nose():
  face_points = np.ones((70, 3))
  face_points[36:42, :2] = [10, 20]
  face_points[42:48, :2] = [30, 20]
  face_points[30, :2] = [20, 30]
  points = _assemble(_grid(), face_points)
  np.testing.assert_allclose(points[keypoints.INDEX["r_eye"], :2], [10, 20])
  np.testing.assert_allclose(points[keypoints.INDEX["l_eye"], :2], [30, 20])
  np.testing.assert_allclose(points[keypoints.INDEX["nose"], :2], [20, 30])
  np.testing.assert_allclose(points[25 + 36], [10, 20, 1])


def test_hands_keep_their_side():
  points = _assemble(_grid(), left=np.full((21, 3), 0.7))
  assert points[keypoints.LEFT_HAND, 2].min() > 0
  assert not points[keypoints.RIGHT_HAND].any()


def test_points_outside_the_photo_are_unknown():
  landmarks = _grid()
  landmarks[27, :2] = [50, 140]
  landmarks[28, :2] = [50, 101]  # just outside: kept
  points = _assemble(landmarks)
  assert not points[keypoints.INDEX["l_ankle"]].any()
  assert points[keypoints.INDEX["r_ankle"], 2] > 0


def test_one_hand_is_not_both():
  landmarks = _grid()
  hand = np.ones((21, 3))
  hand[:, :2] = landmarks[16, :2] + np.random.default_rng(0).uniform(
    0, 9, (21, 2)
  )
  left, right = hand.copy(), hand.copy() + [0.3, 0.3, 0]
  detector.drop_double_hand(left, right, landmarks)
  assert not left.any() and right.any()


def test_box_is_widened_to_the_sure_keypoints_near_it():
  points = np.zeros((137, 3))
  points[:4] = [[40, 40, 1], [66, 40, 1], [50, 80, 1], [50, 95, 0.2]]
  points[4] = [10, 50, 1]  # far away: somebody else's
  box = detector.person_box(np.array([42.0, 30, 20, 50]), points, 100, 200)
  np.testing.assert_allclose(box, [40, 30, 26, 50])
  box = detector.person_box(np.array([-5.0, 30, 20, 90]), points * 0, 100, 200)
  np.testing.assert_allclose(box, [0, 30, 15, 70])  # within the photo
