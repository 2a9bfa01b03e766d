"""The schedule of the learning rate against its closed form."""

import math

import numpy as np
import pytest

from hund_tf.compat import tf
from hund_tf.training.hund.config import TrainingConfig
from hund_tf.training.optimizer import LearningRate, make_optimizer


def test_the_rate_rises_stays_and_falls():
  config = TrainingConfig(
    steps=100,
    learning_rate=2.0,
    warmup_steps=10,
    decay_steps=40,
    final_rate=0.1,
  )
  rate = LearningRate(config)
  assert float(rate(0)) == pytest.approx(0.2)
  assert float(rate(4)) == pytest.approx(1.0)
  assert float(rate(9)) == float(rate(60)) == pytest.approx(2.0)
  quarter = 0.1 + 0.9 * (1.0 + math.cos(math.pi / 4.0)) / 2.0
  assert float(rate(70)) == pytest.approx(2.0 * quarter)
  assert float(rate(80)) == pytest.approx(2.0 * 0.55)
  assert float(rate(100)) == float(rate(500)) == pytest.approx(0.2)


def test_by_default_it_is_constant():
  rate = LearningRate(TrainingConfig())
  assert float(rate(0)) == float(rate(99_999)) == pytest.approx(1e-4)


@pytest.mark.parametrize("kind", ["adam", "muon"])
def test_some_variables_take_shorter_steps(kind):
  config = TrainingConfig(optimizer=kind, learning_rate=0.1)
  plain, slowed = (make_optimizer(config, s) for s in (None, {"taken/": 0.25}))
  moved = {}
  for optimizer in (plain, slowed):
    variables = [
      tf.Variable(tf.ones([3, 2]), name=f"{name}/kernel")
      for name in ("taken", "new")
    ]
    optimizer.build(variables)
    for gradient in (1.0, 0.5):
      optimizer.apply_gradients([(gradient * v, v) for v in variables])
    moved[optimizer] = [v.numpy() - 1.0 for v in variables]
  np.testing.assert_allclose(moved[slowed][1], moved[plain][1], rtol=1e-5)
  ratio = moved[slowed][0] / moved[plain][0]
  # Gradients are those of other places after the first step.
  np.testing.assert_allclose(ratio, 0.25, rtol=0.2)
