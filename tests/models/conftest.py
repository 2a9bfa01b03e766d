"""Fixtures of the learned descent's tests."""

import numpy as np
import pytest

from hund_tf.compat import tf
from hund_tf.geometry import camera
from hund_tf.models.hund import state_space
from hund_tf.types import (
  CROP_SIZE,
  MAP_SIZE,
  STATE_SIZE,
  ImageFeatures,
  Intrinsics,
  no_landmarks_3d,
)


def _heatmaps(points: np.ndarray) -> np.ndarray:
  """Gaussians `[B, 60, 60, 137]` at crop pixels `[B, 137, 2]`."""
  cells = (np.arange(MAP_SIZE) + 0.5) * CROP_SIZE / MAP_SIZE
  across = np.exp(-0.5 * ((points[..., :1] - cells) / 12.0) ** 2)
  down = np.exp(-0.5 * ((points[..., 1:] - cells) / 12.0) ** 2)
  return np.einsum("bnx,bny->byxn", across, down).astype(np.float32)


@pytest.fixture(scope="module")
def observed(full_objective):
  """Features of two people near the mean state, and their cameras."""
  model = full_objective.body_model
  mean = state_space.mean_coordinates(model)
  noise = np.random.default_rng(0).normal(0, 0.1, [2, STATE_SIZE])
  intrinsics = Intrinsics(
    tf.constant([[700.0, 700.0], [1500.0, 1500.0]]),
    tf.constant([[240.0, 240.0], [400.0, 200.0]]),
  )
  state = state_space.decode(tf.constant(mean + noise, tf.float32), intrinsics)
  body = model.decode(state, mesh=full_objective.config.mesh)
  points = camera.project(body.keypoints, intrinsics).numpy()
  features = ImageFeatures(
    heatmaps=tf.constant(_heatmaps(points)),
    heatmap_weights=tf.ones([2, 137]),
    part_probs=full_objective.render_parts(body, intrinsics)[..., :15],
    part_weights=tf.ones([2, 16]),
    features=tf.zeros([2, MAP_SIZE, MAP_SIZE, 0]),
    **no_landmarks_3d(2)._asdict(),
  )
  return features, intrinsics
