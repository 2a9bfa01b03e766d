"""A SavedModel and its signatures, as TensorFlow Serving sees them."""

import dataclasses
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from google.protobuf import json_format
from tensorflow.core.protobuf import saved_model_pb2

from hund_tf.compat import tf

DEFAULT_SIGNATURE = "serving_default"
_FILE = "saved_model.pb"
_INIT = "__saved_model_init_op"
_WARM_UP = Path("assets.extra") / "tf_serving_warmup_requests"


@dataclasses.dataclass(frozen=True)
class Tensor:
  """An input or output of a signature.

  Attributes:
    dtype: of its values.
    shape: None where any size fits; None in place of it: any shape.
    default: of an input that may be left out, of one row where the signature
      has rows.
  """

  dtype: Any
  shape: tuple[int | None, ...] | None
  default: np.ndarray | None = None

  def fits(self, shape: tuple[int, ...]) -> bool:
    """Whether an array of this shape may be it."""
    if self.shape is None:
      return True
    return len(shape) == len(self.shape) and all(
      expected in (None, size)
      for size, expected in zip(shape, self.shape, strict=True)
    )

  @property
  def has_rows(self) -> bool:
    """Whether its first dimension is that of a batch."""
    return bool(self.shape) and self.shape[0] is None


@dataclasses.dataclass(frozen=True)
class Signature:
  """A function of the model.

  Attributes:
    name: in the SavedModel.
    inputs, outputs: by name.
    has_rows: whether every input and output has a row for each instance, so
      that rows of several requests can be put into one call.
  """

  name: str
  inputs: Mapping[str, Tensor]
  outputs: Mapping[str, Tensor]
  has_rows: bool

  @property
  def required(self) -> list[str]:
    """Inputs that may not be left out."""
    return [n for n, one in self.inputs.items() if one.default is None]


class ServedModel:
  """A SavedModel, loaded.

  Attributes:
    version: that of its folder, if this is a number, else 1.
    signatures: by name.
    signature_json: all of them as the metadata path shows them.
  """

  def __init__(self, folder: Path):
    """Loads the model of a folder, or the highest of its numbered folders.

    Raises:
      ValueError: if there is none, or it cannot be loaded.
    """
    self.folder, self.version = find_version(folder)
    try:
      saved = saved_model_pb2.SavedModel()
      saved.ParseFromString((self.folder / _FILE).read_bytes())
      self._loaded = tf.saved_model.load(str(self.folder))
      definitions = saved.meta_graphs[0].signature_def
    except Exception as error:  # files of any content raise any kind
      raise ValueError(
        f"model_dir: {self.folder} holds no SavedModel that loads "
        f"({type(error).__name__}: {str(error)[:300]})"
      ) from error
    self.signatures = {
      name: _signature(name, definition)
      for name, definition in sorted(definitions.items())
      if name != _INIT and name in self._loaded.signatures
    }
    if not self.signatures:
      raise ValueError(f"model_dir: {self.folder} has no signatures to call")
    self.signature_json = {
      name: json_format.MessageToDict(
        definition,
        including_default_value_fields=True,
        preserving_proto_field_name=True,
      )
      for name, definition in sorted(definitions.items())
    }

  def run(
    self, name: str, inputs: Mapping[str, np.ndarray]
  ) -> dict[str, np.ndarray]:
    """Outputs of a signature, strings as bytes.

    Args:
      name: of the signature.
      inputs: all of them, by name.
    """
    tensors = {
      key: tf.constant(value, self.signatures[name].inputs[key].dtype)
      for key, value in inputs.items()
    }
    outputs = self._loaded.signatures[name](**tensors)
    return {key: value.numpy() for key, value in outputs.items()}

  def warm_up(self, photo: bytes) -> float:
    """Makes the first calls, in which TensorFlow optimises the graph.

    Args:
      photo: is called with, if the model brings no requests of its own and its
        default signature needs one text and nothing else.

    Returns:
      Seconds that the last of them takes when it is made again.
    """
    requests = self.warm_up_requests()
    signature = self.signatures.get(DEFAULT_SIGNATURE)
    if not requests and signature is not None and signature.has_rows:
      needed = signature.required
      if [signature.inputs[n].dtype for n in needed] == [tf.string]:
        inputs = {needed[0]: np.array([photo], object)}
        requests = [(signature.name, with_defaults(signature, inputs))]
    for name, inputs in requests:
      self.run(name, inputs)
    begin = time.monotonic()
    for name, inputs in requests[-1:]:
      self.run(name, inputs)
    return time.monotonic() - begin

  def warm_up_requests(self) -> list[tuple[str, dict[str, np.ndarray]]]:
    """Signatures and inputs of the model's own requests for warming up.

    They are those that TensorFlow Serving replays; none without the file.
    """
    path = self.folder / _WARM_UP
    if not path.is_file():
      return []
    # Here alone the server needs the package.
    from tensorflow_serving.apis import prediction_log_pb2 as logs

    requests = []
    for record in tf.data.TFRecordDataset(str(path)).as_numpy_iterator():
      log = logs.PredictionLog.FromString(record)  # type: ignore[attr-defined]
      request = log.predict_log.request
      name = request.model_spec.signature_name or DEFAULT_SIGNATURE
      if name in self.signatures:
        given = {k: tf.make_ndarray(v) for k, v in request.inputs.items()}
        requests.append((name, with_defaults(self.signatures[name], given)))
    return requests


def find_version(folder: Path) -> tuple[Path, int]:
  """The folder of the model that is served, and its version.

  Raises:
    ValueError: if there is none.
  """
  folder = Path(folder)
  if (folder / _FILE).is_file():
    return folder, int(folder.name) if _is_number(folder.name) else 1
  numbered = [p.parent for p in folder.glob(f"*/{_FILE}")]
  versions = [p for p in numbered if _is_number(p.name)]
  if not versions:
    raise ValueError(
      f"model_dir: {folder} holds no SavedModel; make one by: "
      f"hund export --format=people -o {folder}"
    )
  newest = max(versions, key=lambda p: int(p.name))
  return newest, int(newest.name)


def with_defaults(
  signature: Signature, inputs: Mapping[str, np.ndarray]
) -> dict[str, np.ndarray]:
  """All inputs: those that were left out have their defaults.

  Where the signature has rows, inputs with defaults that have one row get as
  many as the others.
  """
  counts = {len(x) for x in inputs.values()} if signature.has_rows else set()
  rows = max(counts - {1} or counts, default=0)
  complete = dict(inputs)
  for name, one in signature.inputs.items():
    if one.default is None:
      continue
    value = complete.get(name)
    if signature.has_rows and (value is None or len(value) == 1):
      row = one.default if value is None else value[0]
      value = np.broadcast_to(row, (rows, *np.shape(row)))
    complete[name] = one.default if value is None else value
  return complete


def _is_number(text: str) -> bool:
  return text.isascii() and text.isdigit() and len(text) < 19


def _signature(name: str, definition: Any) -> Signature:
  inputs = {k: _tensor(v) for k, v in sorted(definition.inputs.items())}
  outputs = {k: _tensor(v) for k, v in sorted(definition.outputs.items())}
  every = [*inputs.values(), *outputs.values()]
  has_rows = bool(inputs) and all(one.has_rows for one in every)
  for key, proto in definition.defaults.items():
    default = tf.make_ndarray(proto)
    rank = len(inputs[key].shape or ())
    if has_rows and default.ndim == rank and len(default) == 1:
      default = default[0]
    if not has_rows or default.ndim == rank - 1:
      inputs[key] = dataclasses.replace(inputs[key], default=default)
  return Signature(name, inputs, outputs, has_rows)


def _tensor(info: Any) -> Tensor:
  shape = info.tensor_shape
  sizes = tuple(None if d.size < 0 else int(d.size) for d in shape.dim)
  dtype = tf.as_dtype(info.dtype)
  return Tensor(dtype, None if shape.unknown_rank else sizes)
