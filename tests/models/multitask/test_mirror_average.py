"""Two looks at a crop: what a mirror image must give, and the mean by hand."""

import numpy as np
import pytest

from hund_tf.body import keypoints as keypoint_names
from hund_tf.body import parts as part_names
from hund_tf.models.multitask.mirror_average import MirrorAverage
from tests.models import tiny_network


@pytest.fixture(scope="module")
def network():
  return tiny_network.make(0)


@pytest.fixture(scope="module")
def images():
  return np.random.default_rng(1).random([2, 240, 240, 3], np.float32)


def _mirrored(maps, table):
  return np.asarray(maps)[:, :, ::-1][..., list(table)]


def test_a_mirror_image_gives_mirrored_maps(network, images):
  """Which one look at a network that is not symmetric does not."""
  looks = MirrorAverage(network)
  straight, mirrored = looks(images), looks(images[:, :, ::-1])
  expected = _mirrored(straight.heatmaps, keypoint_names.MIRROR)
  np.testing.assert_allclose(mirrored.heatmaps, expected, atol=1e-5)
  expected = _mirrored(straight.part_probs, part_names.MIRROR)
  np.testing.assert_allclose(mirrored.part_probs, expected, atol=1e-5)
  once = network(images[:, :, ::-1]).part_probs.numpy()
  assert np.abs(once - expected).max() > 1e-3


def test_mean_of_logits(network, images):
  looks = MirrorAverage(network)
  output = looks(images)
  first, second = network(images), network(images[:, :, ::-1])
  for name, table in (
    ("heatmap_logits", keypoint_names.MIRROR),
    ("part_logits", part_names.MIRROR),
  ):
    here, there = (getattr(x.stages[-1], name) for x in (first, second))
    np.testing.assert_allclose(
      getattr(output.stages[-1], name),
      (here.numpy() + _mirrored(there, table)) / 2.0,
      atol=1e-4,
    )
  np.testing.assert_allclose(output.features, first.features, atol=1e-5)
  assert looks.config is network.config
  assert looks.num_trainable() == network.num_trainable()
