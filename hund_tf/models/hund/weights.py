"""Weights of the learned descent as one npz file, with its settings.

The settings are those of the model and of the objective whose value it learned
to read: with another objective its inputs would mean something else.
"""

import dataclasses
import os
import pathlib
from collections.abc import Sequence

import numpy as np

from hund_tf import files
from hund_tf.body.model import BodyModel
from hund_tf.losses.alignment import AlignmentObjective, ObjectiveConfig
from hund_tf.losses.terms import Term
from hund_tf.models import weight_files
from hund_tf.models.hund.config import HundConfig
from hund_tf.models.hund.model import HundModel
from hund_tf.models.weight_files import WeightsError
from hund_tf.types import STATE_SIZE

DEFAULT_PATH = pathlib.Path(__file__).parent / "assets" / "hund_open.npz"
_WRITER = "tools.train_hund"
# Settings of weights that were trained before there were others.
_BEFORE = {"landmark_inputs": False, "squeezed_details": 0, "term_units": 0}
_BRANCH = "hund_cell/term_branch/"  # names of its variables
_OBJECTIVE = "objective"  # key of the settings: those of the objective


def save(model: HundModel, path: str | os.PathLike) -> None:
  """Writes the weights and the settings of a model, atomically."""
  arrays = {v.name: v.numpy() for v in model.variables}
  settings = {
    **dataclasses.asdict(model.config),
    _OBJECTIVE: dataclasses.asdict(model.objective.config),
  }
  weight_files.write(path, arrays, settings)


def assign_fitting(model: HundModel, path: str | os.PathLike) -> list[str]:
  """Gives a model the weights of a file of one that embeds pictures otherwise.

  The errors of face and hands that the stages of the file read are squeezed if
  the model squeezes them: to their directions that matter most. Kernels of the
  context embedding, and the one that a stage reads its inputs
  by, start with zeros for inputs that those of the file lack, the last ones, so
  that the model begins with what the other one does. Variables of the embedding
  that the file lacks, or has in another shape, stay as they are, and so do
  kernels after a layer that has more outputs than in the file. A branch for
  terms that the file lacks stays as it is, and one that the model lacks is left
  out.

  Returns:
    Names of the variables that stay as they are.

  Raises:
    WeightsError: if the file cannot be read or anything else differs; the model
      then keeps its weights.
  """
  arrays, settings = weight_files.read(path, _WRITER)
  _squeeze(arrays, read_configs(settings, path)[0], model)
  embedding = {v.name: v for v in model.embedding.variables}
  owner = next(iter(embedding)).split("/")[0] + "/"
  widened = arrays.keys() & {*embedding, model.cell.input_kernel.name}
  kept = []
  moved = False  # whether the layer before has another number of outputs
  for variable in model.variables:
    name, shape = variable.name, tuple(variable.shape)
    old = arrays.get(name)
    if len(shape) == 1:
      moved = old is not None and old.shape != shape
    if old is not None and old.shape == shape:
      continue
    if name in widened and not moved and _reads_less(old.shape, shape):
      wider = [(0, 0)] * len(shape)
      wider[-2] = (0, shape[-2] - old.shape[-2])
      arrays[name] = np.pad(old, wider)
    elif name in embedding or name.startswith(_BRANCH):
      arrays[name] = variable.numpy()
      kept.append(name)
  names = {v.name for v in model.variables}
  used = {
    name: value
    for name, value in arrays.items()
    if name in names or not name.startswith((owner, _BRANCH))
  }
  weight_files.assign(model.variables, used, path)
  return kept


def read_configs(
  settings: dict, path: str | os.PathLike
) -> tuple[HundConfig, ObjectiveConfig]:
  """The settings of a file, of any version.

  Raises:
    WeightsError: if they are not those of a model.
  """
  settings = {**_BEFORE, **settings}
  try:
    objective = settings.pop(_OBJECTIVE)
    weight_files.check_settings(HundConfig, settings)
    weight_files.check_settings(ObjectiveConfig, objective)
    settings["filters"] = tuple(settings["filters"])
    return HundConfig(**settings), ObjectiveConfig(**objective)
  except (KeyError, TypeError, ValueError, AttributeError) as error:
    raise WeightsError(
      f"weights {path}: not the settings of a model ({files.problem(error)})"
    ) from error


def _squeeze(
  arrays: dict[str, np.ndarray], old: HundConfig, model: HundModel
) -> None:
  """Factors the kernel by which a file's stages read face and hands, in place.

  The best approximation of that rank (its singular vectors), which a squeezing
  model continues from; 3D landmarks, which come after, count nothing yet.
  """
  squeeze = model.cell.squeeze_kernel
  name = model.cell.input_kernel.name
  if squeeze is None or old.squeezes or old.loss_inputs != "residuals":
    return
  kernel = arrays[name]
  end = STATE_SIZE + old.loss_input_size
  first = end - old.detail_residual_size
  left, values, right = np.linalg.svd(kernel[first:end], full_matrices=False)
  rank = squeeze.shape[1]
  root = np.sqrt(values[:rank])
  squeezed = np.zeros(squeeze.shape, np.float32)
  squeezed[: end - first] = left[:, :rank] * root
  arrays[squeeze.name] = squeezed
  others = np.zeros([model.config.landmark_input_size, kernel.shape[1]])
  arrays[name] = np.concatenate(
    [kernel[:first], kernel[end:], others, root[:, None] * right[:rank]]
  ).astype(np.float32)


def _reads_less(old: tuple[int, ...], new: tuple[int, ...]) -> bool:
  """Whether kernels differ in that the old one has fewer inputs only."""
  return (
    len(old) == len(new) >= 2
    and old[:-2] + old[-1:] == new[:-2] + new[-1:]
    and old[-2] < new[-2]
  )


def load(
  body_model: BodyModel,
  path: str | os.PathLike | None = None,
  jit_compile: bool = False,
  terms: Sequence[Term] = (),
) -> HundModel:
  """The model of a weights file, by default the trained one of this project.

  Args:
    body_model: whose states the model refines.
    path: what `save` wrote.
    jit_compile: XLA for the body and its loss in each stage.
    terms: that the value of the objective is to have beside its own.

  Returns:
    The model with the objective that it was trained with.

  Raises:
    WeightsError: if the file cannot be read or does not describe a model.
  """
  path = path or DEFAULT_PATH
  arrays, settings = weight_files.read(path, _WRITER)
  config, objective = read_configs(settings, path)
  config = dataclasses.replace(
    config, detach_loss_inputs=False, jit_compile=jit_compile
  )
  model = HundModel(AlignmentObjective(body_model, objective, terms), config)
  weight_files.assign(model.variables, arrays, path)
  return model
