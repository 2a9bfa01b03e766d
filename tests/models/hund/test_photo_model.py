"""Network and descent as one: what each reads, and where gradients go."""

import numpy as np
import pytest

from hund_tf.compat import tf, tf_keras
from hund_tf.losses.alignment import AlignmentObjective, ObjectiveConfig
from hund_tf.models.hund import weights
from hund_tf.models.hund.config import HundConfig
from hund_tf.models.hund.model import HundModel, blank_inputs
from hund_tf.models.hund.photo_model import PhotoHund
from hund_tf.models.multitask.network import MultitaskNetwork, image_features
from hund_tf.types import TrainingExample
from tests.models.tiny_network import TINY

_SIZE = HundConfig(num_stages=1, units=16, context_size=8, filters=(4,) * 6)

# What is traced of a descent, `tests/conformance` compares.
pytestmark = pytest.mark.usefixtures("eager")


@pytest.fixture(scope="module")
def objective(body_model):
  return AlignmentObjective(body_model, ObjectiveConfig(part_weight=0.0))


@pytest.fixture(scope="module")
def network():
  tf_keras.utils.set_random_seed(0)
  return MultitaskNetwork(TINY)


@pytest.fixture(scope="module")
def crops():
  random = np.random.default_rng(0)
  image = random.uniform(size=[2, 240, 240, 4]).astype(np.float32)
  image[..., 3] = 1.0
  image[1, :, 100:] = 0.0  # beyond the photo
  return TrainingExample(
    features=(),
    image=tf.constant(image),
    intrinsics=blank_inputs(_SIZE, 2)[1],
    state=(),
    vertices=(),
    joints=(),
    keypoints=(),
    keypoint_weights=(),
    weights=(),
  )


@pytest.mark.parametrize("channels", [0, TINY.feature_channels])
def test_it_is_the_descent_on_what_the_network_sees(
  channels, objective, network, crops
):
  hund = HundModel(objective, _SIZE.with_features(channels))
  model = PhotoHund(network, hund)
  inside = np.ones([2, 60, 60], np.float32)
  inside[1, :, 25:] = 0.0
  output = network(crops.image[..., :3])
  seen = image_features(output, inside, channels > 0)
  expected = hund.descend(seen, crops.intrinsics, parts="none")
  found = model.descend_example(crops, parts="none")
  np.testing.assert_allclose(
    found.stages[-1].terms.total, expected.stages[-1].terms.total, rtol=1e-5
  )
  assert len(model.trainable_variables) == len(hund.trainable_variables)


def test_gradients_reach_the_network(objective, network, crops):
  hund = HundModel(objective, _SIZE.with_features(TINY.feature_channels))
  model = PhotoHund(network, hund, train_network=True)
  with tf.GradientTape() as tape:
    descent = model.descend_example(crops, parts="none")
    loss = tf.reduce_mean(descent.stages[-1].terms.keypoint)
  gradients = tape.gradient(loss, network.trainable_variables)
  by_name = dict(
    zip([v.name for v in network.trainable_variables], gradients, strict=True)
  )
  stem = next(g for name, g in by_name.items() if "stem/conv" in name)
  heads = next(
    g for name, g in by_name.items() if "stage1/heatmaps/kernel" in name
  )
  for gradient in (stem, heads):
    assert np.isfinite(gradient.numpy()).all()
    assert np.abs(gradient.numpy()).max() > 0.0


def test_another_f_is_refused(objective, network):
  hund = HundModel(objective, _SIZE.with_features(3))
  with pytest.raises(ValueError, match="the network has 6 channels"):
    PhotoHund(network, hund)


def test_weights_without_f_begin_the_same(objective, tmp_path):
  """A descent that reads F starts as the one that does not."""
  old = HundModel(objective, _SIZE)
  weights.save(old, tmp_path / "old.npz")
  new = HundModel(objective, _SIZE.with_features(6))
  weights.assign_fitting(new, tmp_path / "old.npz")
  random = np.random.default_rng(0)
  features, intrinsics = blank_inputs(_SIZE, 2)
  features = features._replace(
    heatmaps=tf.constant(
      random.uniform(size=features.heatmaps.shape).astype(np.float32)
    ),
    heatmap_weights=tf.ones([2, 137]),
  )
  seen = features._replace(
    features=tf.constant(random.normal(size=[2, 60, 60, 6]).astype(np.float32))
  )
  first = old.descend(features, intrinsics, parts="none").stages[-1]
  second = new.descend(seen, intrinsics, parts="none").stages[-1]
  np.testing.assert_allclose(
    first.state.body_pose, second.state.body_pose, atol=1e-5
  )
  weights.assign_fitting(old, tmp_path / "old.npz")  # the plain case too
