"""3D landmarks of detections: frames, sides, and what is unknown."""

import numpy as np
import pytest

from hund_tf.body import keypoints as table
from hund_tf.body import landmarks_3d as frame
from hund_tf.compat import tf
from hund_tf.detection import landmarks_3d
from hund_tf.detection.face import MESH_68
from hund_tf.detection.features import image_features
from hund_tf.detection.hands import HandReader
from hund_tf.detection.interface import Detection, empty_keypoints
from hund_tf.detection.mapping import POSE_TO_BODY
from hund_tf.detection.pose import MIRROR_33, Looks, PoseNetwork
from hund_tf.detection.roi import Roi
from hund_tf.types import STATE_DIMS, HumanState

_FLIP = np.array([-1.0, 1.0, 1.0])


@pytest.fixture(scope="module")
def body_points():
  """A skewed set of 33 landmarks, metres from the middle of the hips."""
  points = np.random.default_rng(0).normal(size=(33, 3))
  return points - points[[23, 24]].mean(axis=0)


def _output(points: np.ndarray, roi: Roi, mirrored: bool) -> dict:
  """What a network that makes no errors says of points seen in a region.

  100 pixels are a metre, and the middle of the hips is at (150, 250).
  """
  c, s = np.cos(roi.angle), np.sin(roi.angle)
  seen = points.copy()
  seen[:, :2] = points[:, :2] @ np.array([[c, -s], [s, c]])
  pixels = roi.from_image(100.0 * points[:, :2] + [150.0, 250.0])
  if mirrored:
    seen = (seen * _FLIP)[list(MIRROR_33)]
    pixels = ([1.0, 0.0] + [-1.0, 1.0] * pixels)[list(MIRROR_33)]
  landmarks = np.zeros((39, 5))
  landmarks[:33, :2] = 256.0 * pixels
  world = np.concatenate([seen, np.zeros((6, 3))])
  return {
    "landmarks": landmarks.ravel(),
    "world_landmarks": world.ravel(),
    "heatmaps": np.full((64, 64, 39), -20.0),
    "mask": np.zeros((256, 256, 1)),
    "score": np.ones(1),
  }


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("angle", [0.0, 0.4, -2.0])
def test_every_look_gives_the_landmarks_as_the_photo_is_turned(
  body_points, angle, mirrored
):
  roi = Roi(140.0, 240.0, 500.0, angle)
  output = _output(body_points, roi, mirrored)
  pose = PoseNetwork()._pose(output, roi, mirrored)
  np.testing.assert_allclose(pose.world, body_points, atol=1e-9)
  # The photo shows the same.
  expected = 100.0 * body_points[:, :2] + [150.0, 250.0]
  np.testing.assert_allclose(pose.landmarks[:, :2], expected, atol=1e-6)


def test_hands_are_turned_back_and_start_at_the_wrist():
  hand = np.random.default_rng(1).normal(size=(21, 3))
  roi = Roi(50.0, 60.0, 100.0, 0.7)
  reader = HandReader()
  side = reader._landmark.side

  class Network:
    def __call__(self, crops):
      spatial = hand.copy()
      spatial[:, :2] = roi._replace(x=0, y=0, size=1).from_image(hand[:, :2])
      screen = np.zeros((21, 3))
      return {
        "landmarks": screen.ravel()[None],
        "world_landmarks": spatial.ravel()[None],
        "score": np.array([[0.9]]),
      }

  reader._landmark = Network()
  reader._landmark.side = side
  image = np.zeros((99, 99, 3), np.uint8)
  [(_, found, score)] = reader.read([image], [roi])
  np.testing.assert_allclose(found, hand - hand[:1], atol=1e-9)
  assert score == 0.9


def test_body_landmarks_average_looks_and_distrust_what_is_elsewhere():
  world = np.zeros((2, 33, 3))
  world[0, 15], world[1, 15] = [1.0, 0.0, 0.4], [1.0, 0.0, 0.8]
  world[:, 23:25, 2] = 0.1  # the hips' middle is not the origin
  landmarks = np.zeros((33, 4))
  landmarks[:, 2] = 0.8
  roi = Roi(0.0, 0.0, 100.0)
  poses = tuple(
    PoseNetwork()._pose(_output(w, roi, False), roi, False)._replace(world=w)
    for w in world
  )
  agreement = np.full(33, 0.5)
  looks = Looks(poses, landmarks, agreement, 1.0, np.array([0.75, 0.25]))
  pose = np.ones((33, 3)) * [0.0, 0.0, 0.5]
  pose[16, 0] = 20.0  # of 100 pixels: two widths from MediaPipe's place
  found = landmarks_3d.body_landmarks(looks, pose, 100.0)
  np.testing.assert_allclose(found[15], [1.0, 0.0, 0.4, 0.2], atol=1e-6)
  np.testing.assert_allclose(found[16, 3], 0.2 * np.exp(-2.0), rtol=1e-5)
  np.testing.assert_allclose(found[23, :3], 0.0, atol=1e-6)


def test_landmarks_keep_their_sides_and_their_groups():
  body = np.arange(33.0)[:, None] * [1.0, 10.0, 100.0, 0.0]
  body[:, 3] = 0.5
  face, left, right = (
    np.full((n, 4), v) for n, v in ((70, 1), (21, 2), (21, 3))
  )
  points = np.ones((137, 3))
  points[table.RIGHT_HAND, 2] = 0.0
  found = landmarks_3d.assemble_3d(body, face, left, right, points)
  named = {
    "l_shoulder": 11, "r_shoulder": 12, "l_elbow": 13, "r_wrist": 16,
    "l_hip": 23, "r_knee": 26, "l_ankle": 27, "r_heel": 30, "l_big_toe": 31,
  }  # fmt: skip
  for name, row in named.items():
    np.testing.assert_allclose(found[table.INDEX[name]], body[row])
  known = {table.INDEX[name] for name in POSE_TO_BODY}
  unknown = set(range(25)) - known
  assert {table.NAMES[i] for i in unknown} == {
    "neck", "mid_hip", "l_small_toe", "r_small_toe",
  }  # fmt: skip
  assert not found[sorted(unknown)].any()
  np.testing.assert_array_equal(found[table.FACE][:, :3], 1.0)
  np.testing.assert_array_equal(found[table.LEFT_HAND][:, :3], 2.0)
  assert not found[table.RIGHT_HAND].any()


def test_a_face_has_the_size_of_the_mean_body_s(body_model):
  state = HumanState(*(tf.zeros([1, size]) for size in STATE_DIMS))
  state = state._replace(rotation=tf.constant([[1.0, 0, 0, -1.0, 0, 0]]))
  points = body_model.decode(state).keypoints
  truth = frame.root_relative(points).numpy()[0, table.FACE]
  mesh = 730.0 * truth[:68] + [100.0, 50.0, -3.0]  # pixels
  found = landmarks_3d.face_landmarks(mesh, 0.7)
  np.testing.assert_allclose(found[:68, :3], truth[:68], atol=2e-4)
  np.testing.assert_array_equal(found[:68, 3], np.float32(0.7))
  assert not found[68:].any() and len(MESH_68) == 68


def test_features_carry_the_landmarks_or_know_nothing():
  box = np.array([0.0, 0.0, 10.0, 10.0], np.float32)
  spatial = np.random.default_rng(2).uniform(size=(137, 4)).astype(np.float32)
  bare = Detection(box, 1.0, empty_keypoints())
  people = [bare, bare._replace(landmarks_3d=spatial)]
  features = image_features(people, [box, box])
  assert not features.landmarks_3d[0].numpy().any()
  assert not features.landmark_3d_weights[0].numpy().any()
  np.testing.assert_array_equal(features.landmarks_3d[1], spatial[:, :3])
  np.testing.assert_array_equal(features.landmark_3d_weights[1], spatial[:, 3])
