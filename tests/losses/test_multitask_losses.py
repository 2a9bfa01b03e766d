"""Losses of the multitask network against numpy and closed forms."""

import numpy as np
import pytest

from hund_tf.compat import tf
from hund_tf.losses import multitask
from hund_tf.losses.heatmaps import render_heatmaps
from hund_tf.losses.multitask import MultitaskLossConfig


def _logit(p):
  p = np.clip(p, 1e-6, 1.0 - 1e-6)
  return np.log(p / (1.0 - p)).astype(np.float32)


@pytest.fixture
def random():
  return np.random.default_rng(0)


def test_keypoint_loss_is_the_cross_entropy(random):
  """Of independent cells, in units of a peak's sum."""
  points = random.uniform(50.0, 430.0, [2, 3, 2]).astype(np.float32)
  ones = np.ones([2, 3], np.float32)
  target = render_heatmaps(points, ones).numpy()
  p = random.uniform(0.05, 0.95, target.shape)
  cells = -target * np.log(p) - (1.0 - target) * np.log(1.0 - p)
  weights = random.uniform(size=[2, 3]).astype(np.float32)
  found = multitask.keypoint_loss(_logit(p), points, weights, ones)
  peak = target.sum(axis=(1, 2))  # far from the border: 2 pi sigma^2
  np.testing.assert_allclose(
    found, weights * cells.sum(axis=(1, 2)) / peak, rtol=1e-3
  )


def test_keypoint_loss_is_least_at_the_target(random):
  """Maps that are the target give the least loss, at each map size."""
  points = random.uniform(100.0, 380.0, [1, 4, 2]).astype(np.float32)
  ones = np.ones([1, 4], np.float32)
  for size in (60, 30):
    target = render_heatmaps(points, ones, size=size).numpy()
    logits = tf.Variable(_logit(target))
    with tf.GradientTape() as tape:
      least = multitask.keypoint_loss(logits, points, ones, ones)
    assert np.abs(tape.gradient(least, logits).numpy()).max() < 1e-4
    # The entropy of a Gaussian's cells: pi^2 / 6 peaks.
    np.testing.assert_allclose(least, np.pi**2 / 6.0, rtol=0.02)
    other = multitask.keypoint_loss(logits + 0.5, points, ones, ones)
    assert (other.numpy() > least.numpy() + 0.05).all()


def test_unknown_and_outside_keypoints():
  """Unknown ones have no loss; those beyond the crop ask for empty maps."""
  points = np.full([1, 2, 2], 240.0, np.float32)
  logits = np.full([1, 60, 60, 2], -20.0, np.float32)
  weights = np.array([[0.0, 1.0]], np.float32)
  inside = np.array([[1.0, 0.0]], np.float32)
  found = multitask.keypoint_loss(logits, points, weights, inside).numpy()
  np.testing.assert_allclose(found, 0.0, atol=1e-4)
  seen = multitask.keypoint_loss(
    logits, points, np.ones([1, 2], np.float32), np.ones([1, 2], np.float32)
  )
  assert (seen.numpy() > 10.0).all()


def test_part_loss_of_known_channels(random):
  p = random.dirichlet(np.ones(15), [2, 4, 4]).astype(np.float32)
  truth = random.dirichlet(np.ones(15), [2, 4, 4]).astype(np.float32)
  cells = random.uniform(0.1, 1.0, [2, 4, 4]).astype(np.float32)
  weights = np.ones([2, 16], np.float32)
  found = multitask.part_loss(np.log(p), truth, weights, cells)
  entropy = -(truth * np.log(p)).sum(-1)
  expected = (cells * entropy).sum((1, 2)) / cells.sum((1, 2))
  np.testing.assert_allclose(found, expected, rtol=1e-4)


@pytest.mark.parametrize("known", [0, 15])  # background or visibility
def test_part_loss_of_a_mask(random, known):
  """A mask alone: two classes, whatever part a cell is taken for."""
  p = random.dirichlet(np.ones(15), [1, 4, 4]).astype(np.float32)
  back = random.uniform(size=[1, 4, 4]).astype(np.float32)
  truth = np.zeros([1, 4, 4, 15], np.float32)
  truth[..., 0] = back  # shares of the parts are not stated
  weights = np.zeros([1, 16], np.float32)
  weights[0, known] = 1.0
  cells = np.ones([1, 4, 4], np.float32)
  found = multitask.part_loss(np.log(p), truth, weights, cells)
  two = -back * np.log(p[..., 0]) - (1.0 - back) * np.log(1.0 - p[..., 0])
  np.testing.assert_allclose(found, two.mean((1, 2)), rtol=1e-4)
  moved = p.copy()
  moved[..., 1:] = p[..., :0:-1]  # other parts, the same person
  again = multitask.part_loss(np.log(moved), truth, weights, cells)
  np.testing.assert_allclose(again, found, rtol=1e-4)


def test_part_loss_of_nothing_is_zero():
  logits = tf.Variable(tf.random.stateless_normal([1, 4, 4, 15], [0, 0]))
  zeros = np.zeros([1, 4, 4, 15], np.float32)
  for weights, cells in (
    (np.zeros([1, 16]), np.ones([1, 4, 4])),
    (np.ones([1, 16]), np.zeros([1, 4, 4])),
  ):
    with tf.GradientTape() as tape:
      found = multitask.part_loss(
        logits, zeros, weights.astype(np.float32), cells.astype(np.float32)
      )
    assert float(found[0]) == 0.0
    assert not np.any(tape.gradient(found, logits).numpy())


def test_overlap_loss_of_hard_maps(random):
  """1 - the mean of the parts' intersections over unions."""
  truth = random.integers(0, 15, [2, 12, 12])
  truth[1] %= 6  # of the second example only five parts show
  found = np.where(
    random.uniform(size=truth.shape) < 0.3,
    random.integers(0, 15, truth.shape),
    truth,
  )
  cells = (random.uniform(size=truth.shape) < 0.8).astype(np.float32)
  maps = np.eye(15, dtype=np.float32)
  result = multitask.overlap_loss(
    _logit(maps[found]) * 2.0,
    maps[truth],
    np.ones([2, 16], np.float32),
    cells,
  )
  for i in range(2):
    overlaps = []
    for part in range(1, 15):
      a, b = truth[i] == part, found[i] == part
      if (a & (cells[i] > 0)).any():
        both, either = ((m * cells[i]).sum() for m in (a & b, a | b))
        overlaps.append(both / either)
    assert len(overlaps) == (14, 5)[i]
    np.testing.assert_allclose(result[i], 1.0 - np.mean(overlaps), atol=1e-4)


def test_overlap_loss_needs_all_parts(random):
  """A mask has none, nor have examples without a person."""
  logits = random.normal(size=[2, 6, 6, 15]).astype(np.float32)
  truth = random.dirichlet(np.ones(15), [2, 6, 6]).astype(np.float32)
  truth[1] = np.eye(15)[0]
  weights = np.ones([2, 16], np.float32)
  weights[0, 3] = 0.0
  cells = np.ones([2, 6, 6], np.float32)
  found = multitask.overlap_loss(logits, truth, weights, cells)
  np.testing.assert_array_equal(found, [0.0, 0.0])


def test_shares_of_groups_and_stage_total(random):
  config = MultitaskLossConfig(
    keypoint_weight=2.0, part_weight=3.0, overlap_weight=4.0
  )
  shares = multitask._keypoint_shares(config)
  np.testing.assert_allclose(sum(shares), 1.0, rtol=1e-6)
  np.testing.assert_allclose(sum(shares[:25]), config.body_share, rtol=1e-6)
  points = random.uniform(0.0, 480.0, [2, 137, 2]).astype(np.float32)
  ones = np.ones([2, 137], np.float32)
  truth = random.dirichlet(np.ones(15), [2, 60, 60]).astype(np.float32)
  found = multitask.stage_losses(
    tf.random.stateless_normal([2, 30, 30, 137], [0, 1]),
    tf.random.stateless_normal([2, 60, 60, 15], [0, 2]),
    points,
    ones,
    ones,
    truth,
    np.ones([2, 16], np.float32),
    np.ones([2, 60, 60], np.float32),
    config,
  )
  np.testing.assert_allclose(
    found.total,
    2.0 * found.keypoint + 3.0 * found.part + 4.0 * found.overlap,
    rtol=1e-5,
  )


def test_hidden_keypoints_count_less():
  weights = np.array([[1.0, 1.0, 0.0]], np.float32)
  seen = np.array([[1.0, 0.0, 1.0]], np.float32)
  np.testing.assert_allclose(
    multitask.seen_weights(weights, seen, 0.3), [[1.0, 0.3, 0.0]]
  )
