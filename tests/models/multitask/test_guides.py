"""Networks that are told which person of a crop is meant."""

import dataclasses

import numpy as np
import pytest

from hund_tf.body import keypoints as names
from hund_tf.body import parts
from hund_tf.compat import tf_keras
from hund_tf.models.multitask.mirror_average import MirrorAverage
from hund_tf.models.multitask.network import NUM_GUIDES, MultitaskNetwork
from tests.models.tiny_network import TINY

GUIDED = dataclasses.replace(TINY, guided=True, decoder_channels=5)


@pytest.fixture(scope="module")
def network():
  tf_keras.utils.set_random_seed(0)
  return MultitaskNetwork(GUIDED)


@pytest.fixture(scope="module")
def images():
  random = np.random.default_rng(1)
  return random.uniform(size=[1, 240, 240, 3]).astype(np.float32)


@pytest.fixture(scope="module")
def guides():
  maps = np.zeros([1, 60, 60, NUM_GUIDES], np.float32)
  maps[0, 20:24, 30:34, names.INDEX["l_wrist"]] = 1.0
  return maps


def test_guides_change_what_is_seen(network, images, guides):
  alone = network(images)
  np.testing.assert_array_equal(
    network(images, np.zeros_like(guides)).part_probs, alone.part_probs
  )
  told = network(images, guides)
  change = np.abs(told.part_probs - alone.part_probs).max(axis=(0, 3))
  assert change.max() > 1e-4
  # F is what the picture shows, whoever is meant.
  np.testing.assert_array_equal(told.features, alone.features)
  assert told.features.shape[-1] == GUIDED.feature_channels


def test_a_network_without_use_for_guides_ignores_them(images, guides):
  plain = MultitaskNetwork(dataclasses.replace(GUIDED, guided=False))
  np.testing.assert_array_equal(
    plain(images, guides).part_probs, plain(images).part_probs
  )


def test_mirrored_looks_have_mirrored_guides(network, images, guides):
  """Of the mirror image with mirrored guides all is mirrored."""
  average = MirrorAverage(network)
  direct = average(images, guides).part_probs.numpy()
  other = guides[:, :, ::-1][..., list(names.MIRROR[:NUM_GUIDES])]
  mirrored = average(images[:, :, ::-1], other).part_probs.numpy()
  np.testing.assert_allclose(
    direct, mirrored[:, :, ::-1][..., list(parts.MIRROR)], atol=1e-5
  )
  assert np.abs(direct - average(images).part_probs.numpy()).max() > 1e-5
