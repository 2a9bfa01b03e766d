"""Writes the reconstruction model as a SavedModel: features -> trace, meshes.

  python -m tools.export --export_dir=exported --weights=my.npz --num_stages=5

The result needs TensorFlow only, not this package. Names and shapes of its
inputs and outputs stand in `hund_tf/export/saved_model.py`.
"""

import sys

from absl import app, logging

from flags import body_flags, method_flags, program
from flags.from_config import define
from hund_tf.cli.export import ExportConfig
from hund_tf.export.saved_model import ReconstructionModule, save_model

_to_config = define(ExportConfig, "Export", only=("export_dir", "export_mesh"))


def main(argv: list[str]) -> None:
  if len(argv) > 1:
    raise app.UsageError(f"unexpected arguments: {' '.join(argv[1:])}")
  logging.set_verbosity(logging.WARNING)  # saving logs every internal name
  config = _to_config()
  try:
    model = method_flags.to_model(body_flags.to_model())
    module = ReconstructionModule(
      model, method_flags.stages(), config.export_mesh
    )
    folder = save_model(module, config.export_dir)
  except (ValueError, OSError) as error:
    print(f"export: {error}", file=sys.stderr)
    sys.exit(1)
  print(f"export: wrote {folder}")


if __name__ == "__main__":
  program.run(main)
