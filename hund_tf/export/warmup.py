"""Requests that TensorFlow Serving answers before a model is ready.

It reads them from `assets.extra/tf_serving_warmup_requests`, a TFRecord of
`PredictionLog`. The few fields that are needed are written as protocol buffers
have them, so that the API of TensorFlow Serving need not be installed; the
numbers of the fields are those of its prediction_log.proto, predict.proto and
model.proto.
"""

import tempfile
from collections.abc import Mapping
from pathlib import Path

from hund_tf.compat import tf

_DELIMITED = 2  # wire type of texts, bytes and messages
# Fields: of PredictionLog, PredictLog, PredictRequest, ModelSpec, map entries.
_PREDICT_LOG, _REQUEST, _MODEL_SPEC, _INPUTS = 6, 1, 1, 2
_SIGNATURE_NAME, _KEY, _VALUE = 3, 1, 2


def requests(signature: str, inputs: Mapping[str, tf.Tensor]) -> bytes:
  """The file with one request.

  Args:
    signature: name of the signature that is called.
    inputs: of it, by name.
  """
  request = _field(_MODEL_SPEC, _field(_SIGNATURE_NAME, signature.encode()))
  for name, value in sorted(inputs.items()):
    tensor = tf.make_tensor_proto(value).SerializeToString(deterministic=True)
    entry = _field(_KEY, name.encode()) + _field(_VALUE, tensor)
    request += _field(_INPUTS, entry)
  log = _field(_PREDICT_LOG, _field(_REQUEST, request))
  with tempfile.TemporaryDirectory() as folder:
    path = Path(folder) / "requests"
    with tf.io.TFRecordWriter(str(path)) as writer:
      writer.write(log)
    return path.read_bytes()


def _field(number: int, content: bytes) -> bytes:
  """A field of a message: its number and kind, length and content."""
  return _varint(number << 3 | _DELIMITED) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
  """A number in groups of seven bits, the lowest first."""
  digits = bytearray()
  while value > 127:
    digits.append(value & 127 | 128)
    value >>= 7
  return bytes([*digits, value])
