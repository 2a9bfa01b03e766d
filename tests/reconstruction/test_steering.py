"""Steering: detections and traces as they are given to the descent."""

import numpy as np
import pytest

from hund_tf.body import keypoints as table
from hund_tf.compat import tf
from hund_tf.detection.interface import Detection
from hund_tf.geometry import camera
from hund_tf.photos.corrections import Correction
from hund_tf.reconstruction import steering
from hund_tf.reconstruction.people import Person, Steered
from hund_tf.types import (
  STATE_DIMS,
  AlignmentTerms,
  HumanState,
  Intrinsics,
  RefinementState,
)


@pytest.fixture
def person():
  """Of whom a trace of 3 states and a detection are known."""
  random = np.random.default_rng(0)
  state = HumanState(*(np.zeros([3, n], np.float32) for n in STATE_DIMS))
  place = random.uniform([-1, -1, 2], [1, 1, 5], [3, 3]).astype(np.float32)
  state = state._replace(translation=place)
  zeros = np.zeros(3, np.float32)
  trace = RefinementState(
    state, AlignmentTerms(*[zeros] * 5), np.zeros([3, 2]), zeros
  )
  seen = Detection(
    np.zeros(4),
    1.0,
    np.full([137, 3], 0.5, np.float32),
    None,
    np.ones([137, 4], np.float32),
  )
  box = np.array([20.0, 40.0, 240.0, 240.0], np.float32)
  return Person(seen, box, state, None, None, trace)


def _lens(focal: float) -> Intrinsics:
  return Intrinsics(np.array([focal, focal]), np.array([150.0, 160.0]))


def test_a_corrected_keypoint_is_sure_and_its_landmark_unknown(person):
  correction = Correction({"l_knee": (7.0, 9.0)})
  found = steering.corrected(Steered(person, _lens(600.0), correction))
  row = table.INDEX["l_knee"]
  np.testing.assert_array_equal(found.keypoints[row], [7.0, 9.0, 1.0])
  assert found.landmarks_3d[row, 3] == 0.0
  others = np.arange(137) != row
  assert (found.keypoints[others] == 0.5).all()
  assert (found.landmarks_3d[others] == 1.0).all()
  before = person.detection
  assert (before.keypoints == 0.5).all() and (before.landmarks_3d == 1.0).all()


def test_another_camera_sees_a_trace_where_it_was_seen(person):
  before, now = _lens(600.0), _lens(1800.0)
  steered = Steered(person, before, Correction())
  crop = camera.crop_intrinsics(now, tf.constant(person.crop_box))
  moved = steering.seen_by(steered, crop).state.translation
  place = person.trace.state.translation
  np.testing.assert_allclose(
    camera.project(moved, now), camera.project(place, before), rtol=1e-4
  )
  np.testing.assert_allclose(moved[:, 2], 3.0 * place[:, 2], rtol=1e-5)


def test_what_was_corrected_before_stays(person):
  first = steering.asked(
    person, _lens(600.0), Correction({"nose": (1.0, 2.0)}, height_m=1.8)
  )
  again = person._replace(steered=first)
  asked = steering.asked(again, _lens(900.0), Correction(locked=("head",)))
  assert asked.found is person and asked.intrinsics is first.intrinsics
  assert asked.correction == Correction({"nose": (1.0, 2.0)}, ("head",), 1.8)
  assert steering.height(asked) == 1.8
  given = person._replace(height_m=1.7, height_given=True)
  none = steering.asked(given, _lens(600.0), Correction())
  assert steering.height(none) == 1.7
  assert steering.height(none._replace(found=person)) is None
