"""A small model with the names of the one of people, and a server of it."""

import base64
import http.client
import io
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image

from hund_tf.compat import tf
from hund_tf.serving import server
from hund_tf.serving.config import ServeConfig
from hund_tf.serving.model import ServedModel

MOST = 3  # people of a photo
_PNG = b"\x89PNG\r\n\x1a\n"


class TinyModel(tf.Module):
  """Sees as many people in a PNG as its first pixel is red."""

  def _people(self, image_bytes, focal_px):
    def one(data):
      good = tf.strings.substr(data, 0, 8) == _PNG
      red = lambda: tf.cast(tf.io.decode_png(data, 3)[0, 0, 0], tf.int32)
      return tf.cond(good, red, lambda: -1)

    number = tf.TensorSpec([], tf.int32)
    count = tf.map_fn(one, image_bytes, fn_output_signature=number)
    rows = tf.cast(tf.range(MOST) < count[:, None], tf.float32)
    bad = count < 0
    return {
      "num_people": count,
      "error": tf.where(bad, "is no photo", ""),
      "joints": rows[..., None, None]
      * focal_px[:, None, None, None]
      * tf.constant([[[[1.0, 0.5, 0.1]]]]),
      "quality": tf.where(bad, np.nan, tf.cast(count, tf.float32)),
      "data_bytes": tf.strings.substr(image_bytes, 0, 2),
    }

  def save(self, folder: Path) -> Path:
    """Writes it in TensorFlow Serving's layout, as version 7."""
    texts = tf.TensorSpec([None], tf.string, "image_bytes")
    focal = tf.TensorSpec([None], tf.float32, "focal_px")
    boxes = tf.TensorSpec([None, None, 4], tf.float32, "boxes")
    count = tf.TensorSpec([None], tf.int32, "count")
    make = lambda f, *specs: tf.function(f, input_signature=specs)

    one = tf.ones([1])

    def people(image_bytes, focal_px=one):
      return self._people(image_bytes, focal_px)

    def halves(count):
      wrong = tf.debugging.Assert(tf.reduce_all(count >= 0), ["below 0"])
      with tf.control_dependencies([wrong]):
        return {"half": count // 2}

    signatures = {
      "serving_default": make(people, texts, focal),
      "with_focal": make(self._people, texts, focal),
      "areas": make(
        lambda boxes: {"area": boxes[..., 2] * boxes[..., 3]}, boxes
      ),
      "halves": make(halves, count),
      "topology": make(lambda: {"faces": tf.constant([[0, 1, 2]])}),
    }
    tf.saved_model.save(self, str(folder / "7"), signatures=signatures)
    return folder


def photo(people: int, kind: str = "PNG") -> bytes:
  """A photo in which the model sees so many people."""
  data = io.BytesIO()
  Image.new("RGB", (40, 40), (people, 0, 0)).save(data, kind)
  return data.getvalue()


def b64(data: bytes) -> dict[str, str]:
  """Bytes as requests have them."""
  return {"b64": base64.b64encode(data).decode()}


class HeldModel:
  """A model whose calls wait until they are let go; it knows their sizes."""

  def __init__(self, model: ServedModel):
    self._model = model
    self.signatures, self.version = model.signatures, model.version
    self.signature_json = model.signature_json
    self.calls: list[int] = []
    self.entered = threading.Semaphore(0)
    self.go = threading.Semaphore(0)

  def run(self, name, inputs):
    self.calls.append(len(next(iter(inputs.values()))))
    self.entered.release()
    assert self.go.acquire(timeout=30)
    return self._model.run(name, inputs)


class Client:
  """JSON to and from a server, by connections of its own."""

  def __init__(self, made: server.Server):
    self.port = int(made.url.rsplit(":", 1)[1])

  def get(self, path: str):
    return self._ask("GET", path)

  def post(self, body, path: str = "/v1/models/people:predict", **headers):
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return self._ask("POST", path, data, headers)

  def _ask(self, method, path, body=None, headers=None):
    connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
    try:
      connection.request(method, path, body, headers or {})
      answer = connection.getresponse()
      text = answer.read()
    finally:
      connection.close()
    self.headers = answer.headers
    is_json = answer.headers["content-type"] == "application/json"
    return answer.status, json.loads(text) if is_json else text.decode()


@contextmanager
def serving(config: ServeConfig, load) -> Iterator[server.Server]:
  """A server in a thread, ready unless `load` waits."""
  made = server.Server(config, lambda: (load(), 0.0))
  thread = threading.Thread(target=made.serve_all)
  thread.start()
  try:
    yield made
  finally:
    made.should_exit = True
    thread.join(30)
    assert not thread.is_alive()


def wait_until(condition) -> None:
  """Returns when something is so, at the latest after 30 s."""
  done = threading.Event()
  for _ in range(3000):
    if condition():
      return
    done.wait(0.01)
  raise AssertionError("it did not come about")
