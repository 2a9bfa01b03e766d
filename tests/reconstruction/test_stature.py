"""Bodies as tall as they are known to be, seen as before."""

import numpy as np
import pytest

from hund_tf.body import measures
from hund_tf.compat import tf
from hund_tf.geometry import camera, rotation
from hund_tf.reconstruction.stature import with_stature
from hund_tf.types import STATE_SIZE, HumanState, Intrinsics, state_from_vector

_CAMERA = Intrinsics(np.float32([1000, 1010]), np.float32([500, 400]))


def _person(seed: int) -> HumanState:
  vector = 0.7 * np.random.default_rng(seed).normal(size=[1, STATE_SIZE])
  state = state_from_vector(tf.constant(vector, tf.float32))._replace(
    rotation=tf.constant([[1.0, 0, 0, -1, 0.1, 0.2]]),
    translation=tf.constant([[0.4, -0.2, 4.0]]),
  )
  return HumanState(*(field.numpy()[0] for field in state))


def _seen(body_model, state):
  """The 25 keypoints of the body in the photo, pixels."""
  body = body_model.decode(HumanState(*(field[None] for field in state)))
  return camera.project(body.keypoints, _CAMERA).numpy()[0, :25]


@pytest.mark.parametrize(("seed", "ratio"), [(0, 1.12), (1, 0.93)])
def test_size_and_depth_follow_the_stature_and_the_picture_stays(
  body_model, seed, ratio
):
  state = _person(seed)
  height = ratio * measures.stature(body_model, state.shape[None]).numpy()[0]
  found = with_stature(body_model, state, _CAMERA, height)
  found = HumanState(*(field.numpy() for field in found))
  tall = measures.stature(body_model, found.shape[None])[0].numpy()
  assert tall == pytest.approx(height, abs=1e-5)
  assert found.translation[2] == pytest.approx(
    ratio * state.translation[2], rel=1e-5
  )
  # People of about 420 pixels.
  moved = np.linalg.norm(
    _seen(body_model, found) - _seen(body_model, state), axis=-1
  )
  assert moved.mean() < 0.6 and moved.max() < 2.0
  # Near the shape and the pose that were estimated; hands and face are kept.
  assert np.linalg.norm(found.shape - state.shape) < 40 * abs(ratio - 1)
  assert np.linalg.norm(found.body_pose - state.body_pose) < 0.4
  np.testing.assert_array_equal(found.left_hand, state.left_hand)
  np.testing.assert_array_equal(found.expression, state.expression)


def test_the_own_stature_changes_nothing(body_model):
  state = _person(2)
  height = measures.stature(body_model, state.shape[None])[0]
  found = with_stature(body_model, state, _CAMERA, height)
  found = HumanState(*(field.numpy() for field in found))
  turns = [
    rotation.from_6d(tf.constant(x.rotation[None])) for x in (found, state)
  ]
  np.testing.assert_allclose(*turns, atol=2e-3)
  for field, before in zip(
    found._replace(rotation=state.rotation), state, strict=True
  ):
    np.testing.assert_allclose(field, before, atol=2e-3)
