"""Meta-losses against their closed forms (Eq. 7, 8)."""

import numpy as np
import pytest

from hund_tf.compat import tf
from hund_tf.losses import meta

# [M, B] = [3, 2]; s_0 has losses 5 and 1.
_LOSSES = np.array([[4.0, 2.0], [6.0, 3.0], [1.0, 2.5]], np.float32)
_INITIAL = np.array([5.0, 1.0], np.float32)


@pytest.mark.parametrize(
  ("kind", "expected", "slope"),
  [
    ("sum", [11.0, 7.5], np.ones([3, 2])),
    ("last", [1.0, 2.5], [[0, 0], [0, 0], [1, 1]]),
    ("min", [1.0, 2.0], [[0, 1], [0, 0], [1, 0]]),
    ("max", [6.0, 3.0], [[0, 0], [1, 1], [0, 0]]),
    # The second example never gets below its start.
    ("oi", [(4 - 5) + 0 + (1 - 4), 0.0], [[0, 0], [0, 0], [1, 0]]),
  ],
)
def test_values_and_gradients(kind, expected, slope):
  losses, initial = tf.constant(_LOSSES), tf.constant(_INITIAL)
  with tf.GradientTape() as tape:
    tape.watch(losses)
    value = meta.meta_loss(kind, losses, initial)
  np.testing.assert_allclose(value, expected)
  np.testing.assert_allclose(tape.gradient(value, losses), slope)


def test_improvement_is_the_best_loss_less_the_first():
  """Eq. 8 telescopes to min(L_0, ..., L_M) - L_0."""
  rng = np.random.default_rng(0)
  losses = rng.uniform(0, 9, [7, 50]).astype(np.float32)
  initial = rng.uniform(0, 9, [50]).astype(np.float32)
  value = meta.observed_improvement_loss(
    tf.constant(losses), tf.constant(initial)
  )
  best = np.minimum(losses.min(axis=0), initial)
  np.testing.assert_allclose(value, best - initial, atol=1e-5)


def test_no_gradient_makes_the_start_worse():
  initial = tf.constant(_INITIAL)
  with tf.GradientTape() as tape:
    tape.watch(initial)
    value = meta.meta_loss("oi", tf.constant(_LOSSES), initial)
  assert tape.gradient(value, initial) is None


def test_bad_input():
  with pytest.raises(ValueError, match="'mean'.*sum, last"):
    meta.meta_loss("mean", tf.constant(_LOSSES), tf.constant(_INITIAL))
  with pytest.raises(ValueError, match="no stages"):
    meta.meta_loss("sum", tf.zeros([0, 2]), tf.constant(_INITIAL))
