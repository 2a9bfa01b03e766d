"""Components on two virtual CPU devices and on one: equal to 1e-5.

Run by `test_components.py`. Flows are also trained, as is the multitask
network by its own step; its batch normalisation spans the devices.
"""

import numpy as np

from hund_tf.compat import tf, tf_keras
from hund_tf.losses.multitask import MultitaskLossConfig
from hund_tf.training.multitask.config import MultitaskTrainingConfig
from hund_tf.training.multitask.step import make_train_step
from hund_tf.training.speed import crops_of_noise
from tests.conformance import components, mirrored
from tests.models import tiny_network

_BATCH = 2
_STEPS = 5


def _assert_close(found, expected, name: str) -> None:
  np.testing.assert_allclose(
    found, expected, rtol=1e-5, atol=1e-5, err_msg=name
  )


def _check(name: str, strategy: tf.distribute.Strategy) -> None:
  one = components.make(name)
  with strategy.scope():
    two = components.make(name)
  expected = one(_BATCH)
  found = mirrored.run(
    strategy, lambda inputs: two.function(**inputs), (one.batch(_BATCH),)
  )
  assert set(found) == set(expected)
  for output, value in expected.items():
    _assert_close(found[output], value, f"{name}: {output}")


def _trained_flow(strategy: tf.distribute.Strategy):
  """A flow after some steps, and log densities `[B]` before the last one."""
  with strategy.scope():
    flow = components.make_flow(0)
    optimizer = tf_keras.optimizers.SGD(0.02, momentum=0.9)

  def step(values):
    with tf.GradientTape() as tape:
      log_prob = flow.log_prob(values)
      loss = -tf.reduce_sum(log_prob) / _BATCH
    variables = flow.trainable_variables
    gradients = tape.gradient(loss, variables)
    optimizer.apply_gradients(zip(gradients, variables, strict=True))
    return log_prob

  values = components.make("coupling_flow").batch(_BATCH)["values"]
  return flow, mirrored.run(strategy, step, (values,), _STEPS)


def _check_training(strategy: tf.distribute.Strategy) -> None:
  one, log_prob = _trained_flow(tf.distribute.get_strategy())
  two, log_prob_of_two = _trained_flow(strategy)
  _assert_close(log_prob_of_two, log_prob, "log_prob in training")
  start = components.make_flow(0)
  for first, second, before in zip(
    one.variables, two.variables, start.variables, strict=True
  ):
    copies = strategy.experimental_local_results(second)
    assert len(copies) == 2, f"{first.name} is not on both devices"
    for copy in copies:
      _assert_close(copy, first, first.name)
    moved = np.abs(first - before).max()
    assert (moved > 1e-4) == first.trainable, f"{first.name} moved {moved}"
  values = components.make("coupling_flow").batch(_BATCH)["values"]
  gain = np.mean(one.log_prob(values) - start.log_prob(values))
  assert gain > 0.1, f"training gained {gain} nats"


def _trained_network(strategy: tf.distribute.Strategy):
  """Losses of some steps of the multitask network, and its weights then."""
  with strategy.scope():
    network = tiny_network.make(0)
    optimizer = tf_keras.optimizers.SGD(0.01)
    optimizer.build(network.trainable_variables)
  train = make_train_step(
    network,
    optimizer,
    MultitaskTrainingConfig(),
    MultitaskLossConfig(),
    strategy,
  )
  crops = tf.data.Dataset.from_tensor_slices(
    crops_of_noise(_BATCH, network.config.input_size)
  )
  batches = crops.batch(_BATCH, drop_remainder=True).repeat(_STEPS)
  losses = [
    float(train(batch, tf.constant(i, tf.int64)).loss)
    for i, batch in enumerate(strategy.experimental_distribute_dataset(batches))
  ]
  return losses, network.variables


def _check_network_training(strategy: tf.distribute.Strategy) -> None:
  losses, one = _trained_network(tf.distribute.get_strategy())
  losses_of_two, two = _trained_network(strategy)
  assert losses[-1] < losses[0]
  np.testing.assert_allclose(losses_of_two, losses, rtol=1e-4)
  for first, second in zip(one, two, strict=True):
    # Devices share the mean of squares, whose difference to the squared mean,
    # the variance, is rounded more.
    rtol = 1e-4 if first.trainable else 1e-2
    np.testing.assert_allclose(
      second, first, rtol=rtol, atol=1e-6, err_msg=first.name
    )


def main() -> None:
  strategy = mirrored.two_devices()
  for name in components.NAMES:
    _check(name, strategy)
  _check_training(strategy)
  _check_network_training(strategy)


if __name__ == "__main__":
  main()
