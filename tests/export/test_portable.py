"""The descent in TensorFlow Lite gives what TensorFlow gives."""

import numpy as np
import pytest

from hund_tf.compat import tf, tf_keras
from hund_tf.export import portable, tflite
from hund_tf.export.portable_ops import REPLACED
from hund_tf.export.saved_model import ReconstructionModule
from hund_tf.models.hund.config import HundConfig
from hund_tf.models.hund.model import HundModel, blank_inputs


def _run(function, path, inputs):
  tflite.write(function, path)
  interpreter = tf.lite.Interpreter(str(path))
  return interpreter.get_signature_runner()(**inputs)


@pytest.fixture(scope="module")
def small():
  """A function with every operation that is replaced, and a variable."""
  scale = tf.Variable(tf.random.stateless_normal([5, 5], seed=[0, 1]))

  def compute(right, vectors):
    wide = tf.matmul(right, scale)
    matrix = tf.matmul(wide, wide, transpose_a=True) + tf.eye(5)
    places = tf.cast(vectors > 0.0, tf.int32)
    finite = tf.math.is_finite(tf.math.log(vectors))
    return {
      "a": tf.linalg.cross(vectors[:, :3], tf.asinh(vectors[:, 2:])),
      "b/half": tf.where(finite, vectors, 0.5),
      "c": tf.math.log1p(tf.abs(vectors)) + tf.math.softplus(vectors),
      "d": tf.nn.gelu(vectors) + tf.einsum("bij,bj->bi", matrix, vectors),
      "e": tf.shape(vectors)[:1],
      # Lite cannot slice what has two sizes that are not known.
      "f": tf.tile(right, [1, tf.shape(vectors)[0], 1])[..., None] * 2.0,
      "g": right[:, None, 1:, :, None] + right[:, None, :3][..., None],
      "h": tf.math.unsorted_segment_max(vectors, places, 2)
      + tf.math.unsorted_segment_sum(vectors, places, 2),
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
def test_small_function(small, batch, tmp_path):
  rng = np.random.default_rng(batch)
  inputs = {
    "right": rng.normal(size=[batch, 4, 5]).astype(np.float32),
    "vectors": rng.normal(size=[batch, 5]).astype(np.float32),
  }
  function = portable.without_rare_operations(small)
  types = {x.type for x in function.graph.get_operations()}
  assert not types & REPLACED.keys()
  expected = {k: v.numpy() for k, v in small(**inputs).items()}
  _close(_run(function, tmp_path / "small", inputs), expected, 2e-5)


@pytest.mark.slow
def test_descent(full_objective, tmp_path):
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
  function = portable.descent(module, vertices=False)
  _close(_run(function, tmp_path / "model", inputs), expected, 1e-4)
