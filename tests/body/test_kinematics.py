"""Driven twists and forward kinematics."""

import numpy as np
import pytest

from hund_tf.body import kinematics, skeleton
from hund_tf.compat import tf
from hund_tf.geometry import rotation

_AXES = {
  "thigh": ("l_hip", 1),
  "arm": ("l_shoulder", 0),
  "wrist": ("l_wrist", 0),
}
_TWIST_OF = {
  "l_hip": "l_upper_leg_twist",
  "l_shoulder": "l_upper_arm_twist",
  "l_wrist": "l_lower_arm_twist",
}


def _random_rotations(batch: int, seed: int, scale: float = 1.0) -> tf.Tensor:
  rng = np.random.default_rng(seed)
  vectors = scale * rng.normal(size=[batch, 63, 3])
  matrices = rotation.from_rotation_vector(tf.constant(vectors, tf.float32))
  return kinematics.undrive_twists(matrices)


def _twisted(joint: str, axis: int, degrees: float) -> tf.Tensor:
  vectors = np.zeros([1, 63, 3], np.float32)
  vectors[0, skeleton.INDEX[joint], axis] = np.radians(degrees)
  return rotation.from_rotation_vector(tf.constant(vectors))


def _angle(matrix: np.ndarray) -> float:
  return np.degrees(np.arccos(np.clip((np.trace(matrix) - 1) / 2, -1, 1)))


def test_undriving_is_the_inverse_of_driving():
  rotations = _random_rotations(16, seed=0)
  driven = kinematics.drive_twists(rotations)
  np.testing.assert_allclose(
    kinematics.undrive_twists(driven), rotations, atol=2e-6
  )
  np.testing.assert_allclose(kinematics.drive_twists(driven), driven, atol=2e-6)
  identity = tf.eye(3, batch_shape=[1, 63])
  np.testing.assert_array_equal(kinematics.drive_twists(identity), identity)


def test_driving_keeps_orientations_further_out():
  rotations = _random_rotations(8, seed=1)
  zero = tf.zeros([8, 63, 3])
  before, _ = kinematics.global_transforms(rotations, zero)
  driven = kinematics.drive_twists(rotations)
  after, _ = kinematics.global_transforms(driven, zero)
  changed = [
    skeleton.INDEX[name]
    for s in "lr"
    for name in (
      *(f"{s}_{n}" for n in ("hip", "shoulder")),
      *(f"{s}_{n}" for n in ("upper_leg_twist", "upper_arm_twist")),
      f"{s}_lower_arm_twist",
    )
  ]
  kept = [
    j for j in range(63) if j not in changed or "lower" in skeleton.NAMES[j]
  ]
  kept = [j for j in kept if not skeleton.NAMES[j].endswith("lower_arm_twist")]
  np.testing.assert_allclose(
    before.numpy()[:, kept], after.numpy()[:, kept], atol=5e-6
  )


@pytest.mark.parametrize("limb", _AXES)
@pytest.mark.parametrize("degrees", [-80.0, 15.0, 60.0])
def test_pure_twist_is_halved(limb, degrees):
  joint, axis = _AXES[limb]
  driven = kinematics.drive_twists(_twisted(joint, axis, degrees))[0].numpy()
  share = _angle(driven[skeleton.INDEX[_TWIST_OF[joint]]])
  assert share == pytest.approx(abs(degrees) / 2, rel=0.07)
  rest = _angle(driven[skeleton.INDEX[joint]])
  assert share + rest == pytest.approx(abs(degrees), abs=0.1)


def test_swing_is_not_shared():
  swing = kinematics.drive_twists(_twisted("l_shoulder", 2, 70.0))[0].numpy()
  np.testing.assert_allclose(
    swing[skeleton.INDEX["l_upper_arm_twist"]], np.eye(3), atol=1e-6
  )


@pytest.mark.parametrize("limb", _AXES)
def test_smooth_through_half_a_turn(limb):
  joint, axis = _AXES[limb]
  angles = np.arange(170.0, 190.5, 0.5)
  driven = np.concatenate(
    [kinematics.drive_twists(_twisted(joint, axis, a)) for a in angles]
  )
  steps = np.abs(np.diff(driven, axis=0)).max()
  assert steps < 0.12  # half a degree never turns a joint by more than 7

  for degrees, other in ((180.0, axis), (180.0, (axis + 1) % 3), (0.0, axis)):
    vector = np.zeros([1, 63, 3], np.float32)
    vector[0, :, other] = np.radians(degrees)
    vector = tf.constant(vector)
    with tf.GradientTape() as tape:
      tape.watch(vector)
      matrices = rotation.from_rotation_vector(vector)
      output = kinematics.drive_twists(matrices)
      value = tf.reduce_sum(output * tf.reshape(tf.range(567.0), [63, 3, 3]))
    assert np.isfinite(output).all()
    assert np.isfinite(tape.gradient(value, vector)).all()


def test_chains_match_a_loop():
  rotations = _random_rotations(2, seed=3).numpy()
  offsets = np.random.default_rng(4).normal(size=[2, 63, 3]).astype(np.float32)
  turned, places = kinematics.global_transforms(
    tf.constant(rotations), tf.constant(offsets)
  )
  expected_turned, expected_places = [], []
  for j, parent in enumerate(skeleton.PARENTS):
    if parent < 0:
      expected_turned.append(rotations[:, j])
      expected_places.append(offsets[:, j])
    else:
      up = expected_turned[parent]
      expected_turned.append(up @ rotations[:, j])
      expected_places.append(
        expected_places[parent] + (up @ offsets[:, j, :, None])[..., 0]
      )
  np.testing.assert_allclose(turned, np.stack(expected_turned, 1), atol=1e-5)
  np.testing.assert_allclose(places, np.stack(expected_places, 1), atol=1e-5)


def test_mirroring_twice_is_nothing():
  rotations = _random_rotations(2, seed=5)
  mirrored = kinematics.mirror_rotations(rotations)
  np.testing.assert_allclose(
    kinematics.mirror_rotations(mirrored), rotations, atol=0
  )
  np.testing.assert_allclose(np.linalg.det(mirrored), 1.0, atol=1e-5)
