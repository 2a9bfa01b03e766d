"""One training step on two virtual CPU devices and on one: equal to 1e-5.

Run by `test_hund.py`.
"""

import numpy as np

from hund_tf.body.model import BodyModel
from hund_tf.compat import tf, tf_keras
from hund_tf.losses.alignment import AlignmentObjective, ObjectiveConfig
from hund_tf.models.hund.config import HundConfig
from hund_tf.models.hund.model import HundModel, blank_inputs
from tests.conformance import mirrored

_BATCH = 2


def _inputs(config: HundConfig):
  features, intrinsics = blank_inputs(config, _BATCH)
  rng = np.random.default_rng(0)
  heatmaps = rng.uniform(0, 1, features.heatmaps.shape) ** 20
  weights = rng.uniform(0, 1, features.heatmap_weights.shape)
  return features._replace(
    heatmaps=tf.constant(heatmaps, tf.float32),
    heatmap_weights=tf.constant(weights, tf.float32),
    part_weights=tf.ones_like(features.part_weights),
  ), intrinsics


def _train_step(strategy, objective, config, inputs):
  """Losses `[B]` before a step of gradient descent, and the weights after."""
  tf_keras.utils.set_random_seed(0)
  with strategy.scope():
    model = HundModel(objective, config)
    optimizer = tf_keras.optimizers.SGD(1e-4)

  def step(features, intrinsics):
    with tf.GradientTape() as tape:
      losses = model(features, intrinsics).terms.total[:, -1]
      loss = tf.reduce_sum(losses) / _BATCH
    gradients = tape.gradient(loss, model.trainable_variables)
    optimizer.apply_gradients(
      zip(gradients, model.trainable_variables, strict=True)
    )
    return losses

  return mirrored.run(strategy, step, inputs), model.get_weights()


def main() -> None:
  strategy = mirrored.two_devices()
  config = HundConfig(num_stages=1)
  # Without the part term, which would take most of the time to trace.
  objective = AlignmentObjective(BodyModel(), ObjectiveConfig(part_weight=0.0))
  inputs = _inputs(config)
  one = _train_step(tf.distribute.get_strategy(), objective, config, inputs)
  two = _train_step(strategy, objective, config, inputs)
  assert len(one[0]) == len(two[0]) == _BATCH
  np.testing.assert_allclose(one[0], two[0], rtol=1e-5)
  for first, second in zip(one[1], two[1], strict=True):
    np.testing.assert_allclose(first, second, atol=1e-5)
  start = HundModel(objective, config).get_weights()
  moved = [np.abs(a - b).max() for a, b in zip(one[1], start, strict=True)]
  assert max(moved) > 1e-4, "the step moved nothing"


if __name__ == "__main__":
  main()
