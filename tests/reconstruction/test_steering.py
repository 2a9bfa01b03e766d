"""Steering: detections and traces as they are given to the descent."""

import numpy as np

from hund_tf.body import keypoints as table
from hund_tf.compat import tf
from hund_tf.detection.interface import Detection
from hund_tf.geometry import camera
from hund_tf.photos.corrections import Correction
from hund_tf.reconstruction import steering
from hund_tf.types import (
  STATE_DIMS,
  AlignmentTerms,
  HumanState,
  Intrinsics,
  RefinementState,
)


def test_a_corrected_keypoint_is_sure_and_its_landmark_unknown():
  points = np.full([137, 3], 0.5, np.float32)
  spatial = np.ones([137, 4], np.float32)
  seen = Detection(np.zeros(4), 1.0, points, None, spatial)
  found = steering.corrected(seen, Correction({"l_knee": (7.0, 9.0)}))
  row = table.INDEX["l_knee"]
  np.testing.assert_array_equal(found.keypoints[row], [7.0, 9.0, 1.0])
  assert found.landmarks_3d[row, 3] == 0.0
  others = np.arange(137) != row
  assert (found.keypoints[others] == 0.5).all()
  assert (found.landmarks_3d[others] == 1.0).all()
  assert (points == 0.5).all() and (spatial == 1.0).all()


def test_another_camera_sees_a_trace_where_it_was_seen():
  random = np.random.default_rng(0)
  state = HumanState(*(np.zeros([3, n], np.float32) for n in STATE_DIMS))
  place = random.uniform([-1, -1, 2], [1, 1, 5], [3, 3]).astype(np.float32)
  state = state._replace(translation=place)
  zeros = np.zeros(3, np.float32)
  terms = AlignmentTerms(*[zeros] * 5)
  trace = RefinementState(state, terms, np.zeros([3, 2]), zeros)
  before, now = (
    Intrinsics(tf.constant([[f, f]]), tf.constant([[240.0, 200.0]]))
    for f in (600.0, 1800.0)
  )
  moved = steering.seen_by(trace, before, now).state.translation
  assert moved.shape == [1, 3, 3]
  np.testing.assert_allclose(
    camera.project(moved, now), camera.project(place[None], before), rtol=1e-4
  )
  np.testing.assert_allclose(moved[0, :, 2], 3.0 * place[:, 2], rtol=1e-5)
