"""The multitask backbone is the pose network that its weights come from."""

import numpy as np
import pytest

from hund_tf.compat import tf
from hund_tf.detection.graphs.module import run_graph
from hund_tf.detection.pose_encoder_weights import (
  decoder_graph,
  pose_encoder_weights,
)
from hund_tf.models.multitask.config import NewNetworkConfig
from hund_tf.models.multitask.pose_encoder import PoseEncoder
from hund_tf.models.multitask.weights import make_network


def test_maps_are_those_of_the_network():
  encoder = PoseEncoder("float32")
  random = np.random.default_rng(0)
  images = random.uniform(size=[2, 256, 256, 3]).astype(np.float32)
  encoder(images)
  encoder.assign(pose_encoder_weights())
  maps = encoder(images)
  assert [m.shape[1:].as_list() for m in maps] == [
    [60, 60, 48],
    [30, 30, 32],
    [15, 15, 88],
    [8, 8, 144],
  ]
  graph = decoder_graph()
  weights = {k: tf.constant(w, tf.float32) for k, w in graph.weights.items()}
  decoded = run_graph(graph, weights, tf.constant(images))["decoded"]
  assert decoded.shape == (2, 64, 64, 48)
  expected = tf.image.resize(decoded, [60, 60])
  np.testing.assert_allclose(maps[0], expected, atol=1e-4)
  assert np.std(maps[0]) > 0.1


def test_early_layers_are_not_trained():
  encoder = PoseEncoder("float32")
  images = tf.random.stateless_uniform([1, 256, 256, 3], [0, 1])
  with tf.GradientTape() as tape:
    total = tf.add_n([tf.reduce_sum(m) for m in encoder(images)])
  gradients = tape.gradient(total, encoder.trainable_variables)
  assert all(g is not None for g in gradients)
  fixed = {v.name.split("/")[-3] for v in encoder.non_trainable_variables}
  assert fixed == {f"conv{i}" for i in range(9)}


def test_other_weights_are_refused():
  encoder = PoseEncoder("float32")
  encoder(tf.zeros([1, 256, 256, 3]))
  with pytest.raises(ValueError, match="55 convolutions"):
    encoder.assign(pose_encoder_weights()[1:])


def test_new_networks_begin_with_the_encoder():
  config = NewNetworkConfig(network_variant="blazepose")
  network = make_network(config, encoder=pose_encoder_weights)
  (kernel, bias), *_ = pose_encoder_weights()
  first = network.backbone.variables
  found = {v.name: v.numpy() for v in first if "/conv0/" in v.name}
  kernel_name, bias_name = sorted(found, reverse=True)
  np.testing.assert_array_equal(found[kernel_name], kernel.astype(np.float32))
  np.testing.assert_array_equal(found[bias_name], bias.astype(np.float32))
