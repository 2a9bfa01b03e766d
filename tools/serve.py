"""Serves a SavedModel of tools/export.py by HTTP.

  python -m tools.serve --model_dir=exported [--port=8501]

The REST paths are those of TensorFlow Serving; the guide to serving tells of
them, of limits and of metrics. SIGTERM and Ctrl-C end it after the requests
that are being answered.
"""

import sys

from absl import app

from flags import program
from flags.from_config import define
from hund_tf.cli import serve
from hund_tf.serving.config import ServeConfig

_to_config = define(ServeConfig, "Server")


def main(argv: list[str]) -> int:
  if len(argv) > 1:
    raise app.UsageError(f"unexpected arguments: {' '.join(argv[1:])}")
  try:
    config = _to_config()
  except ValueError as error:
    print(f"serve: {error}", file=sys.stderr)
    return 1
  return serve.run(config)


if __name__ == "__main__":
  program.run(main)
