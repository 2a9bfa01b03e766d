"""Smoothing: the gain of the filter it claims to be, no lag, gaps, One-Euro."""

import numpy as np
import pytest
from scipy import signal
from scipy.spatial.transform import Rotation

from hund_tf.video import motion

_FPS = 30.0


def _times(count):
  return np.arange(count) / _FPS


def _smoothed(values, cutoff, seconds=None, weights=None):
  seconds = _times(len(values)) if seconds is None else seconds
  weights = np.ones(len(values)) if weights is None else weights
  return motion.smoothed(values, seconds, cutoff, weights)


@pytest.mark.parametrize("frequency", [1.0, 3.0, 6.0])
def test_gain_is_that_of_a_butterworth_filter_run_twice(frequency):
  seconds = _times(600)
  wave = np.sin(2.0 * np.pi * frequency * seconds)
  found = _smoothed(wave, 3.0)[100:-100]
  b, a = signal.butter(2, 3.0, fs=_FPS)
  expected = signal.filtfilt(b, a, wave)[100:-100]
  np.testing.assert_allclose(found, expected, atol=0.06)
  if frequency == 3.0:
    # Half of the amplitude, and no lag.
    np.testing.assert_allclose(found, 0.5 * wave[100:-100], atol=2e-3)


def test_lines_stay_also_with_uneven_times_and_gaps():
  random = np.random.default_rng(0)
  seconds = np.cumsum(random.uniform(0.01, 0.08, 50))
  line = np.stack([2.0 * seconds - 1.0, 5.0 - seconds], axis=1)
  weights = random.uniform(0.2, 2.0, 50)
  weights[10:20] = 0.0
  hidden = np.where(weights[:, None] > 0.0, line, 77.0)
  found = _smoothed(hidden, 2.0, seconds, weights)
  np.testing.assert_allclose(found, line, atol=1e-3)


def test_unsure_samples_count_less():
  values = np.zeros(41)
  values[20] = 1.0
  weights = np.ones(41)
  sure = _smoothed(values, 4.0)[20]
  weights[20] = 0.1
  assert _smoothed(values, 4.0, weights=weights)[20] < 0.2 * sure


def test_nothing_is_smoothed_at_cutoff_0_but_gaps_are_filled():
  values = np.array([0.0, 9.0, 4.0, 1.0])
  weights = np.array([1.0, 0.0, 1.0, 1.0])
  np.testing.assert_allclose(
    _smoothed(values, 0.0, weights=weights), [0.0, 2.0, 4.0, 1.0]
  )


def test_refuses_to_invent_a_motion():
  with pytest.raises(ValueError, match="expected one above 0"):
    _smoothed(np.zeros(4), 3.0, weights=np.zeros(4))


def test_a_steady_turn_is_kept_and_bridged():
  angles = np.linspace(0.0, 3.0 * np.pi, 60)
  turns = Rotation.from_rotvec(angles[:, None] * [0.0, 0.6, 0.8]).as_matrix()
  weights = np.ones(60)
  weights[30:34] = 0.0
  broken = turns.copy()
  broken[30:34] = np.eye(3)
  found = motion.smoothed_rotations(broken[:, None], _times(60), 8.0, weights)[
    :, 0
  ]
  off = (
    Rotation.from_matrix(found[5:-5]) * Rotation.from_matrix(turns[5:-5]).inv()
  )
  assert np.degrees(off.magnitude().max()) < 0.5
  np.testing.assert_allclose(
    found @ found.transpose(0, 2, 1), np.tile(np.eye(3), [60, 1, 1]), atol=1e-9
  )


def test_bridge_is_a_slerp():
  ends = Rotation.from_euler("y", [[0.0], [90.0]], degrees=True).as_matrix()
  given = np.stack([ends[0], np.eye(3), np.eye(3), ends[1]])[:, None]
  known = np.array([True, False, False, True])
  found = motion.bridged(given, np.array([0.0, 1.0, 2.0, 3.0]), known)[:, 0]
  angles = np.degrees(Rotation.from_matrix(found).magnitude())
  np.testing.assert_allclose(angles, [0.0, 30.0, 60.0, 90.0], atol=1e-6)


def test_one_euro_without_slope_is_an_exponential_filter():
  random = np.random.default_rng(1)
  values = random.normal(size=20)
  one = motion.OneEuro(2.0, 0.0)
  found = [one(v, t) for v, t in zip(values, _times(20), strict=True)]
  share = 1.0 / (1.0 + _FPS / (2.0 * np.pi * 2.0))
  expected = [values[0]]
  for value in values[1:]:
    expected.append(expected[-1] + share * (value - expected[-1]))
  np.testing.assert_allclose(found, expected)


def test_one_euro_lags_less_the_faster_the_motion():
  def lag(slope):
    one = motion.OneEuro(1.0, slope)
    return 3.0 * 59 / _FPS - [one(3.0 * t, t) for t in _times(60)][-1]

  assert 0.0 < lag(5.0) < 0.3 * lag(0.0)


def test_joints_that_jump_for_a_moment_are_not_followed():
  """A turned-over joint in 2 of 60 frames hardly moves the others."""
  angles = 0.4 * np.sin(2.0 * np.pi * 0.8 * _times(60))
  turns = Rotation.from_rotvec(angles[:, None] * [1.0, 0.0, 0.0]).as_matrix()
  broken = turns.copy()
  broken[[20, 41]] = Rotation.from_euler("x", 120, degrees=True).as_matrix()
  found = motion.smoothed_rotations(
    broken[:, None], _times(60), 4.0, np.ones(60)
  )[:, 0]
  off = Rotation.from_matrix(found) * Rotation.from_matrix(turns).inv()
  assert np.degrees(off.magnitude().max()) < 6.0


def test_each_joint_has_weights_of_its_own():
  """What is known badly of one joint is not taken from another."""
  angles = np.zeros((60, 2, 1))
  angles[30] = 0.09
  turns = Rotation.from_rotvec(
    angles.reshape(-1, 1) * [1.0, 0.0, 0.0]
  ).as_matrix()
  weights = np.ones((60, 2))
  weights[30, 1] = 0.05
  found = motion.smoothed_rotations(
    turns.reshape(60, 2, 3, 3), _times(60), 4.0, weights
  )[30]
  sure, unsure = Rotation.from_matrix(found).magnitude()
  assert unsure < 0.25 * sure


def test_fast_motion_is_smoothed_as_said():
  """The distrust of what is far off does not eat a wave below the cutoff."""
  seconds = _times(200)
  angles = 0.7 * np.sin(2.0 * np.pi * 2.0 * seconds)
  turns = Rotation.from_rotvec(angles[:, None] * [0.0, 1.0, 0.0]).as_matrix()
  found = motion.smoothed_rotations(turns[:, None], seconds, 4.0, np.ones(200))
  size = Rotation.from_matrix(found[20:-20, 0]).magnitude().max()
  assert size > 0.9 * 0.7 / (1.0 + 0.5**4)
