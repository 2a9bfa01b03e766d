"""All models but HUND through checkpoints, XLA, two devices and SavedModels.

HUND itself has `test_hund.py`; what the models are is in `components.py`.
"""

import numpy as np
import pytest

from hund_tf.compat import tf
from tests.conformance import components
from tests.conformance.processes import run_script


class _Served(tf.Module):
  """A component's variables and its function, for any batch size."""

  def __init__(self, component: components.Component):
    super().__init__()
    self.model = component.module
    specs = {
      name: tf.TensorSpec([None, *value.shape[1:]], tf.float32, name)
      for name, value in component.inputs.items()
    }
    self.serve = tf.function(
      lambda inputs: component.function(**inputs),
      input_signature=[specs],
      autograph=False,
    )


@pytest.fixture(scope="module")
def component():
  """Looks a component up by its name, and makes it once."""
  made = {}

  def get(name: str) -> components.Component:
    if name not in made:
      made[name] = components.make(name)
    return made[name]

  return get


def _assert_close(first, second, tolerance: float):
  assert set(first) == set(second)
  for name, value in second.items():
    np.testing.assert_allclose(
      first[name], value, rtol=tolerance, atol=tolerance, err_msg=name
    )


@pytest.mark.parametrize("name", components.WITH_VARIABLES)
def test_checkpoint_round_trip(name, component, tmp_path):
  first, second = component(name), components.WITH_VARIABLES[name](1)
  expected, before = first(), second()
  changes = [np.abs(before[k] - v).max() for k, v in expected.items()]
  assert max(changes) > 0.1  # other weights, other outputs
  path = tf.train.Checkpoint(model=first.module).write(str(tmp_path / "model"))
  status = tf.train.Checkpoint(model=second.module).read(path)
  status.assert_consumed().assert_existing_objects_matched()
  _assert_close(second(), expected, 1e-6)
  names = [name for name, _ in tf.train.list_variables(path)]
  assert len([n for n in names if "VARIABLE_VALUE" in n]) == len(
    first.module.variables
  )


# `tests/losses` compiles the objective's values alone.
_SLOW = "alignment_objective"
_QUICK = [name for name in components.NAMES if name != _SLOW]
_WITH_SLOW = pytest.param(_SLOW, marks=pytest.mark.slow)


@pytest.mark.parametrize("name", [*_QUICK, _WITH_SLOW])
def test_compiles_under_xla(name, component):
  model = component(name)
  compiled = tf.function(model.function, autograph=False, jit_compile=True)
  _assert_close(compiled(**model.batch()), model(), 1e-4)


@pytest.mark.parametrize(
  "names", [_QUICK, pytest.param([_SLOW], marks=pytest.mark.slow)]
)
def test_saved_models_in_a_fresh_process(names, component, tmp_path):
  """Loaded where this package cannot be imported, at two batch sizes."""
  for name in names:
    model, folder = component(name), tmp_path / name
    served = _Served(model)
    tf.saved_model.save(served, str(folder / "model"), served.serve)
    np.savez(folder / "inputs.npz", **model.inputs)
    np.savez(
      folder / "expected.npz", **{k: v.numpy() for k, v in model().items()}
    )
  folders = [str(tmp_path / name) for name in names]
  run_script(
    "load_saved_model.py", *folders, folder=tmp_path, sees_package=False
  )


@pytest.mark.slow
def test_two_devices_agree_with_one(tmp_path):
  """Under MirroredStrategy over two virtual CPU devices; trains a flow."""
  run_script("mirrored_components.py", folder=tmp_path, sees_package=True)
