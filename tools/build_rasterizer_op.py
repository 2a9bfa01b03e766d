"""Compiles the rasterizer op of tensorflow_graphics for this TensorFlow.

Without it pictures are made by a slower rasterizer, and the renderer `tfg`
cannot be used; all else works.
"""

import sys

from absl import app, flags

from hund_tf.rendering import tfg_op

_OUTPUT = flags.DEFINE_string(
  "output", None, "File to write; by default where hund_tf looks for it."
)
_FORCE = flags.DEFINE_bool("force", False, "Build even if the op is there.")


def main(argv: list[str]) -> None:
  if len(argv) > 1:
    raise app.UsageError(f"unexpected arguments: {' '.join(argv[1:])}")
  if not _OUTPUT.value and not _FORCE.value and tfg_op.is_available():
    print(f"rasterizer op: already built, {tfg_op.op_path()}")
    return
  try:
    path = tfg_op.build(_OUTPUT.value)
  except tfg_op.RasterizerOpError as error:
    print(f"rasterizer op: not built. {error}", file=sys.stderr)
    sys.exit(1)
  print(f"rasterizer op: built {path}")


if __name__ == "__main__":
  app.run(main)
