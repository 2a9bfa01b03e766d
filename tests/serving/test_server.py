"""Batching, limits, refusals and the end, of a model that is held."""

import concurrent.futures
import dataclasses
import http.client
import json
import signal
import socket
import struct
import subprocess
import sys
import threading
import zlib

import pytest

from hund_tf.cli import main
from hund_tf.serving import connections, load, server, tensors
from hund_tf.serving.config import BatchingConfig, LimitsConfig, ServeConfig
from hund_tf.serving.model import ServedModel
from tests.serving import tiny
from tests.serving.tiny import b64

_HALVES = "halves"


def _config(folder, **changes) -> ServeConfig:
  own = {f.name for f in dataclasses.fields(BatchingConfig)}
  batching = {k: v for k, v in changes.items() if k in own}
  limits = {k: v for k, v in changes.items() if k not in own}
  return ServeConfig(
    model_dir=folder,
    port=0,
    batching=BatchingConfig(**{"batch_wait_ms": 0.0} | batching),
    limits=LimitsConfig(**limits),
  )


@pytest.fixture
def start(tiny_folder, held):
  """Starts servers of the held model; gives server and client."""
  running = []

  def start(load=None, **changes):
    one = tiny.serving(_config(tiny_folder, **changes), load or (lambda: held))
    made = one.__enter__()
    running.append(one)
    if load is None:
      tiny.wait_until(lambda: made.service.ready)
    return made, tiny.Client(made)

  yield start
  held.go.release(1000)
  for one in running:
    one.__exit__(None, None, None)


@pytest.fixture
def pool():
  with concurrent.futures.ThreadPoolExecutor(20) as pool:
    yield pool


def _counts(*values):
  return {"signature_name": _HALVES, "instances": list(values)}


def test_requests_of_different_clients_share_a_call(start, held, pool):
  made, client = start(max_batch=4)
  first = pool.submit(client.post, _counts(2))
  assert held.entered.acquire(timeout=30)
  others = [pool.submit(client.post, _counts(i, i + 2)) for i in (10, 20, 30)]
  other = pool.submit(client.post, {"instances": [b64(tiny.photo(1))]})
  tiny.wait_until(lambda: made.service._batcher.waiting == 7)
  held.go.release(100)
  assert first.result()[1] == {"predictions": [1]}
  for i, one in zip((10, 20, 30), others, strict=True):
    assert one.result() == (200, {"predictions": [i // 2, i // 2 + 1]})
  assert other.result()[0] == 200
  # Six rows of one signature in two calls; the other signature alone.
  assert held.calls[0] == 1 and sorted(held.calls[1:]) == [1, 2, 4]


def test_a_call_waits_for_others(start, held, pool):
  _, client = start(max_batch=2, batch_wait_ms=60_000)
  held.go.release(100)
  both = [pool.submit(client.post, _counts(i)) for i in (4, 6)]
  assert [one.result()[1]["predictions"] for one in both] == [[2], [3]]
  assert held.calls == [2]


def test_a_row_that_fails_harms_no_other(start, held, pool):
  made, client = start(max_batch=8)
  first = pool.submit(client.post, _counts(2))
  assert held.entered.acquire(timeout=30)
  good, bad = (pool.submit(client.post, _counts(i)) for i in (8, -8))
  tiny.wait_until(lambda: made.service._batcher.waiting == 2)
  held.go.release(100)
  assert first.result()[0] == 200
  assert good.result() == (200, {"predictions": [4]})
  assert bad.result()[0] == 400
  assert held.calls == [1, 2, 1, 1]


def test_a_model_that_fails_tells_no_details(start, held, monkeypatch):
  _, client = start()

  def fail(name, inputs):
    raise RuntimeError("secret")

  monkeypatch.setattr(held._model, "run", fail)
  held.go.release(100)
  status, answer = client.post(_counts(4))
  assert status == 500 and "the model failed" in answer["error"]
  assert "secret" not in answer["error"]


def test_full_queue_is_refused_and_recovers(start, held, pool):
  made, client = start(queue_size=2, max_batch=1)
  first = pool.submit(client.post, _counts(2))
  assert held.entered.acquire(timeout=30)
  # More rows than the queue has room for: all or none.
  status, answer = client.post(_counts(1, 2, 3))
  assert status == 429 and "queue is full" in answer["error"]
  assert int(client.headers["retry-after"]) >= 1
  second = pool.submit(client.post, _counts(4))
  tiny.wait_until(lambda: made.service._batcher.waiting == 1)
  # As many requests are being answered as may be: no byte is read.
  status, answer = client.post(_counts(6))
  assert status == 429 and "requests are being answered" in answer["error"]
  held.go.release(100)
  assert first.result()[0] == second.result()[0] == 200
  assert client.post(_counts(6)) == (200, {"predictions": [3]})


def test_slow_answers_are_given_up(start, held, pool):
  made, client = start(request_seconds=3.0, max_batch=1)
  first = pool.submit(client.post, _counts(2))
  assert held.entered.acquire(timeout=30)
  status, answer = client.post(_counts(4))
  assert status == 504 and "no answer within 3 s" in answer["error"]
  assert first.result()[0] == 504
  held.go.release(100)
  tiny.wait_until(lambda: not made.service._batcher.waiting)
  assert held.calls == [1]  # nobody waited for the second


def test_work_of_clients_that_left_is_dropped(start, held, pool):
  made, client = start(max_batch=1)
  first = pool.submit(client.post, _counts(2))
  assert held.entered.acquire(timeout=30)
  connection = http.client.HTTPConnection("127.0.0.1", client.port)
  body = json.dumps(_counts(4))
  connection.request("POST", "/v1/models/people:predict", body)
  tiny.wait_until(lambda: made.service._batcher.waiting == 1)
  connection.close()
  tiny.wait_until(lambda: 'status="499"' in client.get("/metrics")[1])
  held.go.release(100)
  assert first.result()[0] == 200
  assert client.post(_counts(6))[0] == 200
  assert held.calls == [1, 1]


def _bomb() -> bytes:
  """The head of a PNG of 60000 x 60000 pixels."""
  header = b"IHDR" + struct.pack(">IIBBBBB", 60000, 60000, 8, 2, 0, 0, 0)
  data = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + header
  return data + struct.pack(">I", zlib.crc32(header)) + b"\0\0\0\0IDAT"


def test_photos_with_too_many_pixels_have_an_error(start, held):
  _, client = start(max_image_pixels=2000)
  held.go.release(100)
  photos = [_bomb(), tiny.photo(2), tiny.photo(1, "BMP"), tiny.photo(1)]
  config = {"instances": [b64(photo) for photo in photos]}
  status, answer = client.post(config)
  assert status == 200
  bomb, good, other, last = answer["predictions"]
  assert bomb["num_people"] == -1
  assert "at most 2000" in bomb["error"]
  assert good["num_people"] == 2 and good["error"] == ""
  assert other["num_people"] == -1 and last["num_people"] == 1
  # The model never saw the bomb's bytes.
  assert bomb["data_bytes"] == b64(b"")


def test_bodies_are_bounded(start, held):
  _, client = start(max_body_mb=0.01, max_buffer_mb=0.01)
  held.go.release(100)
  status, answer = client.post(b" " * 20_000)
  assert status == 413 and "more than 0.01 MB" in answer["error"]
  # Stated in the head: refused before the body comes.
  connection = http.client.HTTPConnection("127.0.0.1", client.port, timeout=30)
  connection.putrequest("POST", "/v1/models/people:predict")
  connection.putheader("Content-Length", str(10**12))
  connection.endheaders()
  assert connection.getresponse().status == 413
  connection.close()
  # Not stated: refused while it comes.
  connection = http.client.HTTPConnection("127.0.0.1", client.port, timeout=30)
  chunks = (b" " * 5000 for _ in range(4))
  connection.request("POST", "/v1/models/people:predict", chunks)
  assert connection.getresponse().status == 413
  connection.close()
  assert client.post(_counts(6))[0] == 200


def test_connections_that_say_nothing_are_closed(start, monkeypatch):
  monkeypatch.setattr(connections.PunctualProtocol, "idle_s", 0.05)
  _, client = start()
  for begin in (b"", b"POST /v1/models/people:predict HTTP/1.1\r\nHost: "):
    with socket.create_connection(("127.0.0.1", client.port), 30) as slow:
      try:
        slow.sendall(begin)
        assert slow.recv(100) == b""
      except ConnectionError:  # it was closed before this came
        pass


def test_before_the_model_is_loaded_it_is_not_ready(start, held):
  loaded = threading.Event()

  def load():
    assert loaded.wait(30)
    return held

  made, client = start(load)
  assert client.get("/healthz/live") == (200, {"live": True, "ready": False})
  assert client.get("/healthz")[0] == 200
  assert client.get("/healthz/ready")[0] == 503
  _, answer = client.get("/v1/models/people")
  assert answer["model_version_status"][0]["state"] == "LOADING"
  status, answer = client.post(_counts(2))
  assert status == 503 and answer["error"] == "the model is being loaded"
  assert client.headers["retry-after"] == "1"
  assert client.get("/v1/models/people/metadata")[0] == 503
  loaded.set()
  tiny.wait_until(lambda: made.service.ready)
  held.go.release(100)
  assert client.get("/healthz/ready") == (200, {"live": True, "ready": True})
  assert client.post(_counts(2))[0] == 200


def test_a_model_that_does_not_load_ends_the_server(tiny_folder, tmp_path):
  (tmp_path / "saved_model.pb").write_bytes(b"no model")
  config = dataclasses.replace(_config(tiny_folder), model_dir=tmp_path)
  made = server.Server(config, lambda: (ServedModel(tmp_path), 0.0))
  made.serve_all()
  assert str(made.error).startswith(f"model_dir: {tmp_path} holds no")
  with pytest.raises(ValueError, match="hund export --format=people -o"):
    ServedModel(tiny_folder.parent / "missing")


def test_the_end_answers_what_came_and_refuses_what_comes(start, held, pool):
  made, client = start()
  kept = http.client.HTTPConnection("127.0.0.1", client.port, timeout=30)
  first = pool.submit(client.post, _counts(2))
  assert held.entered.acquire(timeout=30)
  # A request of which the head came before the signal, the body after it.
  kept.putrequest("POST", "/v1/models/people:predict")
  kept.putheader("Content-Length", "2")
  kept.endheaders()
  tiny.wait_until(lambda: made.service._admission._requests == 2)
  made.handle_exit(signal.SIGTERM, None)
  assert made.service.state == "UNLOADING" and not made.service.ready
  tiny.wait_until(lambda: not _listens(client.port))
  with pytest.raises(OSError):
    client.post(_counts(4))
  held.go.release(100)
  assert first.result() == (200, {"predictions": [1]})
  kept.send(b"{}")
  assert kept.getresponse().status == 400
  kept.close()


def _listens(port: int) -> bool:
  try:
    socket.create_connection(("127.0.0.1", port), 5).close()
  except OSError:
    return False
  return True


def test_inputs_that_are_left_out_have_their_defaults(tiny_model):
  signatures = tiny_model.signatures
  assert signatures["serving_default"].required == ["image_bytes"]
  assert signatures["with_focal"].required == ["focal_px", "image_bytes"]
  rows = json.dumps({"instances": ["a", {"b64": "YQ=="}]}).encode()
  call = tensors.read_call(rows, signatures)
  assert call.inputs["image_bytes"].tolist() == [b"a", b"a"]
  assert call.inputs["focal_px"].tolist() == [1.0, 1.0]
  # One row counts for all, of an input that may be left out.
  body = {"inputs": {"image_bytes": ["a", "b", "c"], "focal_px": [5]}}
  call = tensors.read_call(json.dumps(body).encode(), signatures)
  assert call.inputs["focal_px"].tolist() == [5.0, 5.0, 5.0]
  none = tensors.read_call(b'{"inputs": {"image_bytes": []}}', signatures)
  assert none.inputs["focal_px"].shape == (0,)


def test_load_is_bounded_and_counts_what_comes_back(start, held):
  made, _ = start()
  held.go.release(100_000)
  lines = []
  config = load.LoadConfig(
    server_url=made.url,
    load_clients=2,
    probe_seconds=0.2,
    minutes=0.005,
    overload_seconds=0.2,
  )
  load.run(config, [tiny.photo(1), b"no photo"], lines.append)
  assert len(lines) == 4
  assert all("; 0 errors;" in line for line in lines[:3])
  assert all(" x 200" in line for line in lines[:3])
  assert "MB before" in lines[3]
  for url in ("http://10.0.0.1:80", "http://localhost:80", "https://127.0.0.1"):
    with pytest.raises(ValueError, match="server_url: got"):
      load.LoadConfig(server_url=url)


def test_load_tells_refusals_from_errors():
  answers = {0: (200, 1.0), 1: (429, 0.1), 2: (503, 0.1), 3: (500, 0.1)}
  outcome = load.fixed_rate(lambda i: answers.get(i, (0, 0.0)), 100.0, 0.06)
  assert outcome.statuses == {200: 1, 429: 1, 503: 1, 500: 1, 0: 2}
  assert outcome.errors == 3 and outcome.seconds == [1.0]


def test_command_has_its_options_and_tells_what_is_wrong(capsys, tmp_path):
  with pytest.raises(SystemExit) as ended:
    main.main(["serve", "--help"])
  assert not ended.value.code
  shown = capsys.readouterr().out
  assert "--max_batch" in shown and "--max_image_pixels" in shown
  assert main.main(["serve", f"--model_dir={tmp_path}"]) == 1
  assert "hund export --format=people" in capsys.readouterr().err
  with pytest.raises(SystemExit) as ended:
    main.main(["serve", f"--model_dir={tmp_path}", "--max_buffer_mb=1"])
  assert ended.value.code == 2
  assert "max_buffer_mb: got 1" in capsys.readouterr().err


def test_command_serves_until_sigterm(tiny_folder):
  command = [sys.executable, "-m", "hund_tf.cli.main", "serve", "--port=0"]
  command.append(f"--model_dir={tiny_folder}")
  process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
  try:
    url = process.stdout.readline().split()[1]
    assert process.stdout.readline() == "serve: ready, version 7\n"
    port = int(url.split(":")[2].split("/")[0])
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    body = json.dumps(_counts(8))
    connection.request("POST", "/v1/models/people:predict", body)
    assert json.loads(connection.getresponse().read()) == {"predictions": [4]}
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 0
  finally:
    process.kill()
    process.wait()
    process.stdout.close()
