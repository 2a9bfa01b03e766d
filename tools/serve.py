"""Serves a SavedModel of tools/export.py by HTTP.

  python -m tools.serve --model_dir=exported [--port=8501]

The REST paths are those of TensorFlow Serving; the guide to serving tells of
them, of limits and of metrics. SIGTERM and Ctrl-C end it after the requests
that are being answered.
"""

from flags import program
from flags.from_config import define
from hund_tf.cli import serve
from hund_tf.serving.config import ServeConfig

_to_config = define(ServeConfig, "Server")


def main(argv: list[str]) -> int:
  return program.run_config(_to_config, serve.run, argv, "serve")


if __name__ == "__main__":
  program.run(main)
