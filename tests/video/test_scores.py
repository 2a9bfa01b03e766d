"""Scores of tracks that are right, exchanged, shaken or missing."""

import numpy as np
import pytest

from hund_tf.body.model import BodyModel
from hund_tf.synthetic import clips
from hund_tf.video import scores
from hund_tf.video.scores import Found


@pytest.fixture(scope="module")
def clip():
  return clips.walking(BodyModel(), clips.PATHS[:2], 40)


def _right(clip, numbers=(7, 3)):
  """Everybody as they are, with these numbers; shapes in no order."""
  return [
    [
      Found(number, clip.joints[i, t].copy(), np.ones(16))
      for i, number in enumerate(numbers)
    ][:: 1 if t % 2 else -1]
    for t in range(40)
  ]


def test_the_truth_has_no_errors(clip):
  found = scores.score(_right(clip), clip)
  assert found.found == found.right == 1.0
  assert found.pa_mpjpe[0] < 1e-3 and found.mpjpe[0] < 1e-3
  assert found.acceleration < 1e-2 and found.shape_variance == 0.0
  assert found.frames == clip.inside.sum()


def test_exchanged_numbers_are_wrong(clip):
  frames = _right(clip)
  for t in range(30, 40):
    one, other = frames[t]
    frames[t] = [one._replace(id=other.id), other._replace(id=one.id)]
  found = scores.score(frames, clip)
  late = clip.inside[:, 30:].sum() / clip.inside.sum()
  assert found.right == pytest.approx(1.0 - late)
  assert found.found == 1.0


def test_who_is_missed_is_not_right(clip):
  frames = _right(clip)
  frames[5] = []
  found = scores.score(frames, clip)
  share = 1.0 - clip.inside[:, 5].sum() / clip.inside.sum()
  assert found.right == found.found == pytest.approx(share)
  there = scores.where_found(frames, clip)
  np.testing.assert_array_equal(there[:, 5], [False, False])
  assert there.sum() == round(share * clip.inside.sum())


def test_shaking_is_an_error_of_acceleration(clip):
  """Joints of one axis, to and fro by 1 cm: 4 cm x 30^2 = 36 m/s^2."""
  frames = _right(clip)
  for t, some in enumerate(frames):
    for one in some:
      one.joints[1:, 2] += 0.01 * (-1) ** t
  found = scores.score(frames, clip)
  pelvis = 1.0 / len(scores.JOINTS)  # it does not shake
  assert found.acceleration == pytest.approx(36.0 * (1 - pelvis), rel=1e-3)
  assert found.mpjpe[0] == pytest.approx(10.0 * (1 - pelvis), rel=1e-3)


def test_shapes_that_change_are_told(clip):
  frames = _right(clip)
  for t, some in enumerate(frames):
    for one in some:
      one.shape[:] = t % 2
  assert scores.score(frames, clip).shape_variance == pytest.approx(
    0.25, abs=0.01
  )


def test_feet_that_stand_and_are_said_to(clip):
  """All are said to stand, in the right places: the others are false."""
  frames = [
    [one._replace(stands=np.ones(2, bool)) for one in some]
    for some in _right(clip)
  ]
  found = scores.score(frames, clip)
  assert found.stand_recall == 1.0
  assert 0.3 < found.stand_precision < 0.7
  assert found.slip < 150.0 < found.slip_called
  nobody = scores.score(_right(clip), clip)
  assert nobody.slip == found.slip and nobody.stand_recall == 0.0
  assert np.isnan(nobody.slip_called) and np.isnan(nobody.stand_precision)
