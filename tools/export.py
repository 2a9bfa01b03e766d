"""Writes the reconstruction model as a SavedModel, TensorFlow Lite or ONNX.

  python -m tools.export --export_dir=exported --weights=my.npz --num_stages=5
  python -m tools.export --export_dir=exported --format=tflite
  python -m tools.export --export_dir=exported --format=onnx

A SavedModel needs TensorFlow only, not this package: features -> trace, meshes,
or, by --format=people, photos' bytes -> people (`export/people_module.py`).
Names and shapes of its inputs and outputs stand in
`hund_tf/export/saved_model.py`; those of TensorFlow Lite and ONNX, of the last
state without the polish, in `hund_tf/export/portable.py`.
"""

import dataclasses

from absl import app

from flags import body_flags, method_flags, program
from flags.from_config import define
from hund_tf.cli import export

_to_config = define(
  export.ExportConfig,
  "Export",
  only=(
    "export_dir",
    "format",
    "export_mesh",
    "export_people",
    "export_pixels",
  ),
)


def main(argv: list[str]) -> int:
  if len(argv) > 1:
    raise app.UsageError(f"unexpected arguments: {' '.join(argv[1:])}")
  polish = method_flags.to_config().polish
  config = dataclasses.replace(
    _to_config(),
    weights=method_flags.weights_path(),
    polish=None if polish else False,
    num_stages=method_flags.stages(),
  )
  return export.run(
    config, lambda: method_flags.to_model(body_flags.to_model())
  )


if __name__ == "__main__":
  program.run(main)
