"""Generated hands: limits, determinism, what the gestures show."""

import numpy as np
import pytest

from hund_tf.body import joint_limits, skeleton
from hund_tf.body.pose_prior import PoseGroups
from hund_tf.compat import tf
from hund_tf.motion import hand_gestures

_LIMITS = joint_limits.LEFT_HAND
_NAMES = skeleton.LEFT_HAND_JOINTS


def _row(name):
  return _NAMES.index(f"l_{name}")


@pytest.mark.parametrize("name", hand_gestures.GESTURES)
def test_gestures_are_inside_the_limits(name):
  assert joint_limits.inside(hand_gestures.gesture(name), _LIMITS)


def _tip_direction(angles, finger):
  """Direction of a finger's last bone in the hand's frame, left hand."""
  rotations = joint_limits.to_rotations(np.float32(angles), _LIMITS).numpy()
  turn = np.eye(3)
  for k in (1, 2, 3):
    turn = turn @ rotations[_row(f"{finger}{k}")]
  return turn @ (1.0, 0.0, 0.0)


def test_gestures_show_what_they_say():
  fist = hand_gestures.gesture("fist")
  point = hand_gestures.gesture("point")
  assert _tip_direction(fist, "index")[0] < 0.0  # curled back
  assert _tip_direction(point, "index")[0] > 0.9
  assert _tip_direction(point, "middle")[0] < 0.0
  relaxed = _tip_direction(hand_gestures.gesture("relaxed"), "ring")
  assert relaxed[1] < -0.5  # towards the palm, which faces down
  spread = hand_gestures.gesture("spread")
  # The index leans to the thumb's side (forward), the little finger away.
  assert _tip_direction(spread, "index")[2] > 0.1
  assert _tip_direction(spread, "pinky")[2] < -0.1


def test_samples_are_inside_the_limits_and_reproducible():
  first = hand_gestures.sample_angles(500, seed=3)
  assert first.shape == (500, 15, 3)
  assert joint_limits.inside(first, _LIMITS).all()
  np.testing.assert_array_equal(first, hand_gestures.sample_angles(500, 3))
  assert np.abs(first - hand_gestures.sample_angles(500, 4)).max() > 0.1


def test_samples_do_not_pile_up_at_the_limits():
  angles = hand_gestures.sample_angles(2000, seed=0)
  share = (angles - _LIMITS.lower) / (_LIMITS.upper - _LIMITS.lower)
  assert ((share < 0.0101) | (share > 0.9899)).mean() < 1e-3


def test_relaxed_is_commoner_than_any_other_shape():
  angles = hand_gestures.sample_angles(4000, seed=0)
  flexion = angles[:, 3:, 2]

  def near(name):
    target = hand_gestures.gesture(name)[3:, 2]
    gap = np.sqrt(np.mean((flexion - target) ** 2, axis=1))
    return np.sum(gap < np.radians(12.0))

  for other in ("flat", "fist", "point", "hook", "victory", "claw"):
    assert near("relaxed") > 1.3 * near(other), other


def test_unknown_gesture():
  with pytest.raises(ValueError, match="wave.*relaxed"):
    hand_gestures.gesture("wave")


def test_latents_decode_to_the_gestures(body_model):
  names = [*hand_gestures.GESTURES]
  prior = body_model.pose_prior
  hands = tf.constant(hand_gestures.latents(prior, names))
  assert hands.shape == (len(names), 45)
  body = tf.zeros([len(names), 69])
  angles = prior.angles(PoseGroups(body, hands, hands))
  coded = [hand_gestures.gesture(name) for name in names]
  for side in (angles.left_hand, angles.right_hand):
    np.testing.assert_allclose(side, coded, atol=np.radians(0.1))
  with pytest.raises(ValueError, match="'wave' is unknown"):
    hand_gestures.latents(prior, ["wave"])
