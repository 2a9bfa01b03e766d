"""What the descent reads of 3D landmarks."""

import numpy as np
import pytest

from hund_tf.body import keypoints as table
from hund_tf.body.landmarks_3d import viewed_landmarks
from hund_tf.compat import tf, tf_keras
from hund_tf.models.hund import weights
from hund_tf.models.hund.config import HundConfig
from hund_tf.models.hund.evidence_3d import (
  CODE_SIZE,
  evidence_code,
  evidence_inputs,
  evidence_of,
)
from hund_tf.models.hund.model import HundModel, blank_inputs
from hund_tf.types import CROP_SIZE, Intrinsics


@pytest.fixture(scope="module")
def body(keypoint_objective, observed):
  state = HundModel(keypoint_objective)(*observed, num_stages=0).state
  state = tf.nest.map_structure(lambda x: x[:, 0], state)
  random = np.random.default_rng(3)
  pose = state.body_pose + random.normal(0.0, 0.5, state.body_pose.shape)
  state = state._replace(body_pose=tf.cast(pose, tf.float32))
  return keypoint_objective.body_model.decode(state, mesh="proxy_1500")


@pytest.fixture(scope="module")
def intrinsics():
  """Crops far from the middles of their photos."""
  center = tf.constant([[900.0, 100.0], [-200.0, 240.0]])
  return Intrinsics(tf.fill([2, 2], 2.0 * CROP_SIZE), center)


def _features(body, intrinsics, scale=1.0, weight=1.0):
  features, _ = blank_inputs(HundConfig(), 2)
  return features._replace(
    landmarks_3d=scale * viewed_landmarks(body.keypoints, intrinsics),
    landmark_3d_weights=tf.fill([2, 137], weight),
  )


@pytest.mark.parametrize("scale", [1.0, 0.9])
def test_a_body_agrees_with_its_own_landmarks(body, intrinsics, scale):
  """At any scale, which is told apart."""
  evidence = evidence_of(_features(body, intrinsics, scale), intrinsics)
  whole, details = evidence_inputs(body, evidence)
  assert whole.shape == (2, 76) and details.shape == (2, 336)
  np.testing.assert_allclose(whole[:, :75], 0.0, atol=5e-3)
  np.testing.assert_allclose(details, 0.0, atol=0.05)
  larger = np.arcsinh((1.0 / scale - 1.0) / 0.1)
  np.testing.assert_allclose(whole[:, 75], larger, atol=2e-3)


def test_differences_are_those_of_the_camera_frame(body, intrinsics):
  evidence = evidence_of(_features(body, intrinsics), intrinsics)
  row = table.INDEX["l_wrist"]
  moved = np.zeros([2, 137, 3], np.float32)
  moved[:, row] = [0.0, 0.0, -0.02]
  nearer = body._replace(keypoints=body.keypoints + moved)
  before, after = (
    evidence_inputs(b, evidence)[0].numpy()[:, :75].reshape(2, 25, 3)
    for b in (body, nearer)
  )
  change = after[:, row] - before[:, row]
  np.testing.assert_allclose(change[:, :2], 0.0, atol=0.03)
  np.testing.assert_allclose(change[:, 2], -np.arcsinh(0.4), atol=0.03)


def test_unknown_landmarks_say_nothing(body, intrinsics):
  features = _features(body, intrinsics, weight=0.0)
  evidence = evidence_of(features, intrinsics)
  for values in (*evidence_inputs(body, evidence), evidence_code(evidence)):
    assert not values.numpy().any()


def test_the_code_holds_places_and_weights(body, intrinsics):
  features = _features(body, intrinsics, weight=0.4)
  evidence = evidence_of(features, intrinsics)
  code = evidence_code(evidence).numpy()
  assert code.shape == (2, CODE_SIZE)
  np.testing.assert_allclose(code[:, 75:], 0.4, rtol=1e-6)
  hips = [table.INDEX[f"{side}_hip"] for side in "lr"]
  points = body.keypoints.numpy()
  nose = points[:, 0] - points[:, hips].mean(axis=1)
  np.testing.assert_allclose(code[:, :3], 2.0 * 0.8 * nose, atol=1e-5)


def test_the_descent_goes_by_known_landmarks_only(
  keypoint_objective, observed, body
):
  features, intrinsics = observed
  tf_keras.utils.set_random_seed(0)
  model = HundModel(keypoint_objective)
  model.cell._update.kernel.assign_add(tf.random.normal([256, 204], 0.0, 0.05))
  landmarks = viewed_landmarks(body.keypoints, intrinsics)

  def states(weight):
    told = features._replace(
      landmarks_3d=landmarks, landmark_3d_weights=tf.fill([2, 137], weight)
    )
    return model(told, intrinsics, num_stages=2).state.body_pose

  alone = model(features, intrinsics, num_stages=2).state.body_pose
  np.testing.assert_array_equal(states(0.0), alone)
  assert np.abs(states(1.0) - alone).max() > 1e-3


def test_weights_of_a_descent_without_landmarks_continue(
  keypoint_objective, observed, tmp_path
):
  """The errors of face and hands are squeezed: exactly, if they have room."""
  tf_keras.utils.set_random_seed(1)
  older = HundModel(
    keypoint_objective, HundConfig(landmark_inputs=False, squeezed_details=0)
  )
  older.cell._update.kernel.assign_add(tf.random.normal([256, 204], 0.0, 0.05))
  kernel = older.cell.input_kernel.numpy()
  details = slice(204 + 55, 204 + 279)
  random = np.random.default_rng(0)
  left, right = (random.normal(0.0, 0.2, [n, 30]) for n in (224, 256))
  kernel[details] = left @ right.T
  older.cell.input_kernel.assign(kernel)
  weights.save(older, tmp_path / "older.npz")
  newer = HundModel(keypoint_objective)
  assert weights.assign_fitting(newer, tmp_path / "older.npz") == []
  np.testing.assert_allclose(
    newer(*observed, num_stages=2).state.body_pose,
    older(*observed, num_stages=2).state.body_pose,
    atol=2e-3,
  )
