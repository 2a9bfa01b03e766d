"""Networks that TensorFlow's own converter wrote, read back."""

from types import SimpleNamespace

import numpy as np
import pytest

from hund_tf.compat import tf
from hund_tf.detection.graphs.module import GraphModule
from hund_tf.detection.graphs.tflite import dense, read_tflite


def _weights(*shape: int) -> np.ndarray:
  random = np.random.default_rng(sum(shape))
  return random.normal(0, 0.4, shape).astype(np.float32)


def _network(x: tf.Tensor) -> dict[str, tf.Tensor]:
  """Every operator that the reader knows, on images [1, 12, 10, 3]."""
  x = tf.nn.relu6(tf.nn.conv2d(x, _weights(3, 3, 3, 8), 2, "SAME") + 0.1)
  y = tf.pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]])
  y = tf.nn.depthwise_conv2d(y, _weights(3, 3, 8, 1), [1, 1, 1, 1], "VALID")
  y = y + _weights(8) + x
  prelu = tf.nn.relu(y) + -_weights(1, 1, 8) * tf.nn.relu(-y)
  small = tf.nn.max_pool2d(prelu, 2, 2, "SAME")
  wide = tf.compat.v1.image.resize_bilinear(
    small, [6, 5], half_pixel_centers=True
  )
  both = tf.concat([tf.nn.relu(wide), y], axis=-1)
  cut = tf.nn.depth_to_space(both, 2)[:, 1::2, :8:2]
  pooled = tf.reduce_mean(both, [1, 2])
  score = tf.sigmoid(tf.matmul(pooled, _weights(16, 4)) + _weights(4))
  return {"rows": tf.reshape(cut, [1, -1, 2]), "score": score}


def _convert(function, path, half=False):
  spec = tf.TensorSpec([1, 12, 10, 3], tf.float32)
  concrete = tf.function(function).get_concrete_function(spec)
  converter = tf.lite.TFLiteConverter.from_concrete_functions([concrete])
  if half:
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.target_spec.supported_types = [tf.float16]
  path.write_bytes(converter.convert())
  return path


@pytest.mark.parametrize("half", [False, True])
def test_reads_what_the_converter_writes(tmp_path, half):
  graph = read_tflite(_convert(_network, tmp_path / "net.tflite", half))
  types = {w.dtype for w in graph.weights.values()}
  assert types == {np.dtype(np.float16 if half else np.float32)}
  assert graph.input_shape == (12, 10, 3)
  images = np.random.default_rng(0).random((3, 12, 10, 3), np.float32)
  found = GraphModule(graph)(tf.constant(images))
  single = [_network(tf.constant(image[None])) for image in images]
  for name in ("rows", "score"):
    expected = np.concatenate([one[name] for one in single])
    (value,) = (v for v in found.values() if v.shape == expected.shape)
    atol = (2e-3 if half else 2e-6) * np.ptp(expected)
    np.testing.assert_allclose(value, expected, atol=atol)


@pytest.mark.parametrize(
  ("function", "message"),
  [
    (lambda x: tf.sin(x), "operator SIN is not supported"),
    (lambda x: tf.reshape(x, [2, -1]), "move the batch"),
    (lambda x: tf.reduce_mean(x, [0, 1]), "MEAN over the batch"),
    (lambda x: tf.concat([x, x], 0), "CONCATENATION of the batch"),
  ],
)
def test_what_is_not_supported_is_named(tmp_path, function, message):
  path = _convert(function, tmp_path / "odd.tflite")
  with pytest.raises(ValueError, match=rf"odd\.tflite: .*{message}"):
    read_tflite(path)


def test_other_files_are_refused(tmp_path):
  (tmp_path / "a.tflite").write_bytes(b"hello, world")
  with pytest.raises(ValueError, match="not a TensorFlow Lite file"):
    read_tflite(tmp_path / "a.tflite")
  with pytest.raises(FileNotFoundError):
    read_tflite(tmp_path / "b.tflite")


def _dense_dimension(size):
  return SimpleNamespace(format=0, denseSize=size)


def _sparse_dimension(segments, indices):
  return SimpleNamespace(
    format=1,
    arraySegments=SimpleNamespace(values=np.array(segments)),
    arrayIndices=SimpleNamespace(values=np.array(indices)),
  )


def test_sparse_weights_are_spread():
  full = np.array([[0, 1, 0, 2], [0, 0, 0, 0], [3, 0, 0, 4]], np.float16)
  values = np.array([1, 2, 3, 4], np.float16)
  rows = SimpleNamespace(
    blockMap=None,
    traversalOrder=np.array([0, 1]),
    dimMetadata=[
      _dense_dimension(3),
      _sparse_dimension([0, 2, 2, 4], [1, 3, 0, 3]),
    ],
  )
  np.testing.assert_array_equal(dense(values, (3, 4), rows), full)
  columns = SimpleNamespace(
    blockMap=None,
    traversalOrder=np.array([1, 0]),
    dimMetadata=[
      _dense_dimension(4),
      _sparse_dimension([0, 1, 2, 2, 4], [2, 0, 0, 2]),
    ],
  )
  by_column = np.array([3, 1, 2, 4], np.float16)
  np.testing.assert_array_equal(dense(by_column, (3, 4), columns), full)
  both = SimpleNamespace(
    blockMap=None,
    traversalOrder=np.array([0, 1]),
    dimMetadata=[
      _sparse_dimension([0, 2], [0, 2]),
      _sparse_dimension([0, 2, 4], [1, 3, 0, 3]),
    ],
  )
  np.testing.assert_array_equal(dense(values, (3, 4), both), full)
  rows.blockMap = np.array([0])
  with pytest.raises(NotImplementedError, match="blocks"):
    dense(values, (3, 4), rows)
