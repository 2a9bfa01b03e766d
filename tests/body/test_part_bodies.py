"""A hand and a face by themselves are those of the whole body."""

import numpy as np
import pytest

from hund_tf.body import gaze, kinematics, part_bodies, skeleton
from hund_tf.body import keypoints as table
from hund_tf.compat import tf
from hund_tf.geometry import rotation
from hund_tf.types import (
  SHAPE_DIM,
  STATE_DIMS,
  FaceState,
  HandState,
  HumanState,
)

_PEOPLE = 3


def _people(seed: int, mean_shape: bool) -> HumanState:
  rng = np.random.default_rng(seed)
  state = HumanState(
    *(
      tf.constant(rng.normal(size=(_PEOPLE, size)), tf.float32)
      for size in STATE_DIMS
    )
  )
  if mean_shape:
    state = state._replace(shape=tf.zeros([_PEOPLE, SHAPE_DIM]))
  return state


def _turned(rotations, joint: str) -> tf.Tensor:
  """6D rotation of a joint to the camera."""
  still = tf.zeros([_PEOPLE, len(skeleton.NAMES), 3])
  chained, _ = kinematics.global_transforms(rotations, still)
  return rotation.to_6d(chained[:, skeleton.INDEX[joint]])


def test_a_hand_is_the_right_hand_of_the_mean_body(body_model):
  state = _people(0, mean_shape=True)
  body = body_model.decode(state)
  hand = part_bodies.HandBody(body_model)
  found = hand.decode(
    HandState(
      state.right_hand,
      tf.zeros([_PEOPLE, 1]),
      _turned(body.rotations, "r_wrist"),
      body.joints[:, skeleton.INDEX["r_wrist"]],
    )
  )
  np.testing.assert_allclose(
    found.points, body.keypoints[:, table.RIGHT_HAND], atol=2e-5
  )
  own = tf.gather(body.vertices, hand.vertex_ids, axis=1)
  # Some of the skin at the wrist hangs on the forearm as well.
  apart = np.linalg.norm(found.vertices - own, axis=-1)
  assert apart.mean() < 2e-4 and np.median(apart) < 1e-5
  np.testing.assert_allclose(
    found.rotations[:, 1:],
    tf.gather(body.rotations, hand.joint_ids[1:], axis=1),
    atol=1e-5,
  )


def test_the_size_of_a_hand_is_a_factor(body_model):
  hand = part_bodies.HandBody(body_model)
  rng = np.random.default_rng(1)
  pose = tf.constant(rng.normal(size=(1, 45)), tf.float32)
  turn = rotation.to_6d(tf.eye(3)[None])
  make = lambda size: hand.decode(
    HandState(pose, tf.constant([[size]]), turn, tf.zeros([1, 3]))
  )
  np.testing.assert_allclose(
    make(2.0).points, np.exp(0.2) * make(0.0).points, atol=1e-6
  )


def test_a_face_is_that_of_the_body_and_its_eyes_turn(body_model):
  state = _people(2, mean_shape=False)
  rng = np.random.default_rng(3)
  looks = tf.constant(rng.normal(size=(_PEOPLE, 2)), tf.float32)
  rotations = gaze.with_gaze(body_model.rotations(state), looks)
  body = body_model.pose_driven(
    rotations, state.shape, state.expression, state.translation
  )
  face = part_bodies.FaceBody(body_model)
  found = face.decode(
    FaceState(
      state.expression,
      state.shape,
      looks,
      _turned(rotations, "head"),
      body.joints[:, skeleton.INDEX["head"]],
    )
  )
  apart = np.linalg.norm(found.points - body.keypoints[:, table.FACE], axis=-1)
  assert apart[:, 17:].max() < 1e-4  # all but the contour, which neck moves too
  assert apart.max() < 5e-3


def test_no_other_parts(body_model):
  with pytest.raises(
    ValueError, match="part: got 'foot', expected.*hand, face"
  ):
    part_bodies.part_body("foot", body_model)
