"""Standing feet stay; the rest of the motion does too."""

import numpy as np

from hund_tf.video import contacts

_FPS = 30.0


def _steps(slip):
  """Two feet that stand in turn for half a second, y down; slip in m/s."""
  seconds = np.arange(90) / _FPS
  places = np.zeros((90, 2, 3))
  for foot in range(2):
    phase = seconds + 0.5 * foot
    stride = np.floor(phase)
    swing = np.clip((phase - stride) / 0.5 - 1.0, 0.0, 1.0)
    places[:, foot, 0] = 1.2 * (stride + swing) + slip * seconds
    places[:, foot, 1] = 1.0 - 0.3 * np.sin(np.pi * swing)
    places[:, foot, 2] = 4.0
  return seconds, places


def test_finds_who_stands():
  seconds, places = _steps(0.0)
  found = contacts.find(places, seconds)
  standing = np.abs(np.gradient(places[..., 0], axis=0)) < 1e-9
  assert np.mean(found == standing) > 0.9


def _pelvis(count):
  return np.tile([0.0, 0.0, 4.0], [count, 1])


def _slip(places, found):
  """Mean speed of standing feet, m/s."""
  both = found[1:] & found[:-1]
  return _FPS * np.linalg.norm(np.diff(places, axis=0), axis=-1)[both].mean()


def test_slipping_feet_are_kept_in_place():
  seconds, places = _steps(0.1)
  found = contacts.find(places, seconds)
  moved, left = contacts.corrections(
    places, found, _pelvis(len(seconds)), seconds
  )
  kept = places + moved[:, None] + left
  assert _slip(places, found) > 0.08
  assert _slip(kept, found) < 0.2 * _slip(places, found)
  # Nobody jumps: the fastest change is not far from that of the feet.
  assert (
    _FPS * np.abs(np.diff(moved + 0.5 * left.sum(axis=1), axis=0)).max() < 1.0
  )


def test_a_distance_that_sways_is_the_bodys_not_the_legs():
  """Both feet stand; what moves them all is the badly known depth."""
  seconds = np.arange(60) / _FPS
  places = np.zeros((60, 2, 3))
  places[:, 1, 0] = 0.3
  places[..., 2] = 4.0 + 0.1 * np.sin(2.0 * np.pi * 0.5 * seconds)[:, None]
  found = np.ones((60, 2), bool)
  moved, left = contacts.corrections(places, found, _pelvis(60), seconds)
  kept = places + moved[:, None]
  assert np.ptp(kept[..., 2], axis=0).max() < 0.005
  assert np.abs(left).max() < 0.005


def test_a_slow_foot_that_goes_far_stands_anew():
  seconds = np.arange(120) / _FPS
  places = np.zeros((120, 2, 3))
  places[:, 0, 0] = 0.25 * seconds
  found = contacts.find(places, seconds)
  assert found[:, 1].all()
  starts = np.diff(found[:, 0].astype(int))
  assert 4 <= np.sum(starts > 0) <= 6 and found[:, 0].mean() > 0.9


def test_nobody_who_flies_is_moved():
  seconds = np.arange(20) / _FPS
  places = np.zeros((20, 2, 3))
  places[..., 0] = 3.0 * seconds[:, None]
  found = contacts.find(places, seconds)
  assert not found.any()
  moved, left = contacts.corrections(places, found, _pelvis(20), seconds)
  assert not moved.any() and not left.any()


def test_short_tracks_have_no_contacts():
  assert not contacts.find(np.zeros((2, 2, 3)), np.array([0.0, 0.1])).any()
