"""The client of `serving/`: REST to our server, gRPC to a small servicer."""

from concurrent import futures
from pathlib import Path

import grpc
import pytest
from google.protobuf import text_format
from tensorflow_serving.apis import (
  predict_pb2,
  prediction_log_pb2,
  prediction_service_pb2_grpc,
)
from tensorflow_serving.config import model_server_config_pb2

from hund_tf.compat import tf
from hund_tf.serving.model import ServedModel, with_defaults
from serving import client as program
from tests.serving import tiny

_FOLDER = Path(__file__).parents[2] / "serving"


def test_rest_goes_to_our_server(client, tmp_path, capsys):
  url = f"http://127.0.0.1:{client.port}"
  good, bad = program.predict_rest([tiny.photo(2), b"no photo"], url)
  assert good["num_people"] == 2 and bad["error"] == "is no photo"
  with pytest.raises(RuntimeError, match="404: .*Servable not found"):
    program.predict_rest([b""], url, "other")
  path = tmp_path / "photo.png"
  path.write_bytes(tiny.photo(3))
  assert program.main([str(path), f"--url={url}"]) == 0
  assert capsys.readouterr().out == f"{path}: 3 people\n"
  assert program.main([str(path), "--url=http://127.0.0.1:1"]) == 1


class _Servicer(prediction_service_pb2_grpc.PredictionServiceServicer):
  """Answers by the model, as TensorFlow Serving does."""

  def __init__(self, model: ServedModel):
    self._model = model

  def Predict(self, request, context):
    inputs = {k: tf.make_ndarray(v) for k, v in request.inputs.items()}
    answer = predict_pb2.PredictResponse()
    assert request.model_spec.name == "people"
    name = request.model_spec.signature_name
    inputs = with_defaults(self._model.signatures[name], inputs)
    outputs = self._model.run(name, inputs)
    for name, value in outputs.items():
      answer.outputs[name].CopyFrom(tf.make_tensor_proto(value))
    return answer


def test_grpc_goes_to_a_servicer(tiny_model, tmp_path, capsys):
  server = grpc.server(futures.ThreadPoolExecutor(1))
  prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(
    _Servicer(tiny_model), server
  )
  port = server.add_insecure_port("127.0.0.1:0")
  server.start()
  try:
    target = f"127.0.0.1:{port}"
    found = program.predict_grpc([tiny.photo(2), b"no photo"], target)
    assert found["num_people"].tolist() == [2, -1]
    assert found["joints"].shape == (2, tiny.MOST, 1, 3)
    path = tmp_path / "photo.png"
    path.write_bytes(tiny.photo(1))
    assert program.main([str(path), f"--grpc={target}"]) == 0
    assert capsys.readouterr().out == f"{path}: 1 people\n"
  finally:
    server.stop(None)


def test_grpc_request_has_the_bytes():
  request = program.grpc_request([b"a\x00", b""], signature="detect")
  assert request.model_spec.signature_name == "detect"
  sent = tf.make_ndarray(request.inputs["image_bytes"])
  assert sent.tolist() == [b"a\x00", b""]


def test_requests_for_warming_up_are_made(tiny_folder):
  model = ServedModel(tiny_folder)
  assert model.warm_up(tiny.photo(1)) > 0.0
  log = prediction_log_pb2.PredictionLog()
  log.predict_log.request.CopyFrom(program.grpc_request([tiny.photo(2)]))
  path = model.folder / "assets.extra" / "tf_serving_warmup_requests"
  path.parent.mkdir(exist_ok=True)
  with tf.io.TFRecordWriter(str(path)) as writer:
    writer.write(log.SerializeToString())
  try:
    ((name, inputs),) = model.warm_up_requests()
  finally:
    path.unlink()
  assert name == "serving_default"
  assert inputs["image_bytes"].tolist() == [tiny.photo(2)]


def test_configurations_of_tensorflow_serving_are_read():
  text = (_FOLDER / "models.config").read_text("utf-8")
  config = model_server_config_pb2.ModelServerConfig()
  text_format.Parse(text, config)
  (model,) = config.model_config_list.config
  assert model.name == "people" and model.base_path == "/models/people"
  parameters = (_FOLDER / "batching_parameters.txt").read_text("utf-8")
  assert "max_batch_size { value: 8 }" in parameters
  docker = (_FOLDER / "Dockerfile").read_text("utf-8")
  for name in ("models.config", "batching_parameters.txt"):
    assert f"/serving/{name}" in docker and f"serving/{name}" in docker
