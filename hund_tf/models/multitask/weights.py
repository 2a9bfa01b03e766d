"""Weights of the multitask network as one npz file, with its settings."""

import dataclasses
import os
import pathlib
from collections.abc import Callable, Sequence

import numpy as np

from hund_tf import files
from hund_tf.models import weight_files
from hund_tf.models.multitask.config import MultitaskConfig, NewNetworkConfig
from hund_tf.models.multitask.network import MultitaskNetwork
from hund_tf.models.multitask.pose_encoder import PoseEncoder
from hund_tf.models.weight_files import WeightsError

DEFAULT_PATH = (
  pathlib.Path(__file__).parent / "assets" / "multitask_blazepose.npz"
)
_WRITER = "tools.train_multitask"


def save(
  model: MultitaskNetwork, path: str | os.PathLike, half: bool = False
) -> None:
  """Writes weights, statistics and settings of a network, atomically.

  Args:
    model: the network.
    path: of the npz.
    half: whether values are stored in 16 bits.
  """
  arrays = _variables(model)
  kind = np.float16 if half else np.float32
  values = {name: v.numpy().astype(kind) for name, v in arrays.items()}
  weight_files.write(path, values, dataclasses.asdict(model.config))


def load(
  path: str | os.PathLike | None = None, precision: str | None = None
) -> MultitaskNetwork:
  """The network of a weights file, by default the one of this project.

  Args:
    path: what `save` wrote.
    precision: of its convolutions; by default that of its training.

  Raises:
    WeightsError: if the file cannot be read or does not describe a network.
  """
  path = path or DEFAULT_PATH
  arrays, settings = weight_files.read(path, _WRITER)
  config = read_config(settings, path)
  if precision is not None:
    config = dataclasses.replace(config, precision=precision)
  model = MultitaskNetwork(config)
  weight_files.assign(_variables(model).values(), arrays, path)
  return model


def read_config(settings: dict, path: str | os.PathLike) -> MultitaskConfig:
  """The settings of a file.

  Raises:
    WeightsError: if they are not those of a network.
  """
  try:
    weight_files.check_settings(MultitaskConfig, settings)
    tuples = {name: tuple(settings[name]) for name in ("filters", "blocks")}
    return MultitaskConfig(**settings | tuples)
  except (KeyError, TypeError, ValueError) as error:
    raise WeightsError(
      f"weights {path}: not the settings of a multitask network "
      f"({files.problem(error)})"
    ) from error


def assign(model: MultitaskNetwork, path: str | os.PathLike) -> int:
  """Gives a network the weights of a file.

  The file may be of a network with fewer layers: those that it lacks stay as
  they are. New residual blocks change nothing, so the network then does what
  that of the file did.

  Returns:
    How many variables the file lacks.

  Raises:
    WeightsError: if the file cannot be read, or has layers that the network
      lacks or of other sizes; the network then keeps its weights.
  """
  variables = _variables(model)
  arrays, _ = weight_files.read(path, _WRITER)
  known = [v for name, v in variables.items() if name in arrays]
  weight_files.assign(known, arrays, path)
  return len(variables) - len(known)


def _variables(model: MultitaskNetwork) -> dict:
  """All variables by name, the moving statistics too."""
  found = {v.name: v for v in model.variables}
  if len(found) != len(model.variables):
    raise AssertionError("variables of the network share a name")
  return found


def make_network(
  config: NewNetworkConfig,
  initial_weights: str | None = None,
  encoder: Callable[[], Sequence[tuple[np.ndarray, np.ndarray]]] | None = None,
) -> MultitaskNetwork:
  """A new network.

  Args:
    config: which one.
    initial_weights: .npz that it starts from; what it lacks is new.
    encoder: gives the weights of a `PoseEncoder` that starts from none.

  Raises:
    ValueError: if weights cannot be used.
  """
  model = MultitaskNetwork(config.to_config())
  if config.backbone_weights:
    model.backbone.load_weights(config.backbone_weights)
  if (
    encoder and isinstance(model.backbone, PoseEncoder) and not initial_weights
  ):
    model.backbone.assign(encoder())
  if initial_weights:
    new = assign(model, initial_weights)
    if new:
      print(f"{initial_weights}: lacks {new} of the network's variables")
  return model
