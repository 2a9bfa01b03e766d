"""Training steps on noise, to be timed, and the rate of matrix products."""

import time
from collections.abc import Callable

import numpy as np

from hund_tf.compat import tf
from hund_tf.losses.multitask import MultitaskLossConfig
from hund_tf.losses.supervised import SupervisedConfig
from hund_tf.models.hund.model import HundModel
from hund_tf.models.multitask.network import MultitaskNetwork
from hund_tf.motion import pose_library
from hund_tf.records.crop_augmentation import CropMap
from hund_tf.records.multitask_examples import MultitaskExample
from hund_tf.synthetic.example_config import SyntheticConfig
from hund_tf.synthetic.examples import SyntheticExamples
from hund_tf.training.hund.config import TrainingConfig
from hund_tf.training.hund.step import make_train_step as make_hund_step
from hund_tf.training.multitask.config import MultitaskTrainingConfig
from hund_tf.training.multitask.step import make_train_step
from hund_tf.training.optimizer import make_optimizer
from hund_tf.types import CROP_SIZE, MAP_SIZE, NUM_KEYPOINTS, NUM_PARTS


def median_seconds(function: Callable[[], object], repeats: int) -> float:
  """Median time of a call, seconds, after a warm-up."""
  function()
  times = []
  for _ in range(repeats):
    begin = time.perf_counter()
    function()
    times.append(time.perf_counter() - begin)
  return float(np.median(times))


def matmul_rate(dtype: str, size: int, repeats: int) -> float:
  """Measured rate of a product of two `[size, size]` matrices, FLOP/s.

  Several products follow each other, so that starting them counts little.
  """
  values = tf.random.stateless_normal([size, size], [0, 0]) / size**0.5
  values = tf.cast(values, dtype)
  products = 8

  @tf.function(autograph=False)
  def run() -> tf.Tensor:
    found = values
    for _ in range(products):
      found = tf.linalg.matmul(found, values)
    return tf.reduce_sum(found)

  seconds = median_seconds(lambda: run().numpy(), repeats)
  return products * 2.0 * size**3 / seconds


def crops_of_noise(batch: int, side: int) -> MultitaskExample:
  """B crops `[B, side, side, 3]` of noise, with labels of noise."""
  random = np.random.default_rng(0)

  def draw(*shape: int) -> tf.Tensor:
    return tf.constant(random.uniform(size=[batch, *shape]), tf.float32)

  return MultitaskExample(
    image=draw(side, side, 3),
    keypoints=CROP_SIZE * draw(NUM_KEYPOINTS, 2),
    keypoint_weights=draw(NUM_KEYPOINTS),
    visibility=tf.round(draw(NUM_KEYPOINTS)),
    part_probs=tf.nn.softmax(draw(MAP_SIZE, MAP_SIZE, NUM_PARTS)),
    part_weights=tf.ones([batch, NUM_PARTS + 1]),
    cell_weights=draw(MAP_SIZE, MAP_SIZE),
    box_side=tf.fill([batch], 400.0),
    crop=CropMap(draw(2), draw(2, 2), draw() > 0.5),
  )


def multitask_step(
  network: MultitaskNetwork, batch: int
) -> Callable[[], float]:
  """A step on B crops; a call gives its loss."""
  config = MultitaskTrainingConfig(steps=1, batch_size=batch)
  train = make_train_step(
    network,
    make_optimizer(config),
    config,
    MultitaskLossConfig(),
    tf.distribute.get_strategy(),
  )
  example = crops_of_noise(batch, network.config.input_size)
  step = tf.constant(0, tf.int64)
  return lambda: float(train(example, step).loss)


def hund_step(model: HundModel, batch: int) -> Callable[[], float]:
  """A step of the descent on B synthetic people, without part maps."""
  config = TrainingConfig(regime="FS+2D", batch_size=batch)
  people = SyntheticExamples(
    model.objective.body_model,
    pose_library.empty(),
    SyntheticConfig(render_parts=False),
  )
  train = make_hund_step(
    model,
    make_optimizer(config),
    config,
    SupervisedConfig(),
    model.config.num_stages,
    tf.distribute.get_strategy(),
    "none",
  )
  example = people.example_batch(0, 0, batch)
  step = tf.constant(0, tf.int64)
  return lambda: float(train(example, step).loss)
