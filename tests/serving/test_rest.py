"""Paths and JSON are those of TensorFlow Serving, over real HTTP."""

import re

import numpy as np
import pytest

from tests.serving import tiny
from tests.serving.tiny import b64

_BLACK = [[0.0, 0.0, 0.0]]
_HERE = [[1.0, 0.5, 0.1]]


def test_row_format_gives_a_list_of_instances(client):
  status, answer = client.post(
    {"instances": [b64(tiny.photo(2)), b64(b"no photo")]}
  )
  assert status == 200
  assert list(answer) == ["predictions"]
  good, bad = answer["predictions"]
  assert good == {
    "num_people": 2,
    "error": "",
    "joints": [_HERE, _HERE, _BLACK],
    "quality": 2.0,
    "data_bytes": b64(b"\x89P"),
  }
  # One bad photo has its error in its own row; NaN is null.
  assert bad["num_people"] == -1 and bad["error"] == "is no photo"
  assert bad["quality"] is None


def test_column_format_gives_an_object_of_outputs(client):
  images = [b64(tiny.photo(1)), b64(tiny.photo(0))]
  body = {
    "signature_name": "with_focal",
    "inputs": {"image_bytes": images, "focal_px": [2, 4.5]},
  }
  status, answer = client.post(body)
  assert status == 200 and list(answer) == ["outputs"]
  outputs = answer["outputs"]
  assert outputs["num_people"] == [1, 0]
  joints = np.array(outputs["joints"])
  assert joints.shape == (2, tiny.MOST, 1, 3)
  np.testing.assert_allclose(joints[0, 0, 0], [2.0, 1.0, 0.2], rtol=1e-6)
  # The same instances as rows.
  rows = [
    {"image_bytes": image, "focal_px": focal}
    for image, focal in zip(images, (2, 4.5), strict=True)
  ]
  body = {"signature_name": "with_focal", "instances": rows}
  _, by_row = client.post(body, "/v1/models/people/versions/7:predict")
  for i, row in enumerate(by_row["predictions"]):
    assert row == {name: value[i] for name, value in outputs.items()}


def test_only_output_has_no_name(client):
  boxes = [[[0, 0, 2, 3], [1, 1, 4, 5.5]]]
  body = {"signature_name": "areas", "instances": boxes}
  assert client.post(body) == (200, {"predictions": [[6.0, 22.0]]})
  body = {"signature_name": "areas", "inputs": {"boxes": boxes}}
  assert client.post(body) == (200, {"outputs": [[6.0, 22.0]]})
  body = {"signature_name": "areas", "inputs": boxes}
  assert client.post(body) == (200, {"outputs": [[6.0, 22.0]]})


def test_no_instances_and_no_inputs(client):
  empty = {"inputs": {"image_bytes": []}}
  _, answer = client.post(empty)
  assert answer["outputs"]["num_people"] == []
  topology = {"signature_name": "topology", "inputs": {}}
  assert client.post(topology) == (200, {"outputs": [[0, 1, 2]]})


def test_status_and_metadata(client):
  expected = {
    "version": "7",
    "state": "AVAILABLE",
    "status": {"error_code": "OK", "error_message": ""},
  }
  for path in ("/v1/models/people", "/v1/models/people/versions/7"):
    assert client.get(path) == (200, {"model_version_status": [expected]})
  status, answer = client.get("/v1/models/people/metadata")
  assert status == 200
  assert answer["model_spec"] == {
    "name": "people",
    "signature_name": "",
    "version": "7",
  }
  signatures = answer["metadata"]["signature_def"]["signature_def"]
  boxes = signatures["areas"]["inputs"]["boxes"]
  assert boxes["dtype"] == "DT_FLOAT"
  assert [d["size"] for d in boxes["tensor_shape"]["dim"]] == ["-1", "-1", "4"]
  method = signatures["serving_default"]["method_name"]
  assert method == "tensorflow/serving/predict"


@pytest.mark.parametrize(
  "path",
  [
    "/v1/models/other",
    "/v1/models/people/versions/8",
    "/v1/models/other/metadata",
    "/v1/models",
    "/v1/models/people/versions/x",
    "/etc/passwd",
    "/v1/models/..%2f..%2fetc%2fpasswd",
  ],
)
def test_unknown_paths_are_not_found(client, path):
  status, answer = client.get(path)
  assert status == 404 and list(answer) == ["error"]


def test_other_methods_are_refused(client):
  assert client.post({}, "/v1/models/people/metadata")[0] == 405
  assert client.post({}, "/v1/models/other:predict")[0] == 404


_COUNTS = {"signature_name": "halves"}


@pytest.mark.parametrize(
  "body, message",
  [
    (b"", "JSON Parse error"),
    (b"{", "JSON Parse error"),
    (b'{"inputs": NaN}', "NaN"),
    (b"[" * 100 + b"]" * 100, "nested too deeply"),
    (b'{"inputs": [], "inputs": []}', "twice"),
    (b"[]", "no object"),
    ({}, "Missing 'inputs' or 'instances' key"),
    ({"inputs": [], "instances": []}, "only one of"),
    ({"instances": []}, "No values in 'instances'"),
    ({"instances": {}}, "to be an list"),
    ({"signature_name": 1, "instances": []}, "must be a string"),
    ({"signature_name": "x", "instances": []}, '"x" not found in signature'),
    ({"instances": [{"b64": "?"}]}, "element: 0 .* base64"),
    ({"instances": [{"b64": "QQ"}]}, "base64"),
    ({"instances": [{"b64": 1}]}, "base64"),
    ({"instances": [{"b64": "QQ==", "x": 1}]}, "does not have named input"),
    ({"instances": [5]}, "element: 0 .* expected a string"),
    ({"instances": [["QQ=="]]}, r"shape \[1, 1\], expected \[-1\]"),
    ({"instances": ["", {"image_bytes": ""}]}, "mixed"),
    ({"inputs": {"image_bytes": "x", "y": 1}}, "no named input: y"),
    ({"inputs": {}}, "Missing named input: image_bytes"),
    ({"signature_name": "with_focal", "inputs": ["x"]}, "plain value"),
    ({"instances": [1.5], **_COUNTS}, "got 1.5, expected int32"),
    ({"instances": [True], **_COUNTS}, "got True, expected int32"),
    ({"instances": [2**40], **_COUNTS}, "out of range"),
    ({"instances": [[1], 2], **_COUNTS}, r"Expecting shape \[1\] but got"),
    ({"inputs": [[1], [2, 3]], **_COUNTS}, "different lengths"),
    ({"instances": [1] * 17, **_COUNTS}, "16 are the most"),
    ({"instances": [-4], **_COUNTS}, "the model says: .*below 0"),
    (
      {"signature_name": "areas", "instances": [[[0, 0, 0, 1e200]]]},
      "out of range of float32",
    ),
    (
      {
        "signature_name": "with_focal",
        "inputs": {"image_bytes": ["x"], "focal_px": [1, 2]},
      },
      "different numbers of rows",
    ),
  ],
)
def test_wrong_requests_are_told_why(client, body, message):
  status, answer = client.post(body)
  assert status == 400, answer
  assert list(answer) == ["error"]
  assert "\n" not in answer["error"] and len(answer["error"]) < 600
  assert re.search(message, answer["error"]), answer


def test_metrics_count_answers(client):
  status, before = client.get("/metrics")
  assert status == 200
  assert client.headers["content-type"].startswith("text/plain")
  client.post({"instances": [3, 5], **_COUNTS})
  client.post(b"{")
  _, after = client.get("/metrics")

  def value(text, name):
    lines = [x for x in text.splitlines() if x.startswith(name + " ")]
    return float(lines[0].split()[1]) if lines else 0.0

  for name, added in (
    ('hund_serve_requests_total{status="200"}', 1),
    ('hund_serve_requests_total{status="400"}', 1),
    ("hund_serve_request_seconds_count", 1),
    ("hund_serve_call_rows_sum", 2),
  ):
    assert value(after, name) - value(before, name) == added, name
  assert value(after, "process_resident_memory_bytes") > 1e6
  assert value(after, "hund_serve_ready") == 1
