"""Muon against a known decomposition, Adam, and a least-squares fit."""

import numpy as np
import pytest

from hund_tf.compat import tf, tf_keras
from hund_tf.training.muon import Muon, orthogonalize


@pytest.mark.parametrize("shape", [(24, 24), (90, 16), (12, 70)])
def test_singular_values_become_nearly_one(shape):
  random = np.random.default_rng(0)
  side = min(shape)
  left = np.linalg.qr(random.normal(size=[shape[0], side]))[0]
  right = np.linalg.qr(random.normal(size=[shape[1], side]))[0].T
  values = np.logspace(0, -1.5, side)
  matrix = tf.constant(left * (37.0 * values) @ right, tf.float32)
  result = orthogonalize(matrix).numpy()
  # In the bases of the matrix the result is diagonal, and nearly the identity.
  inner = left.T @ result @ right.T
  np.testing.assert_allclose(inner, np.diag(np.diag(inner)), atol=0.05)
  assert np.diag(inner).min() > 0.65 and np.diag(inner).max() < 1.25
  assert np.linalg.norm(result) == pytest.approx(np.linalg.norm(inner), 1e-3)


def test_step_of_a_kernel_has_the_length_of_the_rate():
  kernel = tf.Variable(tf.zeros([3, 3, 8, 16]))
  optimizer = Muon(0.01)
  optimizer.build([kernel])
  gradient = tf.random.stateless_normal(kernel.shape, [0, 1])
  optimizer.apply_gradients([(1e-3 * gradient, kernel)])
  moved = kernel.numpy()
  # 16 singular values of about one in 72 x 16 elements, times sqrt(72).
  rms = np.sqrt(np.mean(moved**2))
  assert rms == pytest.approx(0.2 * 0.01, rel=0.25)
  assert np.sum(moved * gradient.numpy()) < 0.0
  optimizer.apply_gradients([(0.0 * gradient, kernel)])
  # Momentum goes on where the gradient has ended.
  assert np.sum((kernel.numpy() - moved) * moved) > 0.0


def test_vectors_are_moved_as_by_adam():
  gradients = np.random.default_rng(1).normal(size=[5, 7]).astype(np.float32)
  ends = []
  for kind in (Muon, tf_keras.optimizers.Adam):
    vector = tf.Variable(tf.ones([7]))
    optimizer = kind(0.05, jit_compile=False)
    optimizer.build([vector])
    for gradient in gradients:
      optimizer.apply_gradients([(tf.constant(gradient), vector)])
    ends.append(vector.numpy())
  np.testing.assert_array_equal(*ends)


def test_ill_conditioned_map_is_learned():
  random = np.random.default_rng(2)
  scales = np.logspace(0, -2, 16)
  inputs = (random.normal(size=[256, 16]) * scales).astype(np.float32)
  targets = (inputs @ random.normal(size=[16, 8])).astype(np.float32)
  kernel = tf.Variable(tf.zeros([16, 8]))
  schedule = tf_keras.optimizers.schedules.CosineDecay(0.5, 60)
  optimizer = Muon(schedule, jit_compile=False)
  optimizer.build([kernel])

  @tf.function
  def step():
    with tf.GradientTape() as tape:
      loss = tf.reduce_mean((inputs @ kernel - targets) ** 2)
    optimizer.apply_gradients([(tape.gradient(loss, kernel), kernel)])
    return loss

  losses = [float(step()) for _ in range(60)]
  assert losses[-1] < 0.005 * losses[0]


def test_a_restored_optimizer_goes_on_alike(tmp_path):
  gradients = np.random.default_rng(3).normal(size=[4, 6, 9]).astype("f4")

  def begin():
    kernel = tf.Variable(tf.ones([6, 9]))
    optimizer = Muon(0.01, jit_compile=False)
    optimizer.build([kernel])
    saved = tf.train.Checkpoint(kernel=kernel, optimizer=optimizer)
    return kernel, optimizer, saved

  def train(kernel, optimizer, rows):
    for gradient in rows:
      optimizer.apply_gradients([(tf.constant(gradient), kernel)])

  kernel, optimizer, saved = begin()
  train(kernel, optimizer, gradients[:2])
  path = saved.write(str(tmp_path / "muon"))
  train(kernel, optimizer, gradients[2:])
  again, resumed, restored = begin()
  restored.read(path).assert_consumed()
  train(again, resumed, gradients[2:])
  np.testing.assert_array_equal(again.numpy(), kernel.numpy())
