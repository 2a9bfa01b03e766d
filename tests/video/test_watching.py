"""When frames are searched, where people are looked for, and warm starts."""

import numpy as np

from hund_tf.video.watching import Watcher
from tests.video import made


def _watch(frames, **settings):
  detector, fitter = made.Detector(), made.Fitter()
  watcher = Watcher(detector, fitter, made.INTRINSICS, **settings)
  return watcher(frames), detector, fitter


def _moving(count):
  return [made.frame(i, [(0, 10 + 3 * i, 20)]) for i in range(count)]


def test_searches_now_and_then_and_follows_in_between():
  chunk, detector, _ = _watch(_moving(25), search_every=10, together=3)
  searched = [asked is None for asked in detector.asked]
  assert sum(searched) == 3
  assert len(detector.asked) == 25
  assert chunk.owners.tolist() == list(range(25))
  places = chunk.people.state[:, -3] / 4.0 * 100.0 + 80.0
  np.testing.assert_allclose(places, 25.0 + 3 * np.arange(25), atol=1e-4)


def test_looks_where_people_will_be():
  """Frames of a batch are looked at ahead of the last one that was seen."""
  _, detector, _ = _watch(_moving(10), search_every=10, together=2)
  boxes = np.array([b[0] for b in detector.asked[3:]])
  middles = boxes[:, 0] + boxes[:, 2] / 2
  np.testing.assert_allclose(middles, 25.0 + 3 * np.arange(3, 10), atol=2.0)


def test_a_cut_is_searched():
  frames = _moving(4)
  frames += [made.frame(i, [(1, 100, 40)], back=250) for i in range(4, 8)]
  chunk, detector, _ = _watch(frames, search_every=20)
  assert [asked is None for asked in detector.asked].count(True) == 2
  assert chunk.owners.tolist() == list(range(8))


def test_who_appears_is_found_with_the_next_search():
  frames = [
    made.frame(i, [(0, 10, 20)] + ([(1, 90, 40)] if i >= 2 else []))
    for i in range(10)
  ]
  chunk, *_ = _watch(frames, search_every=5)
  counts = np.bincount(chunk.owners, minlength=10)
  assert counts.tolist() == [1] * 5 + [2] * 5


def test_warm_descents_start_from_the_last_frame():
  frames = _moving(6)
  *_, fitter = _watch(frames, search_every=6, together=1, warm=True)
  assert fitter.starts[0] == [None]
  for call, (start,) in enumerate(fitter.starts[1:], 1):
    assert start.memory[0] == call
  *_, cold = _watch(frames, search_every=6, together=1)
  assert all(start is None for row in cold.starts for start in row)


def test_nobody_is_nobody():
  chunk, *_ = _watch([made.frame(i, []) for i in range(7)])
  assert len(chunk.owners) == 0
  assert chunk.people.state.shape == (0, 204)
