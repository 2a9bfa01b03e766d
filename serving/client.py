"""Sends photos to a server of an exported model and prints who is in them.

  python serving/client.py photo.jpg
  python serving/client.py photo.jpg --url=http://127.0.0.1:8501
  python serving/client.py photo.jpg --grpc=127.0.0.1:8500

REST goes to `hund serve` and to TensorFlow Serving and needs nothing but
Python; gRPC goes to TensorFlow Serving and needs tensorflow-serving-api.
"""

import argparse
import base64
import json
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any

_TRIES = 5
_BUSY = (429, 503)


def predict_rest(
  photos: Sequence[bytes],
  url: str = "http://127.0.0.1:8501",
  name: str = "people",
  signature: str = "serving_default",
  timeout_s: float = 120.0,
) -> list[dict[str, Any]]:
  """What the model sees in each photo, by REST.

  A server that has too much to do is asked again after the time that it states.

  Args:
    photos: contents of JPEG, PNG, GIF or BMP files.
    url: of the server.
    name: of the model.
    signature: that is called.
    timeout_s: longest time of one request, seconds.

  Returns:
    A dict of the outputs for each photo.

  Raises:
    RuntimeError: if the server refuses the request; its text says why.
    OSError: if there is no server.
  """
  instances = [
    {"image_bytes": {"b64": base64.b64encode(photo).decode()}}
    for photo in photos
  ]
  body = {"signature_name": signature, "instances": instances}
  request = urllib.request.Request(
    f"{url}/v1/models/{name}:predict",
    json.dumps(body).encode(),
    {"Content-Type": "application/json"},
  )
  for tries_left in reversed(range(_TRIES)):
    try:
      with urllib.request.urlopen(request, timeout=timeout_s) as answer:
        return json.load(answer)["predictions"]
    except urllib.error.HTTPError as error:
      if error.code not in _BUSY or not tries_left:
        text = error.read().decode("utf-8", "replace")
        raise RuntimeError(f"{error.code}: {text[:1000]}") from error
      time.sleep(float(error.headers.get("Retry-After", 1)))
  raise AssertionError


def grpc_request(
  photos: Sequence[bytes],
  name: str = "people",
  signature: str = "serving_default",
):
  """The PredictRequest of photos; see `predict_rest`."""
  import tensorflow as tf
  from tensorflow_serving.apis import predict_pb2

  request = predict_pb2.PredictRequest()
  request.model_spec.name = name
  request.model_spec.signature_name = signature
  images = tf.make_tensor_proto(list(photos), tf.string, [len(photos)])
  request.inputs["image_bytes"].CopyFrom(images)
  return request


def predict_grpc(
  photos: Sequence[bytes],
  target: str = "127.0.0.1:8500",
  name: str = "people",
  signature: str = "serving_default",
  timeout_s: float = 120.0,
) -> dict[str, Any]:
  """What the model sees in photos, by gRPC.

  Args:
    photos: as in `predict_rest`.
    target: host and port of the server.
    name: of the model.
    signature: that is called.
    timeout_s: longest time of the request, seconds.

  Returns:
    Arrays by the outputs' names, each with a row for each photo.

  Raises:
    grpc.RpcError: if there is no answer.
  """
  import grpc
  import tensorflow as tf
  from tensorflow_serving.apis import prediction_service_pb2_grpc

  longest = [("grpc.max_receive_message_length", -1)]
  with grpc.insecure_channel(target, longest) as channel:
    stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
    answer = stub.Predict(grpc_request(photos, name, signature), timeout_s)
  return {k: tf.make_ndarray(v) for k, v in answer.outputs.items()}


def main(arguments: Sequence[str] | None = None) -> int:
  """Prints a line for each photo; returns the exit status."""
  parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
  parser.add_argument("photos", nargs="+", type=Path)
  parser.add_argument("--url", default="http://127.0.0.1:8501")
  parser.add_argument("--grpc", help="host:port, in place of REST")
  parser.add_argument("--name", default="people", help="of the model")
  chosen = parser.parse_args(arguments)
  try:
    photos = [path.read_bytes() for path in chosen.photos]
    if chosen.grpc:
      found = predict_grpc(photos, chosen.grpc, chosen.name)
      counts, errors = found["num_people"], found["error"]
      seen = [(int(n), e.decode()) for n, e in zip(counts, errors, strict=True)]
    else:
      rows = predict_rest(photos, chosen.url, chosen.name)
      seen = [(row["num_people"], row["error"]) for row in rows]
  except (OSError, RuntimeError) as error:
    print(f"client: {error}", file=sys.stderr)
    return 1
  for path, (count, error) in zip(chosen.photos, seen, strict=True):
    print(f"{path}: {error or f'{count} people'}")
  return 0


if __name__ == "__main__":
  sys.exit(main())
