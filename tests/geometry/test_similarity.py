"""Best similarities: known ones, and those of the metric."""

import numpy as np
import pytest
import scipy.spatial.transform

from hund_tf.compat import tf
from hund_tf.evaluation import metrics
from hund_tf.geometry.similarity import best_similarity


def _centred(points: np.ndarray, weights: np.ndarray) -> np.ndarray:
  middle = np.einsum("n,bni->bi", weights / weights.sum(), points)
  return (points - middle[:, None]).astype(np.float32)


@pytest.fixture
def random():
  return np.random.default_rng(0)


def test_a_known_similarity_is_found(random):
  """Small and half turns, and points in a plane."""
  rotation = scipy.spatial.transform.Rotation
  turns = rotation.concatenate(
    [
      rotation.identity(),
      rotation.from_rotvec([np.pi, 0, 0]),
      rotation.from_rotvec([0, 1e-3, 0]),
      rotation.random(5, random_state=1),
    ]
  ).as_matrix()
  scales = random.uniform(0.5, 2.0, len(turns))
  weights = random.uniform(0.1, 1.0, 9).astype(np.float32)
  points = _centred(random.normal(size=[len(turns), 9, 3]), weights)
  points[-1, :, 2] = 0.0
  truth = scales[:, None, None] * np.einsum("bij,bnj->bni", turns, points)
  scale, found = best_similarity(
    tf.constant(points), tf.constant(truth, tf.float32), tf.constant(weights)
  )
  np.testing.assert_allclose(scale, scales, rtol=1e-4)
  np.testing.assert_allclose(found, turns, atol=2e-3)


@pytest.mark.parametrize("mirrored", [False, True])
def test_it_is_that_of_the_metric(random, mirrored):
  """Noisy points, and such that a reflection would fit better."""
  points = random.normal(size=[32, 14, 3])
  truth = points + 0.4 * random.normal(size=points.shape)
  if mirrored:
    truth[..., 0] *= -1.0
  weights = np.ones(14, np.float32)
  points, truth = _centred(points, weights), _centred(truth, weights)
  scale, turn = best_similarity(
    tf.constant(points), tf.constant(truth), tf.constant(weights)
  )
  np.testing.assert_allclose(tf.linalg.det(turn), 1.0, rtol=1e-4)
  moved = np.einsum("b,bij,bnj->bni", scale, turn, points)
  expected = metrics.procrustes_align(points, truth)
  cost = lambda p: ((p - truth) ** 2).sum(axis=(1, 2))
  np.testing.assert_allclose(cost(moved), cost(expected), rtol=1e-3)
  if not mirrored:
    np.testing.assert_allclose(moved, expected, atol=1e-3)


def test_it_compiles(random):
  points = random.normal(size=[3, 5, 3]).astype(np.float32)
  truth = random.normal(size=[3, 5, 3]).astype(np.float32)
  arguments = [tf.constant(points), tf.constant(truth), tf.ones([5])]
  compiled = tf.function(best_similarity, jit_compile=True, autograph=False)
  for one, other in zip(
    best_similarity(*arguments), compiled(*arguments), strict=True
  ):
    np.testing.assert_allclose(one, other, atol=1e-4)
