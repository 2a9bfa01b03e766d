"""The descent in TensorFlow Lite and ONNX gives what TensorFlow gives."""

import sys

import numpy as np
import pytest

from hund_tf.compat import tf, tf_keras
from hund_tf.export import onnx, portable, tflite
from hund_tf.export.portable_ops import REPLACED, REPLACED_IN_ONNX
from hund_tf.export.saved_model import ReconstructionModule
from hund_tf.models.hund.config import HundConfig
from hund_tf.models.hund.model import HundModel, blank_inputs


def _run_tflite(function, path, inputs):
  tflite.write(function, path)
  interpreter = tf.lite.Interpreter(str(path))
  return interpreter.get_signature_runner()(**inputs)


def _run_onnx(function, path, inputs):
  reason = "needs the extra `onnx`"
  pytest.importorskip("tf2onnx", reason=reason)
  runtime = pytest.importorskip("onnxruntime", reason=reason)
  onnx.write(function, path)
  session = runtime.InferenceSession(
    str(path), providers=["CPUExecutionProvider"]
  )
  names = [x.name for x in session.get_outputs()]
  known = {x.name for x in session.get_inputs()}
  given = {k: v for k, v in inputs.items() if k in known}
  return dict(zip(names, session.run(names, given), strict=True))


formats = pytest.mark.parametrize(
  ("run", "replaced"),
  [(_run_tflite, REPLACED), (_run_onnx, REPLACED_IN_ONNX)],
  ids=["tflite", "onnx"],
)


@pytest.fixture(scope="module")
def small():
  """A function with every operation that is replaced, and a variable."""
  scale = tf.Variable(tf.random.stateless_normal([5, 5], seed=[0, 1]))

  def compute(right, vectors):
    wide = tf.matmul(right, scale)
    matrix = tf.matmul(wide, wide, transpose_a=True) + tf.eye(5)
    places = tf.cast(vectors > 0.0, tf.int32)
    batch = tf.shape(vectors)[:1]
    finite = tf.math.is_finite(tf.math.log(vectors))
    return {
      "a": tf.linalg.cross(vectors[:, :3], tf.asinh(vectors[:, 2:])),
      "b/half": tf.where(finite, vectors, 0.5),
      "c": tf.math.log1p(tf.abs(vectors)) + tf.math.softplus(vectors),
      "d": tf.nn.gelu(vectors) + tf.einsum("bij,bj->bi", matrix, vectors),
      "e": batch,
      # Lite cannot slice what has two sizes that are not known.
      "f": tf.tile(right, [1, tf.shape(vectors)[0], 1])[..., None] * 2.0,
      "g": right[:, None, 1:, :, None] + right[:, None, :3][..., None],
      "h": tf.math.unsorted_segment_max(vectors, places, 2)
      + tf.math.unsorted_segment_sum(vectors, places, 2),
      "i": tf.eye(5, batch_shape=batch) + matrix,
      "j": tf.eye(3, 4, batch_shape=batch) * vectors[:, :3, None],
    }

  specs = {
    "right": tf.TensorSpec([None, 4, 5], name="right"),
    "vectors": tf.TensorSpec([None, 5], name="vectors"),
  }
  # A traced function does not hold its variables, but this frame does.
  yield tf.function(compute, autograph=False).get_concrete_function(**specs)


def _close(found, expected, tolerance: float):
  assert set(found) == set(expected)
  for name, value in expected.items():
    size = np.maximum(1.0, np.abs(value))
    error = np.abs(found[name] - value) / size
    assert error.max() < tolerance, name


@pytest.mark.parametrize("batch", [1, 3])
@formats
def test_small_function(run, replaced, small, batch, tmp_path):
  rng = np.random.default_rng(batch)
  inputs = {
    "right": rng.normal(size=[batch, 4, 5]).astype(np.float32),
    "vectors": rng.normal(size=[batch, 5]).astype(np.float32),
  }
  function = portable.without_rare_operations(small, replaced)
  types = {x.type for x in function.graph.get_operations()}
  assert not types & replaced.keys()
  expected = {k: v.numpy() for k, v in small(**inputs).items()}
  _close(run(function, tmp_path / "small", inputs), expected, 2e-5)


def test_operations_that_onnx_lacks_are_named(tmp_path):
  pytest.importorskip("tf2onnx", reason="needs the extra `onnx`")
  function = tf.function(lambda x: {"y": tf.linalg.cholesky(x)})
  spec = tf.TensorSpec([None, 2, 2], name="x")
  with pytest.raises(ValueError, match="ONNX cannot hold .*Cholesky"):
    onnx.write(function.get_concrete_function(x=spec), tmp_path / "a.onnx")


def test_missing_extra_is_named(small, tmp_path, monkeypatch):
  monkeypatch.setitem(sys.modules, "onnx.checker", None)
  with pytest.raises(ImportError, match=r"pip install 'hund_tf\[onnx\]'"):
    onnx.write(small, tmp_path / "small.onnx")


@formats
def test_descent(run, replaced, full_objective, tmp_path):
  """One stage, of features with random peaks."""
  tf_keras.utils.set_random_seed(0)
  config = HundConfig(num_stages=1)
  module = ReconstructionModule(
    HundModel(full_objective, config), mesh="proxy_1500"
  )
  features, intrinsics = blank_inputs(config, 2)
  rng = np.random.default_rng(0)
  inputs = {
    k: v.numpy() for k, v in (features._asdict() | intrinsics._asdict()).items()
  }
  del inputs["features"]
  inputs["heatmaps"] = np.float32(
    rng.uniform(0, 1, inputs["heatmaps"].shape) ** 20
  )
  inputs["heatmap_weights"] += 1.0
  expected = module.reconstruct(inputs)
  expected = {
    k: (v[:, -1] if k.startswith("state/") else v).numpy()
    for k, v in expected.items()
    if k != "vertices" and not k.startswith("loss/")
  }
  function = portable.descent(module, False, replaced)
  _close(run(function, tmp_path / "model", inputs), expected, 1e-4)
