"""Runs the server: listens at once, loads the model, ends without losses."""

import logging
import os
import socket
import sys
import threading
import warnings
from collections.abc import Callable
from types import FrameType

import uvicorn
from PIL import Image

from hund_tf.serving.app import make_app
from hund_tf.serving.config import ServeConfig
from hund_tf.serving.connections import PunctualProtocol
from hund_tf.serving.model import ServedModel
from hund_tf.serving.service import Service

_CONNECTIONS = 1000
_KEEP_ALIVE_S = 15
_LOG = logging.getLogger(__name__)
Load = Callable[[], tuple[ServedModel, float]]


class Server(uvicorn.Server):
  """A server whose model is loaded while it answers that it is not ready.

  Attributes:
    service: answers.
    url: under which it does.
    error: why the model was not loaded, if so.
  """

  def __init__(
    self,
    config: ServeConfig,
    load: Load,
    told: Callable[[str], None] = lambda line: None,
  ):
    """Listens; requests are answered after `serve_all`.

    Args:
      config: of the server.
      load: makes the model, warm, and tells the seconds that a photo takes.
      told: gets a line when requests are answered.

    Raises:
      OSError: if the address cannot be listened on.
    """
    self.service = Service(config)
    self._told = told
    super().__init__(
      uvicorn.Config(
        make_app(self.service, config.model_name),
        http=PunctualProtocol,
        ws="none",
        loop="asyncio",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=_CONNECTIONS,
        timeout_keep_alive=_KEEP_ALIVE_S,
        timeout_graceful_shutdown=max(1, round(config.shutdown_seconds)),
      )
    )
    family = socket.AF_INET6 if ":" in config.host else socket.AF_INET
    self._socket = socket.create_server(
      (config.host, config.port), family=family, backlog=256
    )
    host = f"[{config.host}]" if ":" in config.host else config.host
    self.url = f"http://{host}:{self._socket.getsockname()[1]}"
    self.error: Exception | None = None
    self._loader = threading.Thread(
      target=self._load, args=(load,), name="loader", daemon=True
    )

  def serve_all(self) -> None:
    """Serves until a signal, or `handle_exit`, ends it.

    In the main thread, the signal is raised again when all is answered.
    """
    # Sizes are checked: what is below Pillow's own limit is nobody's concern.
    warnings.simplefilter("ignore", Image.DecompressionBombWarning)
    self._loader.start()
    try:
      self.run(sockets=[self._socket])
    finally:
      self._socket.close()
      if self._loader.is_alive():
        # It cannot be interrupted, nor waited for.
        sys.stderr.flush()
        os._exit(0)
      self.service.close()

  def handle_exit(self, sig: int, frame: FrameType | None) -> None:
    """Lets requests end that are being answered, and refuses others."""
    self.service.refuse_new()
    super().handle_exit(sig, frame)

  def _load(self, load: Load) -> None:
    try:
      model, seconds = load()
      self.service.open(model, seconds)
      self._told(f"ready, version {model.version}")
    except Exception as error:  # of a file that may hold anything
      self.error = error
      self.should_exit = True
