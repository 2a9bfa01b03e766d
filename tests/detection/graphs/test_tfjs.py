"""Graph models made from TensorFlow's own GraphDefs, read back."""

import json

import numpy as np
import pytest
from google.protobuf import json_format

from hund_tf.compat import tf
from hund_tf.detection.graphs.module import GraphModule
from hund_tf.detection.graphs.tfjs import read_tfjs

_FIRST, _LAST = [0, 3, 1, 2], [0, 2, 3, 1]


def _weights(*shape: int) -> np.ndarray:
  random = np.random.default_rng(sum(shape))
  values = random.normal(0, 0.4, shape).astype(np.float16)
  return values.astype(np.float32)


def _channels_last(x: tf.Tensor) -> tf.Tensor:
  """[1, 8, 6, 3] -> [1, 16, 12, 4], starting with the node `half`."""
  x = tf.multiply(x, 0.5, name="half") - _weights(1, 1, 1, 3)
  x = tf.raw_ops.AddV2(
    x=tf.nn.conv2d(x, _weights(3, 3, 3, 8), 1, "SAME"), y=_weights(8)
  )
  y = tf.nn.depthwise_conv2d(
    tf.nn.relu6(x), _weights(3, 3, 8, 1), [1, 2, 2, 1], "SAME"
  )
  y = tf.nn.relu(tf.pad(y, [[0, 0], [0, 0], [1, 0], [0, 0]]))
  y = tf.compat.v1.image.resize_bilinear(y, [16, 12], half_pixel_centers=True)
  y = tf.nn.conv2d(y, _weights(1, 1, 8, 4), 1, "VALID")
  return tf.sigmoid(y, name="end")


def _channels_first(x: tf.Tensor) -> tf.Tensor:
  """[1, 3, 8, 6] -> [1, 16, 4, 3], as converters from PyTorch write it."""
  x = tf.pad(x, [[0, 0], [0, 0], [1, 1], [2, 0]])
  x = tf.nn.conv2d(tf.transpose(x, _LAST), _weights(3, 3, 3, 8), 1, "VALID")
  x = tf.transpose(x, _FIRST)
  x = tf.nn.leaky_relu(tf.raw_ops.Add(x=x, y=_weights(1, 8, 1, 1)), 0.1)
  x = tf.pad(x, [[0, 0], [0, 0], [1, 1], [1, 1]], constant_values=-np.inf)
  y = tf.nn.max_pool2d(tf.transpose(x, _LAST), 3, 2, "VALID")
  y = tf.transpose(y, _FIRST)
  return tf.concat([y, y * 2.0], axis=1, name="end")


def _write(function, shape, path):
  """Writes a function as a graph model with float16 weights."""
  with tf.Graph().as_default() as graph:
    image = tf.compat.v1.placeholder(tf.float32, shape, name="image")
    function(image)
  data, entries = b"", []
  nodes = json_format.MessageToDict(graph.as_graph_def())["node"]
  for operation in graph.get_operations():
    if operation.type == "Const":
      value = tf.make_ndarray(operation.node_def.attr["value"].tensor)
      entry = {
        "name": operation.name,
        "shape": list(value.shape),
        "dtype": str(value.dtype),
      }
      if value.dtype == np.float32:
        value = value.astype(np.float16)
        entry["quantization"] = {"dtype": "float16"}
      data, entries = data + value.tobytes(), [*entries, entry]
  for node in nodes:
    if node["op"] == "Const":
      del node["attr"]["value"]
  manifest = [{"paths": ["net.bin"], "weights": entries}]
  text = {"modelTopology": {"node": nodes}, "weightsManifest": manifest}
  path.write_text(json.dumps(text), encoding="utf-8")
  (path.parent / "net.bin").write_bytes(data)
  return path


def test_reads_channels_last_after_a_node(tmp_path):
  path = _write(_channels_last, [1, 8, 6, 3], tmp_path / "net.json")
  graph = read_tfjs(path, "half", {"map": "end"})
  assert graph.input_shape == (8, 6, 3)
  assert {w.dtype for w in graph.weights.values()} == {np.dtype(np.float16)}
  images = np.random.default_rng(0).random((3, 8, 6, 3), np.float32)
  found = GraphModule(graph)(tf.constant(images * 0.5))["map"]
  expected = np.concatenate([_channels_last(i[None]) for i in images])
  np.testing.assert_allclose(found, expected, atol=1e-6)


def test_channels_first_become_last(tmp_path):
  path = _write(_channels_first, [1, 3, 8, 6], tmp_path / "net.json")
  graph = read_tfjs(path, "image", {"map": "end"})
  assert graph.input_shape == (8, 6, 3)
  assert all(node.operation != "transpose" for node in graph.nodes)
  images = np.random.default_rng(0).random((3, 8, 6, 3), np.float32)
  found = GraphModule(graph)(tf.constant(images))["map"].numpy()
  first = images.transpose(_FIRST)
  expected = np.concatenate([_channels_first(i[None]) for i in first])
  np.testing.assert_allclose(found.transpose(_FIRST), expected, atol=1e-6)


@pytest.mark.parametrize(
  ("function", "message"),
  [
    (lambda x: tf.sin(x, name="end"), "operation Sin is not supported"),
    (
      lambda x: tf.identity(tf.unstack(x, axis=3)[1], name="end"),
      "operations of several results",
    ),
    (
      lambda x: tf.transpose(x, [0, 2, 1, 3], name="end"),
      "operation Transpose by",
    ),
    (lambda x: tf.concat([x, x], 0, name="end"), "the batch"),
  ],
)
def test_what_is_not_supported_is_named(tmp_path, function, message):
  path = _write(function, [1, 8, 6, 3], tmp_path / "odd.json")
  with pytest.raises(ValueError, match=rf"odd\.json: .*{message}"):
    read_tfjs(path, "image", {"y": "end"})


def test_bad_files_are_named(tmp_path):
  path = _write(_channels_last, [1, 8, 6, 3], tmp_path / "net.json")
  with pytest.raises(ValueError, match="has no node 'nowhere'"):
    read_tfjs(path, "nowhere", {"map": "end"})
  with (tmp_path / "net.bin").open("ab") as file:
    file.write(b"more")
  with pytest.raises(ValueError, match="net.json: not a graph model"):
    read_tfjs(path, "half", {"map": "end"})
  (tmp_path / "other.json").write_text("{}")
  with pytest.raises(ValueError, match="other.json: not a graph model"):
    read_tfjs(tmp_path / "other.json", "half", {})
