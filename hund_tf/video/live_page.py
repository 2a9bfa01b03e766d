"""A page on this machine alone that shows pictures as they come: MJPEG."""

import http.server
import threading

import cv2
import numpy as np

HOST = "127.0.0.1"
_QUALITY = 85  # of JPEG
_BETWEEN = b"--picture\r\nContent-Type: image/jpeg\r\nContent-Length: "
_PAGE = b"""<!DOCTYPE html>
<html lang="en"><title>People in 3D, live</title>
<body style="margin: 0; background: #222">
<img src="/view" alt="The live view" style="width: 100%; height: 100vh;
object-fit: contain"></body></html>
"""


class LivePage:
  """Serves a page that shows the newest picture."""

  def __init__(self, port: int):
    """Listens.

    Args:
      port: on which; 0: on any that is free.

    Raises:
      OSError: if nothing can listen on the port.
    """
    self._news = threading.Condition()
    self._picture, self._number, self._ended = b"", 0, False
    page = self

    class Handler(http.server.BaseHTTPRequestHandler):
      def do_GET(self):
        page._answer(self)

      def log_message(self, *_):
        pass

    self._server = http.server.ThreadingHTTPServer((HOST, port), Handler)
    self._server.daemon_threads = True
    self._port = self._server.server_address[1]
    self.url = f"http://{HOST}:{self._port}/"
    self._thread = threading.Thread(
      target=self._server.serve_forever, daemon=True
    )
    self._thread.start()

  def show(self, image: np.ndarray) -> None:
    """Shows a picture `[H, W, 3]` uint8 RGB from now on."""
    options = [cv2.IMWRITE_JPEG_QUALITY, _QUALITY]
    _, encoded = cv2.imencode(".jpg", image[..., ::-1], options)
    with self._news:
      self._picture = encoded.tobytes()
      self._number += 1
      self._news.notify_all()

  def close(self) -> None:
    """Ends the page, and the answers that are being given."""
    with self._news:
      self._ended = True
      self._news.notify_all()
    self._server.shutdown()
    self._server.server_close()

  def _answer(self, request: http.server.BaseHTTPRequestHandler) -> None:
    # Another name is that of a page elsewhere that is led to this machine.
    names = [f"{name}:{self._port}" for name in (HOST, "localhost")]
    if request.headers.get("Host") not in names:
      request.send_error(403)
    elif request.path == "/":
      request.send_response(200)
      request.send_header("Content-Type", "text/html; charset=utf-8")
      request.send_header("Content-Length", str(len(_PAGE)))
      request.end_headers()
      request.wfile.write(_PAGE)
    elif request.path == "/view":
      self._stream(request)
    else:
      request.send_error(404)

  def _stream(self, request: http.server.BaseHTTPRequestHandler) -> None:
    """Gives the newest picture until there are no more."""
    request.send_response(200)
    kind = "multipart/x-mixed-replace; boundary=picture"
    request.send_header("Content-Type", kind)
    request.send_header("Cache-Control", "no-store")
    request.end_headers()
    given = 0
    try:
      while True:
        with self._news:
          while self._number == given and not self._ended:
            self._news.wait()
          if self._ended:
            return
          given, picture = self._number, self._picture
        length = str(len(picture)).encode()
        request.wfile.write(_BETWEEN + length + b"\r\n\r\n" + picture + b"\r\n")
    except (BrokenPipeError, ConnectionError):
      pass  # it is looked at no more
