"""A model and batches small enough to train in a test."""

import dataclasses

import pytest

from hund_tf.compat import tf_keras
from hund_tf.losses.supervised import SupervisedConfig
from hund_tf.models.hund.config import HundConfig
from hund_tf.models.hund.model import HundModel
from hund_tf.motion import pose_library
from hund_tf.synthetic.example_config import SyntheticConfig
from hund_tf.synthetic.examples import SyntheticExamples
from hund_tf.training.hund.config import TrainingConfig
from hund_tf.training.hund.trainer import HundTrainer
from hund_tf.training.hund.validation import ValidationSet
from hund_tf.visualization.stage_strip import StripDrawer
from tests.eager import run_eagerly

CONFIG = TrainingConfig(
  steps=4,
  batch_size=2,
  learning_rate=1e-3,
  ema=0.9,
  parts_share=0.0,
  log_steps=1,
  validate_steps=2,
  checkpoint_steps=1,
)
_MODEL = HundConfig(num_stages=1, units=16, context_size=8, filters=(4,) * 6)


@pytest.fixture(scope="session")
def objective(keypoint_objective):
  return keypoint_objective


@pytest.fixture(scope="session")
def validation(body_model):
  config = SyntheticConfig(render_parts=False)
  examples = SyntheticExamples(body_model, pose_library.empty(), config)
  with run_eagerly():
    return ValidationSet(examples, 3, batch_size=3)


@pytest.fixture(scope="session")
def new_model(objective):
  """Makes models with the same first weights."""

  def make():
    tf_keras.utils.set_random_seed(0)
    return HundModel(objective, _MODEL)

  return make


@pytest.fixture(scope="session")
def new_trainer(new_model, validation):
  """Makes trainers of new models in a folder."""

  def make(folder, batches, **changes):
    config = dataclasses.replace(CONFIG, **changes)
    model = new_model()
    losses = SupervisedConfig()
    drawer = StripDrawer(model, validation.examples[0])
    trainer = HundTrainer(
      model, batches, validation, config, losses, folder, drawer=drawer
    )
    return trainer, model

  return make
