"""Hands put onto bodies, step by step."""

import math

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from hund_tf.body import keypoints as table
from hund_tf.body import skeleton
from hund_tf.compat import tf
from hund_tf.geometry import camera, rotation
from hund_tf.losses.heatmaps import target_from_features
from hund_tf.models.hund.config import HundConfig
from hund_tf.models.hund.model import blank_inputs
from hund_tf.reconstruction import fusion
from hund_tf.reconstruction.attention import HANDS
from hund_tf.types import FaceState, HandState, HumanState
from tests.reconstruction import part_truth

_ELBOWS = [skeleton.INDEX[f"{side}_elbow"] for side in "lr"]
_WRISTS = [skeleton.INDEX[f"{side}_wrist"] for side in "lr"]


def _matrix(*vector: float) -> tf.Tensor:
  return tf.constant(Rotation.from_rotvec(vector).as_matrix()[None], tf.float32)


def _twist(matrix: tf.Tensor) -> float:
  return float(fusion.twist_angle(matrix)[0])


def _apart(one, other) -> np.ndarray:
  return rotation.geodesic_angle(
    tf.convert_to_tensor(one), tf.convert_to_tensor(other)
  ).numpy()


def test_the_local_wrist_puts_the_hand_where_it_was():
  forearm, hand = _matrix(0.3, -1.0, 0.4), _matrix(2.0, 0.5, -0.3)
  local = fusion.local_wrist(forearm, hand)
  np.testing.assert_allclose(forearm @ local, hand, atol=1e-6)


@pytest.mark.parametrize("angle", [-3.0, -1.2, 0.0, 0.7, 3.1])
def test_the_twist_is_found_in_either_order(angle):
  twist, swing = _matrix(angle, 0.0, 0.0), _matrix(0.0, 0.8, -0.5)
  for both in (twist @ swing, swing @ twist):
    assert _twist(both) == pytest.approx(angle, abs=1e-5)


@pytest.mark.parametrize(
  ("twist", "own", "moved"),
  [
    (1.2, 0.0, 0.0),  # within 0.4 pi = 1.257
    (1.4, 0.0, 1.4 - 0.4 * math.pi),
    (-1.4, 0.0, 0.4 * math.pi - 1.4),
    (2.0, 0.0, math.radians(20) - 1e-3),  # all that an elbow can
    (2.0, 0.3, math.radians(20) - 1e-3 - 0.3),  # it has turned already
    (2.0, -0.2, 0.2 + math.radians(20) - 1e-3),
    (2.0, 0.4, 0.0),  # farther than it can: it stays
  ],
)
def test_the_excess_goes_to_the_elbow_as_far_as_it_can(twist, own, moved):
  elbow = _matrix(0.0, -1.0, 0.0) @ _matrix(own, 0.0, 0.0)
  wrist = _matrix(twist, 0.0, 0.0) @ _matrix(0.0, 0.2, 0.3)
  angle = fusion.shared_twist(elbow, wrist)
  assert float(angle[0]) == pytest.approx(moved, abs=1e-5)
  new_elbow, new_wrist = fusion.twisted(elbow, wrist, angle)
  np.testing.assert_allclose(new_elbow @ new_wrist, elbow @ wrist, atol=1e-6)
  assert _twist(new_elbow) == pytest.approx(own + moved, abs=1e-5)
  assert _twist(new_wrist) == pytest.approx(twist - moved, abs=1e-5)


def test_the_driven_joint_takes_half_of_the_twist(body_model):
  state = part_truth.person(body_model).state
  local = body_model.rotations(state)
  own = fusion.global_rotations(local)
  turned = own[:, _WRISTS[0]]
  forearm = own[:, _ELBOWS[0]]
  want = forearm @ _matrix(1.0, 0.0, 0.0)
  fused = fusion.with_wrists(local, {"left_hand": want})
  body = body_model.pose(
    fused,
    state.shape,
    state.expression,
    rotation.from_6d(state.rotation),
    state.translation,
    "proxy_1500",
  )
  shared = body.rotations[:, skeleton.INDEX["l_lower_arm_twist"]]
  assert _twist(shared) == pytest.approx(0.5, abs=0.03)
  found = fusion.global_rotations(body.rotations)[:, _WRISTS[0]]
  assert _apart(found, want)[0] < 1e-3
  assert _apart(turned, want)[0] > 0.05


def _hands(states: list[HumanState], body_model) -> dict[str, HandState]:
  """Hands of other people, as they are in the camera."""
  hands = {}
  for name in HANDS:
    rows = []
    for state in states:
      body = body_model.decode(state, "proxy_1500")
      truth = part_truth.Truth(state, body, part_truth.detection_of(body))
      rows.append(part_truth.hand_of(truth, name))
    hands[name] = HandState(
      *(np.concatenate(x) for x in zip(*rows, strict=True))
    )
  return hands


@pytest.fixture(scope="module")
def case(body_model):
  """Three bodies, and hands turned by little and by much more than they are."""
  people = [part_truth.person(body_model, seed).state for seed in range(3)]
  state = HumanState(*(np.concatenate(x) for x in zip(*people, strict=True)))
  turned = [
    s._replace(body_pose=s.body_pose + 0.2, left_hand=-s.left_hand)
    for s in people
  ]
  return state, _hands(turned, body_model)


def test_hands_that_are_not_used_leave_everything_bit_for_bit(case, body_model):
  state, hands = case
  used = {name: np.zeros([3], bool) for name in HANDS}
  fused = fusion.with_hands(body_model, state, hands, used)
  for one, other in zip(fused, state, strict=True):
    np.testing.assert_array_equal(one, other)


def test_one_hand_leaves_the_other_and_other_people(case, body_model):
  state, hands = case
  used = {
    "left_hand": np.array([True, False, False]),
    "right_hand": np.array([False, False, True]),
  }
  fused = fusion.with_hands(body_model, state, hands, used)
  np.testing.assert_array_equal(fused.left_hand[0], hands["left_hand"].pose[0])
  np.testing.assert_array_equal(fused.left_hand[1:], state.left_hand[1:])
  np.testing.assert_array_equal(fused.right_hand[:2], state.right_hand[:2])
  np.testing.assert_array_equal(fused.body_pose[1], state.body_pose[1])
  for field in ("shape", "expression", "rotation", "translation"):
    np.testing.assert_array_equal(getattr(fused, field), getattr(state, field))
  before = body_model.rotations(HumanState(*map(tf.constant, state)))
  after = body_model.rotations(HumanState(*map(tf.constant, fused)))
  apart = _apart(before, after)
  mine = [*_ELBOWS[:1], *_WRISTS[:1], skeleton.INDEX["l_lower_arm_twist"]]
  fingers = [skeleton.INDEX[n] for n in skeleton.LEFT_HAND_JOINTS]
  others = np.setdiff1d(np.arange(63), [*mine, *fingers])
  assert apart[0, others].max() < 2e-3  # through the flow and back
  assert apart[0, fingers].max() > 0.1


def test_the_hand_s_rotation_in_the_camera_is_the_one_that_was_read(
  case, body_model
):
  state, hands = case
  used = {name: np.ones([3], bool) for name in HANDS}
  fused = fusion.with_hands(body_model, state, hands, used)
  after = body_model.rotations(HumanState(*map(tf.constant, fused)))
  found = fusion.global_rotations(after).numpy()
  for name, wrist in zip(HANDS, _WRISTS, strict=True):
    want = rotation.from_6d(tf.constant(hands[name].rotation))
    assert _apart(found[:, wrist], want).max() < 2e-3


def test_a_wrist_beyond_its_limits_is_clipped_to_them(case, body_model):
  state, hands = case
  bodies = body_model.rotations(HumanState(*map(tf.constant, state)))
  forearm = fusion.global_rotations(bodies)[:, _ELBOWS[0]]
  want = forearm @ _matrix(0.0, math.radians(75), 0.0)  # 65 degrees at most
  hand = hands["left_hand"]._replace(rotation=rotation.to_6d(want).numpy())
  used = {"left_hand": np.ones([3], bool)}
  fused = fusion.with_hands(body_model, state, {"left_hand": hand}, used)
  after = body_model.rotations(HumanState(*map(tf.constant, fused)))
  found = fusion.global_rotations(after)[:, _WRISTS[0]]
  np.testing.assert_allclose(
    _apart(found, want), math.radians(10), atol=math.radians(0.8)
  )


def test_wrist_and_knuckles_are_drawn_into_the_body_s_features():
  features, intrinsics = blank_inputs(HundConfig(), batch=2)
  rng = np.random.default_rng(0)
  points = rng.uniform(-0.3, 0.3, size=[2, 21, 3]).astype(np.float32)
  points[..., 2] += 4.0
  used = {"right_hand": np.array([True, False])}
  drawn = fusion.steered_features(
    features, intrinsics, {"right_hand": points}, used
  )
  rows = fusion.steering_rows("right_hand")
  assert [table.NAMES[row] for row in rows] == [
    "r_hand_wrist",
    "r_hand_index1",
    "r_hand_middle1",
    "r_hand_ring1",
    "r_hand_pinky1",
    "r_wrist",
  ]
  target = target_from_features(drawn)
  seen = camera.project(tf.constant(points), intrinsics).numpy()[0]
  np.testing.assert_allclose(
    target.keypoints.numpy()[0, rows], seen[[0, 5, 9, 13, 17, 0]], atol=0.1
  )
  assert (target.keypoint_weights.numpy()[0, rows] > 0.95).all()
  assert np.sum(drawn.heatmap_weights[0]) == 6.0
  assert not np.any(drawn.heatmap_weights[1])
  np.testing.assert_array_equal(drawn.heatmaps[1], features.heatmaps[1])


def test_a_face_turns_the_head_and_the_neck_brings_it_where_it_is(
  case, body_model
):
  state, _ = case
  bodies = HumanState(*map(tf.constant, state))
  before = body_model.decode(bodies, "proxy_1500")
  turned = fusion.global_rotations(before.rotations).numpy()
  head, knee = skeleton.INDEX["head"], skeleton.INDEX["l_knee"]
  want = turned[:, head] @ _matrix(0.1, 0.1, 0.0).numpy()
  face = FaceState(
    expression=np.full([3, 20], 0.5, np.float32),
    shape=np.zeros([3, 16], np.float32),
    gaze=np.zeros([3, 2], np.float32),
    rotation=rotation.to_6d(tf.constant(want)).numpy(),
    translation=np.zeros([3, 3], np.float32),
  )
  points = before.keypoints[:, table.FACE].numpy() + [0.01, 0.0, 0.0]
  used = np.array([True, False, True])
  fused = fusion.with_faces(body_model, state, face, points, used)
  for own, old in zip(fused, state, strict=True):
    np.testing.assert_array_equal(own[1], np.asarray(old)[1])
  after = body_model.decode(HumanState(*map(tf.constant, fused)), "proxy_1500")
  found = fusion.global_rotations(after.rotations).numpy()
  assert _apart(found[[0, 2]][:, head], want[[0, 2]]).max() < math.radians(3)
  middle = lambda p: p[:, 27:48, :2].mean(1) / p[:, 27:48, 2:].mean(1)
  seen = middle(after.keypoints[:, table.FACE].numpy())
  # A bend moves them aside, not along the neck, which is upright here.
  np.testing.assert_allclose(
    seen[[0, 2], 0], middle(points)[[0, 2], 0], atol=5e-4
  )
  np.testing.assert_allclose(found[:, knee], turned[:, knee], atol=5e-3)
