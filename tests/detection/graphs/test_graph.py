"""Graphs as data, and run: files, functions, SavedModels, gradients."""

import numpy as np
import pytest

from hund_tf.compat import tf
from hund_tf.detection.graphs.graph import Graph, Node, load_graph, save_graph
from hund_tf.detection.graphs.module import (
  GraphModule,
  frozen_function,
  run_graph,
)


@pytest.fixture(scope="module")
def graph() -> Graph:
  """Residual convolution with the forms that trip compilers up."""
  random = np.random.default_rng(0)
  draw = lambda *shape: random.normal(0, 0.3, shape).astype(np.float16)
  same = {"strides": [1, 1], "padding": "SAME", "dilations": [1, 1]}
  nodes = (
    Node("conv2d", ("x", "w0"), "a", same),
    Node("bias_add", ("a", "w1"), "b", {}),
    Node("prelu", ("b", "w2"), "c", {}),
    # Wider by a pad of the channels, added to a convolution.
    Node(
      "pad", ("c",), "d", {"paddings": [[0, 0], [0, 0], [0, 3]], "value": 0}
    ),
    Node("depthwise_conv2d", ("c", "w3"), "e", same),
    Node("conv2d", ("e", "w4"), "f", same),
    Node("bias_add", ("f", "w5"), "g", {}),
    Node("add", ("d", "g"), "h", {}),
    Node("relu", ("h",), "i", {}),
    Node("reshape", ("i",), "j", {"shape": [48, 8]}),
    Node("sigmoid", ("j",), "k", {}),
    Node("mean", ("h",), "l", {"axes": [1, 2], "keepdims": False}),
    Node("relu", ("a",), "unused", {}),
  )
  weights = {
    "w0": draw(3, 3, 3, 5),
    "w1": draw(5),
    "w2": draw(5),
    "w3": draw(3, 3, 5, 1),
    "w4": draw(1, 1, 5, 8),
    "w5": draw(8),
    "unused": draw(9),
  }
  return Graph("x", (6, 8, 3), {"map": "k", "mean": "l"}, nodes, weights)


def _images(batch: int) -> np.ndarray:
  return np.random.default_rng(batch).random((batch, 6, 8, 3), np.float32)


def test_pruning_leaves_what_the_outputs_need(graph):
  pruned = graph.pruned()
  assert "unused" not in pruned.weights and len(pruned.weights) == 6
  assert pruned.nodes == graph.nodes[:-1]
  assert graph._replace(outputs={"y": "a"}).pruned().nodes == graph.nodes[:1]


def test_files_hold_the_whole_graph(graph, tmp_path):
  save_graph(tmp_path / "net.npz", graph)
  read = load_graph(tmp_path / "net.npz")
  assert read._replace(weights={}) == graph._replace(weights={})
  assert read.weights.keys() == graph.weights.keys()
  for name, weight in graph.weights.items():
    assert read.weights[name].dtype == np.float16
    np.testing.assert_array_equal(read.weights[name], weight)


def test_bad_files_are_named(graph, tmp_path):
  with pytest.raises(FileNotFoundError, match="nothing.npz"):
    load_graph(tmp_path / "nothing.npz")
  np.savez(tmp_path / "other.npz", a=np.zeros(3))
  (tmp_path / "text.npz").write_text("no zip")
  for name in ("other.npz", "text.npz"):
    with pytest.raises(ValueError, match=f"{name}: not a network"):
      load_graph(tmp_path / name)
  mixed = graph.weights | {"w1": np.zeros(5, np.float32)}
  with pytest.raises(ValueError, match="expected one type"):
    save_graph(tmp_path / "net.npz", graph._replace(weights=mixed))


def test_one_result_in_every_way_of_running(graph, tmp_path):
  graph = graph.pruned()
  module = GraphModule(graph)
  compiled = tf.function(
    module, input_signature=[tf.TensorSpec([None, 6, 8, 3], tf.float32)]
  )
  call = compiled.get_concrete_function()
  tf.saved_model.save(module, str(tmp_path / "model"), signatures=call)
  loaded = tf.saved_model.load(str(tmp_path / "model"))
  frozen = frozen_function(graph, lambda x: x, tf.float32)
  for batch in (1, 3):
    images = tf.constant(_images(batch))
    expected = module(images)
    assert expected["map"].shape == (batch, 48, 8)
    for other in (
      call(images),
      frozen(images),
      loaded.signatures["serving_default"](images),
    ):
      assert other.keys() == expected.keys()
      for name, value in expected.items():
        np.testing.assert_allclose(other[name], value, atol=2e-6)


def test_weights_are_float32(graph):
  whole = GraphModule(graph.pruned())
  assert {v.dtype for v in whole.trainable_variables} == {tf.float32}
  assert len(whole.variables) == 6


def test_gradients_reach_the_weights_and_the_image(graph):
  module = GraphModule(graph.pruned())
  images = tf.constant(_images(2))

  def loss(images):
    outputs = module(images)
    return tf.reduce_sum(outputs["map"]) + tf.reduce_sum(outputs["mean"] ** 2)

  with tf.GradientTape() as tape:
    tape.watch(images)
    value = loss(images)
  variables = module.trainable_variables
  *gradients, image = tape.gradient(value, [*variables, images])
  assert all(np.any(g != 0) and np.all(np.isfinite(g)) for g in gradients)
  step = np.random.default_rng(1).normal(size=images.shape).astype(np.float32)
  ahead, behind = (loss(images + s * 1e-2 * step) for s in (1, -1))
  along = float(tf.reduce_sum(image * step))
  np.testing.assert_allclose((ahead - behind) / 2e-2, along, rtol=2e-2)


def test_unknown_operations_are_named(graph):
  strange = graph._replace(nodes=(Node("wobble", ("x",), "k", {}),))
  with pytest.raises(ValueError, match="'wobble' is not supported"):
    run_graph(strange, {}, tf.zeros([1, 6, 8, 3]))
