"""Weights of the multitask network as one npz file, with its settings."""

import dataclasses
import json
import os
import pathlib
import zipfile

import numpy as np

from hund_tf.models.multitask import MultitaskNetwork
from hund_tf.models.multitask_config import MultitaskConfig
from hund_tf.models.weights import WeightsError

DEFAULT_PATH = pathlib.Path(__file__).parent / "assets" / "multitask_small.npz"
_SETTINGS = "settings"  # entry of the npz with the settings


def save(
  model: MultitaskNetwork, path: str | os.PathLike, half: bool = False
) -> None:
  """Writes weights, statistics and settings of a network, atomically.

  Args:
    model: the network.
    path: of the npz.
    half: whether values are stored in 16 bits.
  """
  path = pathlib.Path(path)
  arrays = _variables(model)
  kind = np.float16 if half else np.float32
  values = {name: v.numpy().astype(kind) for name, v in arrays.items()}
  settings = json.dumps(dataclasses.asdict(model.config))
  temporary = path.with_name(path.name + ".tmp.npz")
  np.savez(temporary, **values, **{_SETTINGS: np.array(settings)})
  os.replace(temporary, path)


def load(
  path: str | os.PathLike | None = None, precision: str | None = None
) -> MultitaskNetwork:
  """The network of a weights file, by default the small one of this project.

  Args:
    path: what `save` wrote.
    precision: of its convolutions; by default that of its training.

  Raises:
    WeightsError: if the file cannot be read or does not describe a network.
  """
  path = path or DEFAULT_PATH
  arrays, settings = _read(path)
  try:
    for name in ("filters", "blocks"):
      settings[name] = tuple(settings[name])
    config = MultitaskConfig(**settings)
    if precision is not None:
      config = dataclasses.replace(config, precision=precision)
  except (KeyError, TypeError, ValueError) as error:
    raise WeightsError(
      f"weights {path}: not the settings of a multitask network ({error})"
    ) from error
  model = MultitaskNetwork(config)
  _assign(model, arrays, path)
  return model


def assign(model: MultitaskNetwork, path: str | os.PathLike) -> None:
  """Gives a network the weights of a file.

  Raises:
    WeightsError: if the file cannot be read, or is of a network of other
      sizes; the network then keeps its weights.
  """
  _assign(model, _read(path)[0], path)


def _variables(model: MultitaskNetwork) -> dict:
  """All variables by name, the moving statistics too."""
  found = {v.name: v for v in model.variables}
  if len(found) != len(model.variables):
    raise AssertionError("variables of the network share a name")
  return found


def _read(path: str | os.PathLike) -> tuple[dict[str, np.ndarray], dict]:
  try:
    with np.load(path) as file:
      arrays = dict(file)
      settings = json.loads(str(arrays.pop(_SETTINGS)))
  except (
    OSError,
    ValueError,
    KeyError,
    EOFError,
    zipfile.BadZipFile,
  ) as error:
    raise WeightsError(
      f"weights {path}: cannot be read ({error}); expected a file that "
      "`python -m tools.train_multitask` wrote"
    ) from error
  return arrays, settings


def _assign(
  model: MultitaskNetwork, arrays: dict[str, np.ndarray], path
) -> None:
  variables = _variables(model)
  expected = {name: tuple(v.shape) for name, v in variables.items()}
  found = {name: value.shape for name, value in arrays.items()}
  if found != expected:
    names = sorted(
      n for n in {*found, *expected} if found.get(n) != expected.get(n)
    )
    raise WeightsError(
      f"weights {path}: {names[0]} has shape {found.get(names[0])}, the "
      f"network expects {expected.get(names[0])} ({len(names)} such "
      "differences)"
    )
  for name, variable in variables.items():
    variable.assign(arrays[name].astype(np.float32))
