"""The descent in TensorFlow Lite and ONNX gives what TensorFlow gives."""

import numpy as np
import pytest

from hund_tf.body.points import STEP_SIZE
from hund_tf.compat import tf, tf_keras
from hund_tf.export import onnx, portable, tflite
from hund_tf.export.portable_ops import REPLACED
from hund_tf.export.saved_model import ReconstructionModule
from hund_tf.models.hund.config import HundConfig
from hund_tf.models.hund.model import HundModel, blank_inputs
from hund_tf.models.hund.polish_anchor import Anchor


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


runs = pytest.mark.parametrize("run", [_run_tflite, _run_onnx])


@pytest.fixture(scope="module")
def small():
  """A function with every operation that is replaced, and a variable."""
  scale = tf.Variable(tf.random.stateless_normal([5, 5], seed=[0, 1]))

  def compute(right, vectors):
    wide = tf.matmul(right, scale)
    matrix = tf.matmul(wide, wide, transpose_a=True) + tf.eye(5)
    factor = tf.linalg.cholesky(matrix)
    solved = tf.linalg.cholesky_solve(factor, vectors[..., None])
    half = tf.linalg.triangular_solve(factor, vectors[..., None])
    places = tf.cast(vectors > 0.0, tf.int32)
    return {
      "h": tf.math.unsorted_segment_max(vectors, places, 2)
      + tf.math.unsorted_segment_sum(vectors, places, 2),
      "b/solved": tf.where(tf.math.is_finite(solved), solved, 0.0)[..., 0],
      "a": tf.linalg.cross(vectors[:, :3], tf.asinh(vectors[:, 2:]))
      + tf.reduce_sum(half * half),
      "c": tf.math.log1p(tf.abs(vectors)) + tf.math.softplus(vectors),
      "d": tf.nn.gelu(vectors) + tf.einsum("bij,bj->bi", matrix, vectors),
      "e": tf.shape(vectors)[:1],
      # Lite cannot slice what has two sizes that are not known.
      "f": tf.tile(right, [1, tf.shape(vectors)[0], 1])[..., None] * 2.0,
      "g": right[:, None, 1:, :, None] + right[:, None, :3][..., None],
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
@runs
def test_small_function(run, small, batch, tmp_path):
  rng = np.random.default_rng(batch)
  inputs = {
    "right": rng.normal(size=[batch, 4, 5]).astype(np.float32),
    "vectors": rng.normal(size=[batch, 5]).astype(np.float32),
  }
  function = portable.without_rare_operations(small)
  types = {x.type for x in function.graph.get_operations()}
  rare = {name for name in REPLACED if "Segment" not in name}
  assert not types & rare
  expected = {k: v.numpy() for k, v in small(**inputs).items()}
  _close(run(function, tmp_path / "small", inputs), expected, 2e-5)


def test_factors_for_other_ends_are_refused():
  function = tf.function(lambda x: {"y": tf.linalg.cholesky(x) + 1.0})
  spec = tf.TensorSpec([None, 2, 2], name="x")
  concrete = function.get_concrete_function(x=spec)
  with pytest.raises(ValueError, match="takes a Cholesky factor"):
    portable.without_rare_operations(concrete)


def test_missing_extra_is_named(small, tmp_path, monkeypatch):
  monkeypatch.setitem(__import__("sys").modules, "onnx", None)
  with pytest.raises(ImportError, match=r"pip install 'hund_tf\[onnx\]'"):
    onnx.write(small, tmp_path / "small.onnx")


@pytest.mark.slow
@runs
def test_descent(run, full_objective, tmp_path):
  """One stage and a polish, of features with random peaks."""
  tf_keras.utils.set_random_seed(0)
  config = HundConfig(num_stages=1)
  model = HundModel(full_objective, config)
  covariance = np.diag(np.full([STEP_SIZE], 0.3**2, np.float32))
  anchor = Anchor(covariance[None], np.zeros([0]), (10.0, 3.0), (0.2, 1.5))
  module = ReconstructionModule(model, mesh="proxy_1500", anchor=anchor)
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
    if not k.startswith("loss/")
  }
  function = portable.descent(module)
  _close(run(function, tmp_path / "model", inputs), expected, 1e-4)
