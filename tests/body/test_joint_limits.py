"""Joint angles: inverse, limits, zero-pose signs, mirrored right side."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from hund_tf.body import joint_limits, skeleton
from hund_tf.compat import tf

_GROUPS = {
  "body": joint_limits.BODY,
  "left_hand": joint_limits.LEFT_HAND,
  "right_hand": joint_limits.RIGHT_HAND,
}


def _angles(joints, count=64, seed=0):
  random = np.random.default_rng(seed)
  share = random.uniform(0.001, 0.999, (count, *joints.lower.shape))
  values = joints.lower + share * (joints.upper - joints.lower)
  return values.astype(np.float32)


def test_no_limit_allows_the_singular_swing():
  assert joint_limits.max_swing() < np.radians(178.0)


@pytest.mark.parametrize("name", _GROUPS)
def test_angles_come_back(name):
  joints = _GROUPS[name]
  angles = _angles(joints)
  rotations = joint_limits.to_rotations(angles, joints)
  # Near a half turn of swing, float32 rotations hold the angles less well.
  np.testing.assert_allclose(
    joint_limits.from_rotations(rotations, joints), angles, atol=5e-4
  )


@pytest.mark.parametrize("name", _GROUPS)
def test_rotations_are_swing_times_twist(name):
  joints = _GROUPS[name]
  angles = _angles(joints, 4)
  ours = joint_limits.to_rotations(angles, joints).numpy()
  for j in range(angles.shape[1]):
    frame = joints.frames[j]
    swing = (angles[:, j] * (1 - joints.twist[j])) @ frame.T
    twist = (angles[:, j] * joints.twist[j]) @ frame.T
    expected = Rotation.from_rotvec(swing) * Rotation.from_rotvec(twist)
    np.testing.assert_allclose(ours[:, j], expected.as_matrix(), atol=1e-5)


@pytest.mark.parametrize("name", _GROUPS)
def test_squash_stays_inside_and_inverts(name):
  joints = _GROUPS[name]
  far = np.full((1, *joints.lower.shape), 50.0, np.float32)
  for values in (far, -far, 0 * far):
    angles = joint_limits.squash(tf.constant(values), joints).numpy()
    assert (angles >= joints.lower - 1e-6).all()
    assert (angles <= joints.upper + 1e-6).all()
  angles = _angles(joints)
  again = joint_limits.squash(joint_limits.unsquash(angles, joints), joints)
  np.testing.assert_allclose(again, angles, atol=1e-5)


def test_values_outside_are_clipped_to_finite_numbers():
  joints = joint_limits.BODY
  outside = joints.upper[None] + 1.0
  values = joint_limits.unsquash(outside.astype(np.float32), joints).numpy()
  assert np.isfinite(values).all()
  angles = joint_limits.squash(tf.constant(values), joints)
  np.testing.assert_allclose(angles[0], joints.upper, atol=2e-4)


def _bent(joint, names, joints, axis, degrees):
  """Where a joint's angle takes the direction of its bone."""
  angles = np.zeros((1, len(names), 3), np.float32)
  angles[0, names.index(joint), axis] = np.radians(degrees)
  matrix = joint_limits.to_rotations(angles, joints)[0, names.index(joint)]
  return matrix.numpy()


def test_zero_pose_signs():
  body, names = joint_limits.BODY, skeleton.BODY_JOINTS
  down, left, right = (0, -1, 0), (1, 0, 0), (-1, 0, 0)
  for side in "lr":
    shin = _bent(f"{side}_knee", names, body, 0, 90) @ down
    np.testing.assert_allclose(shin, (0, 0, -1), atol=1e-6)  # behind
    thigh = _bent(f"{side}_hip", names, body, 0, -90) @ down
    np.testing.assert_allclose(thigh, (0, 0, 1), atol=1e-6)  # forward
  for side, bone in (("l", left), ("r", right)):
    forearm = _bent(f"{side}_elbow", names, body, 1, -90) @ bone
    np.testing.assert_allclose(forearm, (0, 0, 1), atol=1e-6)  # forward
    arm = _bent(f"{side}_shoulder", names, body, 2, -90) @ bone
    np.testing.assert_allclose(arm, (0, -1, 0), atol=1e-6)  # hanging
  for group, names, bone in (
    (joint_limits.LEFT_HAND, skeleton.LEFT_HAND_JOINTS, left),
    (joint_limits.RIGHT_HAND, skeleton.RIGHT_HAND_JOINTS, right),
  ):
    finger = names[0][0] + "_middle2"
    np.testing.assert_allclose(
      _bent(finger, names, group, 2, -90) @ bone, (0, -1, 0), atol=1e-6
    )


def test_equal_angles_left_and_right_are_mirror_images():
  angles = _angles(joint_limits.LEFT_HAND)
  left = joint_limits.to_rotations(angles, joint_limits.LEFT_HAND).numpy()
  right = joint_limits.to_rotations(angles, joint_limits.RIGHT_HAND).numpy()
  reflection = np.diag([-1.0, 1.0, 1.0])
  np.testing.assert_allclose(right, reflection @ left @ reflection, atol=1e-6)


def test_gradients_at_the_zero_pose_are_finite():
  joints = joint_limits.BODY
  angles = tf.zeros([1, 23, 3])
  with tf.GradientTape(persistent=True) as tape:
    tape.watch(angles)
    rotations = joint_limits.to_rotations(angles, joints)
    back = joint_limits.from_rotations(rotations, joints)
  gradient = tape.gradient(back, angles).numpy()
  assert np.isfinite(tape.gradient(rotations, angles)).all()
  np.testing.assert_allclose(gradient, 1.0, atol=1e-3)
