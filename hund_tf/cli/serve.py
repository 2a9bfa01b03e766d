"""Serves a SavedModel by HTTP, with the REST paths of TensorFlow Serving.

The docs' guide to serving tells of paths, limits and metrics. SIGTERM and
Ctrl-C end it after the requests that are being answered.
"""

import logging
import sys

from hund_tf.api.demo import demo_photo
from hund_tf.extras import load_extra
from hund_tf.serving.config import ServeConfig

_LOOPBACK = ("127.0.0.1", "::1", "localhost")


def run(config: ServeConfig) -> int:
  """Serves until a signal; returns the exit status."""
  logging.basicConfig(
    level=logging.WARNING, format="serve: %(message)s", stream=sys.stderr
  )
  try:
    for module in ("starlette", "uvicorn", "prometheus_client", "orjson"):
      load_extra(module, "serve")
    from hund_tf.serving import model, server

    model.find_version(config.model_dir)

    def load() -> tuple[model.ServedModel, float]:
      loaded = model.ServedModel(config.model_dir)
      return loaded, loaded.warm_up(demo_photo().read_bytes())

    made = server.Server(config, load, _tell)
  except (ValueError, OSError, ImportError) as error:
    print(f"serve: {error}", file=sys.stderr)
    return 1
  _tell(f"{made.url}/v1/models/{config.model_name}")
  if config.host not in _LOOPBACK:
    print(
      "serve: whoever reaches this address is answered; see SECURITY.md",
      file=sys.stderr,
    )
  made.serve_all()
  if made.error is not None:
    print(f"serve: {made.error}", file=sys.stderr)
    return 1
  return 0


def _tell(line: str) -> None:
  print(f"serve: {line}", flush=True)
