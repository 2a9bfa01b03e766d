"""What a SavedModel puts out for photos, against what the package does."""

import numpy as np
import pytest

import hund_tf
from hund_tf.compat import tf
from hund_tf.export.saved_model import ReconstructionModule, save_model
from hund_tf.models.hund import polish_anchor, weights
from hund_tf.reconstruction.methods import HundMethod
from hund_tf.types import RefinementState


@pytest.fixture
def descents(monkeypatch):
  """Descents of the demo's photos, and their method: (inputs, trace)."""
  plain, seen = HundMethod.__call__, []

  def record(method, *inputs):
    trace = plain(method, *inputs)
    seen.append((method, inputs, trace))
    return trace

  monkeypatch.setattr(HundMethod, "__call__", record)
  reconstruct = hund_tf.load(parts=())
  for name in ("astronaut", "cameraman"):
    assert reconstruct(hund_tf.demo_photo(name))
  method = seen[0][0]
  both = tf.nest.map_structure(
    lambda *x: tf.concat(x, axis=0), *(inputs for _, inputs, _ in seen)
  )
  method(*both)
  return seen


def _named(trace: RefinementState) -> dict[str, np.ndarray]:
  found = {f"state/{k}": v for k, v in trace.state._asdict().items()}
  return found | {f"loss/{k}": v for k, v in trace.terms._asdict().items()}


@pytest.mark.slow
def test_a_saved_model_equals_the_package_on_photos(descents, tmp_path):
  """One person first, then two: the program of any batch is the same."""
  method = descents[0][0]
  model = weights.load(method.objective.body_model, weights.DEFAULT_PATH)
  anchor = polish_anchor.load_beside(weights.DEFAULT_PATH, None)
  module = ReconstructionModule(model, mesh="proxy_1500", anchor=anchor)
  loaded = tf.saved_model.load(str(save_model(module, tmp_path / "model")))
  serve = loaded.signatures["serving_default"]
  for _, (features, intrinsics), trace in descents:
    last = tf.nest.map_structure(lambda x: x[:, -1], trace.state)
    expected = _named(trace)
    expected["uncertainty"] = method.uncertainty(features, intrinsics, last)
    body = method.objective.body_model.decode(last, mesh="proxy_1500")
    expected |= body._asdict()
    given = features._asdict() | intrinsics._asdict()
    outputs = serve(**{k: v for k, v in given.items() if k != "features"})
    assert set(outputs) == set(expected)
    for name, value in expected.items():
      error = np.abs(outputs[name] - value) / np.maximum(1.0, np.abs(value))
      assert error.max() <= 1e-5, name
