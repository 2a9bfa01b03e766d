"""Writes the reconstruction model as a SavedModel, TensorFlow Lite or ONNX.

A SavedModel needs TensorFlow only, not this package: features -> trace, meshes,
or, as `hund_tf/export/people_module.py` describes it, photos' bytes -> people.
Names and shapes of its inputs and outputs stand in
`hund_tf/export/saved_model.py`; those of TensorFlow Lite and ONNX, of the last
state without the polish, in `hund_tf/export/portable.py`.
"""

import dataclasses
import logging
import sys
from collections.abc import Callable
from pathlib import Path

from hund_tf.api.demo import demo_photo
from hund_tf.body import asset
from hund_tf.body.model import BodyModel
from hund_tf.export import onnx, portable, portable_ops, tflite
from hund_tf.export.people_module import PeopleModule
from hund_tf.export.saved_model import (
  ReconstructionModule,
  new_folder,
  save_model,
)
from hund_tf.models.hund import polish_anchor, weights
from hund_tf.models.hund.config import DescentOptions
from hund_tf.models.hund.model import HundModel
from hund_tf.options import REQUIRED, check, option
from hund_tf.reconstruction import quality
from hund_tf.reconstruction.method_config import MethodConfig, find_calibration

_SAVED_MODEL, _PEOPLE = "saved_model", "people"
# Of one file each, by its ending, and the operations that they lack.
_WRITERS = {
  "tflite": (tflite.write, portable_ops.REPLACED),
  "onnx": (onnx.write, portable_ops.REPLACED_IN_ONNX),
}
_NO_MESH = "none"


@dataclasses.dataclass(frozen=True)
class ExportConfig:
  """Which model is written, where, and what it puts out."""

  export_dir: str = option(
    REQUIRED, "New folder for the model; made if missing."
  )
  format: str = option(
    _SAVED_MODEL,
    "Format: a SavedModel with the trace, or with the detector, from the bytes "
    "of photos to people; or the last state, not polished, as the "
    "file hund.tflite or hund.onnx in the folder.",
    choices=(_SAVED_MODEL, _PEOPLE, *_WRITERS),
  )
  export_mesh: str = option(
    asset.FULL_MESH,
    "Mesh that is put out; none in hund.tflite and hund.onnx only.",
    choices=(*asset.MESHES, _NO_MESH),
  )
  export_people: int = option(
    8, "Most people of a photo that --format=people puts out.", low=1
  )
  export_pixels: int = option(
    25_000_000,
    "Most pixels of a photo that --format=people takes; of a larger one it "
    "says so.",
    low=1024,
  )
  weights: str | None = option(
    None, "Weights of the learned descent; by default those of the project."
  )
  polish: bool | None = option(
    None,
    "Polish the last state. By default where the weights have a "
    "NAME.polish.npz beside them; never in hund.tflite and hund.onnx.",
  )
  num_stages: int | None = option(
    None,
    "Number of refinement stages (M of Eq. 2); by default the number that the "
    "weights were trained with.",
    low=0,
  )

  def __post_init__(self):
    check(self)
    if self.export_mesh == _NO_MESH and self.format not in _WRITERS:
      raise ValueError(
        f"export_mesh: 'none' is for the formats {', '.join(_WRITERS)}; give "
        f"one of {', '.join(asset.MESHES)}"
      )
    if self.polish and self.format in _WRITERS:
      raise ValueError(
        f"polish: the format {self.format} has none; leave it out, or give the "
        f"format {_SAVED_MODEL}"
      )


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
    polish = config.polish is not False and config.format not in _WRITERS
    if polish and isinstance(model.objective.body_model, BodyModel):
      anchor = polish_anchor.load_beside(path, config.num_stages)
    mesh = config.export_mesh
    module = ReconstructionModule(
      model,
      config.num_stages,
      asset.REDUCED_MESHES[-1] if mesh == _NO_MESH else mesh,
      anchor,
      loop=config.format == _PEOPLE,
    )
    if config.format == _PEOPLE:
      # A calibration is of a weights file.
      calibration = None if load else _calibration(config, model)
      written = _with_size(_people(module, model, calibration, config))
    else:
      written = _written(module, config)
  except (ValueError, OSError, ImportError) as error:
    print(f"export: {error}", file=sys.stderr)
    return 1
  note = " (without the polish)" if config.format in _WRITERS else ""
  print(f"export: wrote {written}{note}")
  return 0


def _written(module: ReconstructionModule, config: ExportConfig) -> Path:
  """What was written, in the format that is asked for."""
  if config.format not in _WRITERS:
    return save_model(module, config.export_dir)
  write, replaced = _WRITERS[config.format]
  folder = new_folder(config.export_dir)
  with_vertices = config.export_mesh != _NO_MESH
  function = portable.descent(module, with_vertices, replaced)
  folder.mkdir(parents=True, exist_ok=True)
  return write(function, folder / f"hund.{config.format}")


def _people(
  descent: ReconstructionModule,
  model: HundModel,
  calibration: quality.QualityCalibration | None,
  config: ExportConfig,
) -> Path:
  """The folder of the model from photos to people."""
  if model.config.feature_channels:
    raise ValueError(
      "--format: got people with weights that read features F, expected "
      "saved_model"
    )
  module = PeopleModule(
    descent,
    calibration,
    config.export_people,
    config.export_pixels,
    example=demo_photo().read_bytes(),
  )
  return save_model(module, config.export_dir)


def _with_size(folder: Path) -> str:
  size = sum(p.stat().st_size for p in folder.rglob("*") if p.is_file())
  return f"{folder} ({size / 1e6:.1f} MB)"


def _calibration(
  config: ExportConfig, model: HundModel
) -> quality.QualityCalibration | None:
  """That of the weights, if it is of this many stages."""
  method = MethodConfig(
    weights=config.weights,
    descent=DescentOptions(num_stages=config.num_stages),
  )
  return find_calibration(method, model.objective)
