"""HUND through checkpoints, XLA, and as a SavedModel.

The process that the last one needs is the script beside this file. On two
devices it is in `tests/training/hund/test_trainer.py`.
"""

import os

import numpy as np
import pytest

from hund_tf.body.points import STEP_SIZE
from hund_tf.compat import tf, tf_keras
from hund_tf.export.saved_model import ReconstructionModule, save_model
from hund_tf.models.hund.config import HundConfig
from hund_tf.models.hund.model import HundModel, blank_inputs
from hund_tf.models.hund.polish_anchor import Anchor
from tests.conformance.processes import run_script
from tests.eager import run_eagerly

_BATCH = 3
_STAGES = 2


def _random_model(objective, seed: int, **options) -> HundModel:
  """A model whose updates are large enough to see what they do."""
  tf_keras.utils.set_random_seed(seed)
  model = HundModel(objective, HundConfig(num_stages=_STAGES, **options))
  for variable in model.trainable_variables:
    if "initial_state" in variable.name or "update" in variable.name:
      variable.assign_add(tf.random.normal(variable.shape, stddev=0.02))
  return model


@pytest.fixture(scope="module")
def objective(full_objective):
  return full_objective


@pytest.fixture(scope="module")
def model(objective):
  return _random_model(objective, 0)


@pytest.fixture(scope="module")
def inputs():
  """Features with random peaks in K and a random B."""
  features, intrinsics = blank_inputs(HundConfig(), _BATCH)
  rng = np.random.default_rng(0)
  heatmaps = rng.uniform(0, 1, features.heatmaps.shape) ** 20
  part_probs = rng.dirichlet(np.ones(15), [_BATCH, 60, 60])
  features = features._replace(
    heatmaps=tf.constant(heatmaps, tf.float32),
    heatmap_weights=tf.ones_like(features.heatmap_weights),
    part_probs=tf.constant(part_probs, tf.float32),
    part_weights=tf.ones_like(features.part_weights),
  )
  return features, intrinsics


@pytest.fixture(scope="module")
def trace(model, inputs):
  with run_eagerly():
    return model(*inputs)


def _assert_close(first, second, tolerance: float):
  for one, other in zip(
    tf.nest.flatten(first), tf.nest.flatten(second), strict=True
  ):
    np.testing.assert_allclose(one, other, rtol=tolerance, atol=tolerance)


def test_checkpoint_round_trip(
  objective, model, inputs, trace, tmp_path, eager
):
  path = tf.train.Checkpoint(model=model).write(str(tmp_path / "hund"))
  other = _random_model(objective, 1)
  assert np.abs(other(*inputs).terms.total - trace.terms.total).max() > 0.1
  status = tf.train.Checkpoint(model=other).read(path)
  status.assert_consumed().assert_existing_objects_matched()
  _assert_close(other(*inputs), trace, 1e-6)
  # Only the model's own weights are saved, not the body's.
  names = [name for name, _ in tf.train.list_variables(path)]
  assert len([n for n in names if "VARIABLE_VALUE" in n]) == len(
    model.variables
  )


@pytest.mark.slow
def test_whole_model_compiles_under_xla(model, inputs):
  plain = model(*inputs, num_stages=1)
  compiled = tf.function(
    lambda f, i: model(f, i, num_stages=1), autograph=False, jit_compile=True
  )
  _assert_close(compiled(*inputs), plain, 2e-3)


@pytest.mark.slow
def test_compiled_stages_agree(objective, model, inputs, trace):
  compiled = _random_model(objective, 1, jit_compile=True)
  compiled.set_weights(model.get_weights())
  _assert_close(compiled(*inputs), trace, 2e-3)


def test_saved_model_in_a_fresh_process(objective, inputs, tmp_path):
  """Loaded where this package cannot be imported, at two batch sizes."""
  with run_eagerly():
    trace = _random_model(objective, 0)(*inputs)
  never_called = _random_model(objective, 0)
  covariance = np.diag(np.full([STEP_SIZE], 0.3**2, np.float32))
  anchor = Anchor(covariance[None], np.zeros([0]), (10.0, 3.0), (0.2, 1.5))
  module = ReconstructionModule(never_called, mesh="proxy_1500", anchor=anchor)
  save_model(module, tmp_path / "model")
  features, intrinsics = inputs
  named = features._asdict() | intrinsics._asdict()
  del named["features"]
  np.savez(tmp_path / "inputs.npz", **{k: v.numpy() for k, v in named.items()})
  # Without 3D landmarks they are unknown, as those of `inputs` are.
  known = {k: v for k, v in named.items() if "landmark" not in k}
  expected = module.reconstruct(known)
  total = expected["loss/total"].numpy()
  np.testing.assert_allclose(total[:, :-1], trace.terms.total, 1e-5)
  assert (total[:, -1] < total[:, -2]).all()  # polished
  assert expected["uncertainty"].shape == (len(total), 63)
  np.savez(
    tmp_path / "expected.npz", **{k: v.numpy() for k, v in expected.items()}
  )
  run_script(
    "load_saved_model.py",
    *("--any_rows", str(tmp_path)),
    folder=tmp_path,
    sees_package=False,
  )


def test_saved_model_is_not_written_over_anything(model, tmp_path):
  (tmp_path / "mine.txt").write_text("keep")
  with pytest.raises(ValueError, match="expected a new or an empty folder"):
    save_model(ReconstructionModule(model), tmp_path)
  assert os.listdir(tmp_path) == ["mine.txt"]
