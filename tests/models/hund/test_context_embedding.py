"""The context: what is made of the maps, the keypoints and the camera."""

import numpy as np

from hund_tf.compat import tf
from hund_tf.models.hund import context_embedding
from hund_tf.models.hund.context_embedding import camera_code, keypoint_code
from hund_tf.types import AlignmentTarget, Intrinsics


def test_context_codes():
  intrinsics = Intrinsics(
    tf.constant([[480.0 * np.e, 480.0]]), tf.constant([[240.0, 0.0]])
  )
  np.testing.assert_allclose(
    camera_code(intrinsics), [[0.0, -1.0, 0.0, 0.5]], atol=1e-6
  )
  target = AlignmentTarget(
    keypoints=tf.constant([[[480.0, 0.0], [99.0, 99.0]]]),
    keypoint_weights=tf.constant([[0.9, 0.0]]),
    part_probs=tf.zeros([1, 60, 60, 15]),
    part_weights=tf.zeros([1, 16]),
  )
  np.testing.assert_allclose(
    keypoint_code(target), [[0.9, -0.9, 0.0, 0.0, 0.9, 0.0]], rtol=1e-6
  )


def test_maps_are_halved_by_means():
  maps = np.random.default_rng(0).normal(size=[2, 6, 4, 3]).astype(np.float32)
  blocks = maps.reshape(2, 3, 2, 2, 2, 3)
  np.testing.assert_allclose(
    context_embedding._halve(tf.constant(maps)),
    blocks.mean(axis=(2, 4)),
    atol=1e-6,
  )
