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


def test_slipping_feet_are_kept_in_place():
  seconds, places = _steps(0.1)
  found = contacts.find(places, seconds)
  moved = places + contacts.shifts(places, found, seconds)[:, None]

  def slip(points):
    speed = np.gradient(points, seconds, axis=0)
    inner = found[1:-1] & found[2:] & found[:-2]
    return np.linalg.norm(speed[1:-1][inner], axis=-1).mean()

  assert slip(places) > 0.08
  assert slip(moved) < 0.2 * slip(places)


def test_nobody_who_flies_is_moved():
  seconds = np.arange(20) / _FPS
  places = np.zeros((20, 2, 3))
  places[..., 0] = 3.0 * seconds[:, None]
  found = contacts.find(places, seconds)
  assert not found.any()
  assert not contacts.shifts(places, found, seconds).any()


def test_short_tracks_have_no_contacts():
  assert not contacts.find(np.zeros((2, 2, 3)), np.array([0.0, 0.1])).any()
