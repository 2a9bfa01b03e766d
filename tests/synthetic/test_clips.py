"""People who walk: standing feet stay, two cross, one leaves and returns."""

import numpy as np
import pytest

from hund_tf.body import keypoints
from hund_tf.body.model import BodyModel
from hund_tf.compat import tf
from hund_tf.geometry import camera
from hund_tf.synthetic import clips
from hund_tf.types import state_from_vector


@pytest.fixture(scope="module")
def body_model():
  return BodyModel()


@pytest.fixture(scope="module")
def clip(body_model):
  return clips.walking(body_model)


def test_two_cross_and_one_leaves_and_returns(clip):
  x = clip.states[:, :, -3]
  assert x[0, 0] < x[1, 0] and x[0, -1] > x[1, -1]
  out = np.flatnonzero(~clip.inside[2])
  assert clip.inside[2, 0] and clip.inside[2, -1]
  assert len(out) > 20 and np.all(np.diff(out) == 1)


def test_standing_feet_do_not_slide(body_model, clip):
  for states in clip.states:
    body = body_model.decode(
      state_from_vector(tf.constant(states)), "proxy_1500"
    )
    points = body.keypoints.numpy()
    rows = [
      [keypoints.INDEX[f"{s}_{n}"] for n in ("heel", "big_toe")] for s in "lr"
    ]
    soles = points[:, np.array(rows)].mean(axis=2)
    steps = np.linalg.norm(np.diff(soles[..., [0, 2]], axis=0), axis=-1)
    # At each time one of them hardly moves.
    assert np.percentile(steps.min(axis=1), 95) < 0.006
    # Nobody sinks into the floor, or flies.
    lowest = points[:, np.ravel(rows), 1].max(axis=1)
    np.testing.assert_allclose(lowest, 1.25, atol=1e-3)


def test_joints_and_boxes_are_those_of_the_states(body_model, clip):
  state = state_from_vector(tf.constant(clip.states[1, 10:11]))
  body = body_model.decode(state, "proxy_1500")
  np.testing.assert_allclose(clip.joints[1, 10], body.joints[0], atol=1e-5)
  pixels = camera.project(body.keypoints, clip.intrinsics).numpy()[0]
  low, size = clip.boxes[1, 10, :2], clip.boxes[1, 10, 2:]
  assert np.all((pixels > low) & (pixels < low + size))


def test_a_captured_walk_is_played_to_and_fro(body_model):
  motion = clips.gait(np.linspace(0.0, 1.0, 12))
  path = clips.Path((0.0, 5.0), ((0.0, 90.0),), 0.0, 1)
  clip = clips.walking(body_model, [path], 30, motion)
  pose = clip.states[0, :, :69]
  np.testing.assert_allclose(pose[12], pose[10], atol=1e-4)
  np.testing.assert_allclose(pose[22], pose[0], atol=1e-4)
