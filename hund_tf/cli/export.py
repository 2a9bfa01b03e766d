"""Writes the reconstruction model as a SavedModel: features -> trace, meshes.

The result needs TensorFlow only, not this package. Names and shapes of its
inputs and outputs stand in `hund_tf/export/saved_model.py`.
"""

import dataclasses
import logging
import sys
from collections.abc import Callable

from hund_tf.body import asset
from hund_tf.body.model import BodyModel
from hund_tf.export.saved_model import ReconstructionModule, save_model
from hund_tf.models.hund import polish_anchor, weights
from hund_tf.models.hund.model import HundModel
from hund_tf.options import REQUIRED, check, option


@dataclasses.dataclass(frozen=True)
class ExportConfig:
  """Which model is written, where, and what it puts out."""

  export_dir: str = option(
    REQUIRED, "New folder for the SavedModel; made if missing."
  )
  export_mesh: str = option(
    asset.FULL_MESH, "Mesh that is put out.", choices=asset.MESHES
  )
  weights: str | None = option(
    None, "Weights of the learned descent; by default those of the project."
  )
  polish: bool = option(
    True,
    "Polish the last state, where the weights have a NAME.polish.npz beside "
    "them.",
  )
  num_stages: int | None = option(
    None,
    "Number of refinement stages (M of Eq. 2); by default the number that the "
    "weights were trained with.",
    low=0,
  )

  def __post_init__(self):
    check(self)


def run(
  config: ExportConfig, load: Callable[[], HundModel] | None = None
) -> int:
  """Writes the model; returns the exit status.

  Args:
    config: which model, and where.
    load: makes the model in place of `config.weights`.
  """
  # Saving logs every internal name.
  logging.getLogger("absl").setLevel(logging.WARNING)
  try:
    model = load() if load else weights.load(BodyModel(), config.weights)
    path = config.weights or weights.DEFAULT_PATH
    anchor = None
    if config.polish and isinstance(model.objective.body_model, BodyModel):
      anchor = polish_anchor.load_beside(path, config.num_stages)
    module = ReconstructionModule(
      model, config.num_stages, config.export_mesh, anchor
    )
    folder = save_model(module, config.export_dir)
  except (ValueError, OSError) as error:
    print(f"export: {error}", file=sys.stderr)
    return 1
  print(f"export: wrote {folder}")
  return 0
