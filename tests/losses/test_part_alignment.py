"""The objective of hands and faces, by closed forms."""

import numpy as np
import pytest

from hund_tf.body.part_bodies import HandBody
from hund_tf.compat import tf
from hund_tf.geometry import camera, rotation
from hund_tf.losses.part_alignment import (
  PartObjective,
  PartTarget,
  root_relative,
)
from hund_tf.types import CROP_SIZE, HandState, Intrinsics


@pytest.fixture(scope="module")
def hand(body_model):
  return HandBody(body_model)


@pytest.fixture(scope="module")
def seen(hand):
  """A state, its points, the camera, and the target that it fits."""
  rng = np.random.default_rng(0)
  state = HandState(
    tf.constant(0.5 * rng.normal(size=(2, 45)), tf.float32),
    tf.constant([[1.0], [-2.0]]),
    rotation.to_6d(
      rotation.from_6d(tf.constant(rng.normal(size=(2, 6)), tf.float32))
    ),
    tf.constant([[0.1, 0.0, 1.0], [0.0, -0.1, 1.5]]),
  )
  intrinsics = Intrinsics(
    tf.fill([2, 2], 3.0 * CROP_SIZE), tf.fill([2, 2], CROP_SIZE / 2.0)
  )
  output = hand.decode(state)
  target = PartTarget(
    camera.project(output.points, intrinsics),
    tf.ones([2, 21]),
    root_relative(output.points, hand),
    tf.ones([2, 21]),
  )
  return state, output, intrinsics, target


def test_only_the_priors_are_left_at_the_truth(hand, seen):
  state, output, intrinsics, target = seen
  terms = PartObjective(hand).evaluate(output, state, target, intrinsics)
  np.testing.assert_allclose(terms.keypoint, [0, 0], atol=2e-3)
  np.testing.assert_allclose(terms.landmark, [0, 0], atol=2e-2)
  np.testing.assert_allclose(terms.shape_prior, [1.0, 4.0], rtol=1e-6)
  np.testing.assert_allclose(
    terms.pose_prior, tf.reduce_sum(state.pose**2, -1), rtol=1e-6
  )


def test_the_size_of_landmarks_does_not_count(hand, seen):
  state, output, intrinsics, target = seen
  larger = target._replace(landmarks=1.3 * target.landmarks)
  terms = PartObjective(hand).evaluate(output, state, larger, intrinsics)
  np.testing.assert_allclose(terms.landmark, [0, 0], atol=2e-2)


def test_terms_are_means_of_known_points(hand, seen):
  state, output, intrinsics, target = seen
  moved = target.keypoints + tf.constant([3.0, 4.0])
  weights = tf.one_hot([3, 3], 21) * 0.5
  changed = target._replace(
    keypoints=tf.where(tf.one_hot([3, 3], 21)[..., None] > 0, moved, 0.0),
    weights=weights,
  )
  terms = PartObjective(hand).evaluate(output, state, changed, intrinsics)
  np.testing.assert_allclose(terms.keypoint, [5.0, 5.0], rtol=1e-3)
  unknown = target._replace(
    weights=tf.zeros([2, 21]), landmark_weights=tf.zeros([2, 21])
  )
  terms = PartObjective(hand).evaluate(output, state, unknown, intrinsics)
  assert np.all(terms.keypoint.numpy() == 0.0)
  assert np.all(terms.landmark.numpy() == 0.0)
