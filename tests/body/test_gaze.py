"""Gaze: where pupils go, what stays, and how eyes turn."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from hund_tf.body import gaze, keypoints, kinematics, skeleton
from hund_tf.compat import tf
from hund_tf.types import EXPRESSION_DIM, NUM_JOINTS, SHAPE_DIM

_PUPILS = [keypoints.FACE.start + 68, keypoints.FACE.start + 69]  # right, left
_EYES = [skeleton.INDEX["l_eye"], skeleton.INDEX["r_eye"]]


def _forward(values) -> np.ndarray:
  """Where the left eye looks, `[B, 3]` in the head's frame."""
  return gaze.eye_rotations(tf.constant(values, tf.float32)).numpy()[:, 0, :, 2]


def test_eyes_turn_by_the_angle_that_the_values_say():
  for values, expected in (
    ((0.0, 0.0), (0, 0, 1)),
    ((2.0, 0.0), (np.sin(0.4), 0, np.cos(0.4))),  # to the left
    ((0.0, 1.0), (0, np.sin(0.2), np.cos(0.2))),  # up
  ):
    np.testing.assert_allclose(_forward([values])[0], expected, atol=1e-6)
  both = gaze.eye_rotations(tf.constant([[1.5, -1.0]])).numpy()[0]
  expected = Rotation.from_rotvec([0.2, 0.3, 0.0]).as_matrix()
  np.testing.assert_allclose(both, [expected, expected], atol=1e-6)


def test_gradients_are_finite_and_right_at_rest():
  values = tf.zeros([1, 2])
  with tf.GradientTape() as tape:
    tape.watch(values)
    turned = gaze.eye_rotations(values)[:, 0, :, 2]
  slope = tape.jacobian(turned, values).numpy()[0, :, 0]
  np.testing.assert_allclose(slope, [[0.2, 0], [0, 0.2], [0, 0]], atol=1e-6)


def test_only_the_eyes_of_the_rotations_change():
  random = np.random.default_rng(0)
  rotations = Rotation.random(2 * NUM_JOINTS, random_state=0).as_matrix()
  rotations = rotations.reshape(2, NUM_JOINTS, 3, 3).astype(np.float32)
  values = random.normal(size=(2, 2)).astype(np.float32)
  turned = gaze.with_gaze(tf.constant(rotations), tf.constant(values)).numpy()
  others = np.delete(np.arange(NUM_JOINTS), _EYES)
  np.testing.assert_array_equal(turned[:, others], rotations[:, others])
  np.testing.assert_array_equal(turned[:, _EYES], gaze.eye_rotations(values))
  # The mirror image looks to the other side.
  mirrored = kinematics.mirror_rotations(tf.constant(turned)).numpy()
  np.testing.assert_allclose(
    mirrored[:, _EYES],
    gaze.eye_rotations(tf.constant(values * [-1, 1])),
    atol=1e-6,
  )


@pytest.mark.parametrize(
  "values, direction", [((1, 0), (1, 0)), ((-1, 0), (-1, 0)), ((0, 1), (0, 1))]
)
def test_pupils_of_the_mesh_follow(body_model, values, direction):
  identity = tf.eye(3, batch_shape=[2, NUM_JOINTS])
  rotations = gaze.with_gaze(
    identity, tf.constant([[0, 0], values], tf.float32)
  )
  body = body_model.pose(
    rotations,
    tf.zeros([2, SHAPE_DIM]),
    tf.zeros([2, EXPRESSION_DIM]),
    tf.eye(3, batch_shape=[2]),  # the body's frame: x left, y up
    tf.zeros([2, 3]),
  )
  straight, turned = body.keypoints.numpy()
  moved = (turned - straight)[_PUPILS]
  centre = body.joints.numpy()[0][_EYES[::-1]]
  radius = np.linalg.norm(straight[_PUPILS] - centre, axis=-1)
  assert ((0.008 < radius) & (radius < 0.016)).all()  # an eyeball's
  for pupil, reach in zip(moved, radius, strict=True):
    np.testing.assert_allclose(
      pupil[:2], reach * np.sin(0.2) * np.array(direction), atol=1e-3
    )
  eyes = [keypoints.INDEX["l_eye"], keypoints.INDEX["r_eye"]]  # of BODY_25
  rest = np.delete(np.arange(len(straight)), _PUPILS + eyes)
  np.testing.assert_allclose(turned[rest], straight[rest], atol=2e-5)
