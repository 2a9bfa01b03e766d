"""Compiles the rasterizer op of tensorflow_graphics for this TensorFlow.

Without it pictures are made by a slower rasterizer, and the renderer `tfg`
cannot be used; all else works.
"""

import dataclasses
import sys

from absl import app

from flags import program
from flags.from_config import define
from hund_tf.options import option
from hund_tf.rendering import tfg_op


@dataclasses.dataclass(frozen=True)
class _Build:
  """What is built."""

  op_file: str | None = option(
    None, "File to write; by default where hund_tf looks for it."
  )
  rebuild: bool = option(
    False, "Build even if the op is there.", name="rebuild_op"
  )


_to_config = define(_Build, "Rasterizer op")


def main(argv: list[str]) -> None:
  if len(argv) > 1:
    raise app.UsageError(f"unexpected arguments: {' '.join(argv[1:])}")
  config = _to_config()
  if not config.op_file and not config.rebuild and tfg_op.is_available():
    print(f"rasterizer op: already built, {tfg_op.op_path()}")
    return
  try:
    path = tfg_op.build(config.op_file)
  except tfg_op.RasterizerOpError as error:
    print(f"rasterizer op: not built. {error}", file=sys.stderr)
    sys.exit(1)
  print(f"rasterizer op: built {path}")


if __name__ == "__main__":
  program.run(main)
