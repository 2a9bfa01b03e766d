"""Numbers of people who cross, leave, return, and of other scenes."""

import numpy as np

from hund_tf.video.looks import apart
from hund_tf.video.tracker import Seen, Tracker

_CLOTHES = np.eye(128, dtype=np.float32)[[3, 40, 9]]
_CLOTHES = _CLOTHES + np.eye(128, dtype=np.float32)[[70, 100, 127]]


def _seen(people):
  """Of (x in metres, depth, number of the clothes)."""
  boxes = [[640 + 400 * x / z, 100, 600 / z, 1600 / z] for x, z, _ in people]
  return Seen(
    np.reshape(boxes, (-1, 4)),
    np.reshape([(x, 0.0, z) for x, z, _ in people], (-1, 3)),
    np.zeros((len(people), 16)),
    _CLOTHES[[c for *_, c in people]] if people else np.zeros((0, 128)),
  )


def test_people_who_cross_keep_their_numbers():
  tracker = Tracker()
  for i in range(60):
    x = -2.0 + 4.0 * i / 59
    # The order in which they are found changes.
    people = [(x, 4.0, 0), (-x, 4.5, 1)]
    ids = tracker(i / 30.0, _seen(people[:: 1 if i % 2 else -1]), False)
    first, second = ids[:: 1 if i % 2 else -1]
    if i == 0:
      expected = first, second
    assert (first, second) == expected


def test_who_is_hidden_for_a_moment_keeps_the_number():
  tracker = Tracker()
  ids = [tracker(0.0, _seen([(0.0, 4.0, 0), (1.0, 4.0, 1)]), False)]
  assert tracker(0.1, _seen([(0.0, 4.0, 0)]), False) == ids[0][:1]
  again = tracker(0.6, _seen([(1.1, 4.0, 1), (0.0, 4.0, 0)]), False)
  assert again == ids[0][::-1]


def test_who_returns_in_the_same_clothes_has_the_old_number():
  tracker = Tracker()
  (old,) = tracker(0.0, _seen([(-2.0, 4.0, 1)]), False)
  assert tracker(5.0, _seen([(2.0, 5.0, 1), (0.0, 5.0, 2)]), False)[0] == old
  assert tracker(5.1, _seen([(0.0, 5.0, 2)]), False)[0] != old


def test_a_cut_gives_new_numbers():
  tracker = Tracker()
  first = tracker(0.0, _seen([(0.0, 4.0, 0)]), False)
  assert tracker(0.1, _seen([(0.0, 4.0, 0)]), True) != first


def test_nobody_is_no_matter():
  tracker = Tracker()
  assert tracker(0.0, _seen([]), False) == []
  (first,) = tracker(0.1, _seen([(0.0, 4.0, 0)]), False)
  assert tracker(0.2, _seen([]), False) == []
  assert tracker(0.3, _seen([(0.0, 4.0, 0)]), False) == [first]


def test_looks_are_apart_from_0_to_1():
  np.testing.assert_allclose(apart(_CLOTHES[0], _CLOTHES), [0, 1, 1], atol=1e-6)
