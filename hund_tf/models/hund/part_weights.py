"""Weights of the descents of hands and faces, as npz files with settings."""

import dataclasses
import os
import pathlib

from hund_tf import files
from hund_tf.body.model import BodyModel
from hund_tf.body.part_bodies import part_body
from hund_tf.losses.part_alignment import PartObjective, PartObjectiveConfig
from hund_tf.models import weight_files
from hund_tf.models.hund.part_cell import PartConfig
from hund_tf.models.hund.part_model import PartHund
from hund_tf.models.weight_files import WeightsError

_FOLDER = pathlib.Path(__file__).parent / "assets"
DEFAULT_PATHS = {
  kind: _FOLDER / f"{kind}_open.npz" for kind in ("hand", "face")
}
_WRITER = "tools.train_parts"
_OBJECTIVE = "objective"  # key of the settings: those of the objective


def make(
  body_model: BodyModel,
  config: PartConfig,
  objective: PartObjectiveConfig | None = None,
) -> PartHund:
  """A model with first weights."""
  body = part_body(config.part, body_model)
  return PartHund(PartObjective(body, objective), config)


def save(model: PartHund, path: str | os.PathLike, half: bool = False) -> None:
  """Writes weights and settings, atomically; in 16 bits if asked."""
  kind = "float16" if half else "float32"
  arrays = {v.name: v.numpy().astype(kind) for v in model.trainable_variables}
  settings = {
    **dataclasses.asdict(model.config),
    _OBJECTIVE: dataclasses.asdict(model.objective.config),
  }
  weight_files.write(path, arrays, settings)


def load(
  body_model: BodyModel,
  kind: str,
  path: str | os.PathLike | None = None,
  jit_compile: bool = False,
) -> PartHund:
  """The model of a weights file, by default the trained one of the project.

  Raises:
    WeightsError: if the file cannot be read, or is not of such a part.
  """
  path = path or DEFAULT_PATHS[kind]
  arrays, settings = weight_files.read(path, _WRITER)
  try:
    objective = settings.pop(_OBJECTIVE)
    weight_files.check_settings(PartConfig, settings)
    weight_files.check_settings(PartObjectiveConfig, objective)
    config = PartConfig(**{**settings, "jit_compile": jit_compile})
    weights = PartObjectiveConfig(**objective)
  except (KeyError, TypeError, ValueError, AttributeError) as error:
    raise WeightsError(
      f"weights {path}: not the settings of a part's model "
      f"({files.problem(error)})"
    ) from error
  if config.part != kind:
    raise WeightsError(
      f"weights {path}: of a {config.part}, expected those of a {kind}"
    )
  model = make(body_model, config, weights)
  weight_files.assign(model.trainable_variables, arrays, path)
  return model
