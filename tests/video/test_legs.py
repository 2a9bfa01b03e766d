"""Legs that are bent and turned so that feet are where they are to be."""

import numpy as np
import pytest

from hund_tf.body import skeleton
from hund_tf.body.model import BodyModel
from hund_tf.compat import tf
from hund_tf.synthetic import clips
from hund_tf.video import legs

_FRAMES = 12


@pytest.fixture(name="posed", scope="module")
def _posed():
  """Rotations of somebody who walks, and joints and keypoints of others."""
  body_model = BodyModel()

  def pose(rotations):
    count = len(rotations)
    body = body_model.pose_driven(
      tf.constant(rotations, tf.float32),
      *(tf.zeros([count, size]) for size in (16, 20, 3)),
      mesh="proxy_1500",
    )
    return body.joints.numpy(), body.rotations.numpy()

  return clips.gait(np.linspace(0.0, 1.0, _FRAMES)), pose


def _turned(rotations, name):
  """How a joint is turned against the camera."""
  found, joint = np.eye(3), skeleton.INDEX[name]
  while joint >= 0:
    found = rotations[:, joint] @ found
    joint = skeleton.PARENTS[joint]
  return found


def test_ankles_are_moved_and_nothing_else_but_knees(posed):
  rotations, pose = posed
  joints, _ = pose(rotations)
  # Up and to the sides, so that no leg is too short.
  offsets = np.random.default_rng(0).uniform(-0.04, 0.04, (_FRAMES, 2, 3))
  offsets[..., 1] += 0.06
  placed = legs.placed(rotations, joints, offsets)
  moved, _ = pose(placed)
  off = moved - joints
  for number, side in enumerate("lr"):
    for name in ("ankle", "ball"):
      joint = skeleton.INDEX[f"{side}_{name}"]
      np.testing.assert_allclose(off[:, joint], offsets[:, number], atol=1e-5)
    np.testing.assert_allclose(
      _turned(placed, f"{side}_ball"),
      _turned(rotations, f"{side}_ball"),
      atol=1e-6,
    )
    # Knees go on to point forwards: they are before hip and ankle, z.
    hip, knee, ankle = (
      moved[:, skeleton.INDEX[f"{side}_{x}"]] for x in ("hip", "knee", "ankle")
    )
    normal = np.cross(knee - hip, ankle - knee)
    axis = _turned(placed, f"{side}_knee")[..., 0]
    assert np.all(np.sum(normal * axis, axis=-1) > 0.0)
  others = [
    i
    for i, name in enumerate(skeleton.NAMES)
    if not name.endswith(("upper_leg_twist", "knee", "ankle", "ball"))
  ]
  np.testing.assert_allclose(off[:, others], 0.0, atol=1e-6)


def test_feet_that_stay_leave_legs_as_they_are(posed):
  rotations, pose = posed
  joints, _ = pose(rotations)
  offsets = np.zeros((_FRAMES, 2, 3))
  offsets[3, 0, 1] = 0.05
  placed = legs.placed(rotations, joints, offsets)
  changed = np.argwhere(np.any(placed != rotations, axis=(-1, -2)))
  left = [skeleton.INDEX[f"l_{x}"] for x in ("hip", "knee", "ankle")]
  assert {tuple(x) for x in changed} == {(3, joint) for joint in left}


def test_what_is_out_of_reach_is_pointed_at_by_a_straight_leg(posed):
  rotations, pose = posed
  joints, _ = pose(rotations)
  hip, knee, ankle = (
    skeleton.INDEX[f"l_{x}"] for x in ("hip", "knee", "ankle")
  )
  offsets = np.zeros((_FRAMES, 2, 3))
  offsets[:, 0] = 2.0 * (joints[:, ankle] - joints[:, hip])
  moved, _ = pose(legs.placed(rotations, joints, offsets))
  whole = moved[:, ankle] - moved[:, hip]
  length = np.linalg.norm(whole, axis=-1)
  bones = sum(
    np.linalg.norm(moved[:, b] - moved[:, a], axis=-1)
    for a, b in ((hip, knee), (knee, ankle))
  )
  np.testing.assert_allclose(length, bones, rtol=1e-3)
  wanted = offsets[:, 0] / np.linalg.norm(offsets[:, 0], axis=-1)[:, None]
  np.testing.assert_allclose(whole / length[:, None], wanted, atol=1e-5)


def test_a_straight_leg_can_bend(posed):
  _, pose = posed
  rotations = np.tile(np.eye(3), [1, len(skeleton.NAMES), 1, 1])
  joints, _ = pose(rotations)
  offsets = np.zeros((1, 2, 3))
  offsets[0, 1, 1] = 0.1  # y up in the frame of the body
  moved, _ = pose(legs.placed(rotations, joints, offsets))
  ankle = skeleton.INDEX["r_ankle"]
  np.testing.assert_allclose(
    moved[0, ankle] - joints[0, ankle], offsets[0, 1], atol=1e-5
  )
