"""JSON of TensorFlow Serving's REST interface: arrays in, arrays out.

Requests are strict JSON: NaN and Infinity, which TensorFlow Serving takes and
writes, are refused, and are null in answers. Inputs with a default may be left
out. Else messages and meaning are those of TensorFlow Serving.
"""

import base64
import binascii
import dataclasses
import itertools
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import orjson

from hund_tf import json_text
from hund_tf.serving.model import (
  DEFAULT_SIGNATURE,
  Signature,
  Tensor,
  with_defaults,
)
from hund_tf.serving.refusals import bad_request

_B64 = "b64"
_BINARY = "_bytes"  # names of outputs that end so are not text


@dataclasses.dataclass(frozen=True)
class Call:
  """What a request asks for.

  Attributes:
    signature: that is called.
    inputs: all of them, by name; texts are bytes in arrays of objects.
    by_row: whether the answer is a list of instances.
  """

  signature: Signature
  inputs: dict[str, np.ndarray]
  by_row: bool

  @property
  def instances(self) -> int | None:
    """Number of rows, if the signature has rows."""
    if not self.signature.has_rows:
      return None
    return len(next(iter(self.inputs.values())))

  def rows(self) -> list[dict[str, np.ndarray]]:
    """Inputs of each instance."""
    return [
      {name: value[i, ...] for name, value in self.inputs.items()}
      for i in range(self.instances or 0)
    ]


def read_call(body: bytes, signatures: Mapping[str, Signature]) -> Call:
  """The call that the body of a predict request describes.

  Raises:
    Refused: with the status 400, if it is not right.
  """
  try:
    asked = json_text.parse(body)
  except ValueError as error:
    raise bad_request(f"JSON Parse error: {error}") from error
  if not isinstance(asked, dict):
    raise bad_request("JSON: got no object, expected one")
  name = asked.get("signature_name", "") or DEFAULT_SIGNATURE
  if not isinstance(name, str):
    raise bad_request("'signature_name' must be a string")
  if name not in signatures:
    raise bad_request(
      f'Serving signature name: "{json_text.shown_key(name)}" not found in '
      f"signature def; there are {', '.join(signatures)}"
    )
  signature = signatures[name]
  if "instances" in asked and "inputs" in asked:
    raise bad_request("expecting only one of 'inputs' or 'instances' keys")
  if "instances" in asked:
    inputs = _from_instances(asked["instances"], signature)
  elif "inputs" in asked:
    inputs = _from_inputs(asked["inputs"], signature)
  else:
    raise bad_request("Missing 'inputs' or 'instances' key")
  for key in signature.required:
    if key not in inputs:
      raise bad_request(f"Missing named input: {key}")
  for key, value in inputs.items():
    expected = signature.inputs[key]
    if not expected.fits(value.shape):
      sizes = [-1 if size is None else size for size in expected.shape or ()]
      raise bad_request(
        f"{key}: got shape {list(value.shape)}, expected {sizes}"
      )
  inputs = with_defaults(signature, inputs)
  if signature.has_rows and len({len(value) for value in inputs.values()}) > 1:
    raise bad_request(
      "inputs have different numbers of rows: "
      + ", ".join(f"{key} {len(value)}" for key, value in inputs.items())
    )
  return Call(signature, inputs, "instances" in asked)


def write_answer(outputs: Mapping[str, np.ndarray], by_row: bool) -> bytes:
  """The JSON of an answer.

  Args:
    outputs: of the call.
    by_row: whether it is a list of instances, else outputs by name.

  Raises:
    Refused: if outputs have no row for each instance, but should.
  """
  values = {k: _plain(k, v) for k, v in outputs.items()}
  if not by_row:
    answer = {"outputs": _alone(values)}
  else:
    counts = {np.shape(value)[:1] for value in outputs.values()}
    if len(counts) != 1 or () in counts:
      raise bad_request(
        "outputs have no row for each instance; ask by 'inputs', not "
        "'instances'"
      )
    ((count,),) = counts
    answer = {
      "predictions": [
        _alone({name: value[i] for name, value in values.items()})
        for i in range(count)
      ]
    }
  return orjson.dumps(answer, option=orjson.OPT_SERIALIZE_NUMPY)


def _from_instances(given: Any, signature: Signature) -> dict[str, np.ndarray]:
  """Inputs of the row format."""
  if not isinstance(given, list):
    raise bad_request("Expecting 'instances' to be an list/array")
  if not given:
    raise bad_request("No values in 'instances' array")
  named = _is_named(given[0])
  columns: dict[str, list] = {}
  for i, one in enumerate(given):
    where = f"Failed to process element: {i} of 'instances' list. Error: "
    if _is_named(one) != named:
      raise bad_request(where + "objects and plain values are mixed")
    items = one if named else {_only_input(signature, where): one}
    if i and set(items) != set(columns):
      keys = ",".join(columns)
      raise bad_request(f"{where}keys must be equal to: {keys}")
    for key, value in items.items():
      if key not in signature.inputs:
        key = json_text.shown_key(key)
        raise bad_request(f"{where}does not have named input: {key}")
      row = to_array(value, signature.inputs[key], f"{where}{key}: ")
      rows = columns.setdefault(key, [])
      if rows and rows[0].shape != row.shape:
        raise bad_request(
          f"{where}{key}: Expecting shape {list(rows[0].shape)} but got: "
          f"{list(row.shape)}"
        )
      rows.append(row)
  return {key: np.stack(rows) for key, rows in columns.items()}


def _from_inputs(given: Any, signature: Signature) -> dict[str, np.ndarray]:
  """Inputs of the column format."""
  if not _is_named(given):
    given = {_only_input(signature, "'inputs': "): given}
  inputs = {}
  for key, value in given.items():
    if key not in signature.inputs:
      key = json_text.shown_key(key)
      raise bad_request(f"'inputs' has no named input: {key}")
    inputs[key] = to_array(value, signature.inputs[key], f"{key}: ")
  return inputs


def to_array(value: Any, expected: Tensor, where: str) -> np.ndarray:
  """An array of a JSON value: one leaf, or lists in lists of equal lengths.

  Args:
    value: parsed JSON.
    expected: whose type it gets; its shape is not looked at.
    where: begins messages.

  Raises:
    Refused: with the status 400, if it holds something else.
  """
  shape = []
  first = value
  while isinstance(first, list):
    shape.append(len(first))
    if not first:
      break
    first = first[0]
  leaves = list(_leaves(value, tuple(shape), where))
  dtype = expected.dtype
  if dtype.name == "string":
    flat = np.empty(len(leaves), object)
    flat[:] = [_text(leaf, where) for leaf in leaves]
    return flat.reshape(shape)
  return _numbers(leaves, dtype, where).reshape(shape)


def _leaves(value: Any, shape: tuple[int, ...], where: str) -> Iterator[Any]:
  if not shape:
    if isinstance(value, list):
      raise bad_request(f"{where}Encountered list at unexpected level")
    yield value
    return
  if not isinstance(value, list) or len(value) != shape[0]:
    raise bad_request(f"{where}lists in it are of different lengths or levels")
  for part in value:
    yield from _leaves(part, shape[1:], where)


def _text(leaf: Any, where: str) -> bytes:
  if isinstance(leaf, str):
    return leaf.encode()
  if isinstance(leaf, dict) and list(leaf) == [_B64]:
    try:
      return base64.b64decode(leaf[_B64], validate=True)
    except (binascii.Error, ValueError, TypeError) as error:
      raise bad_request(f"{where}Unable to base64 decode") from error
  raise bad_request(
    f'{where}got {json_text.shown(leaf)}, expected a string or {{"b64": "..."}}'
  )


def _numbers(leaves: list, dtype: Any, where: str) -> np.ndarray:
  """A flat array of numbers or truth values."""
  kind = dtype.as_numpy_dtype
  right = (
    (lambda x: isinstance(x, bool))
    if dtype.is_bool
    else (lambda x: json_text.is_number(x))
    if dtype.is_floating
    else (lambda x: json_text.is_number(x) and x == int(x))
  )
  wrong = next(itertools.filterfalse(right, leaves), None)
  if wrong is not None or not all(map(right, leaves)):
    raise bad_request(
      f"{where}got {json_text.shown(wrong)}, expected {dtype.name}"
    )
  out = bad_request(f"{where}a number is out of range of {dtype.name}")
  if dtype.is_integer and not all(dtype.min <= x <= dtype.max for x in leaves):
    raise out
  if dtype.is_integer:
    leaves = [int(x) for x in leaves]
  try:
    with np.errstate(over="ignore"):
      found = np.array(leaves, kind)
  except OverflowError as error:
    raise out from error
  if dtype.is_floating and not np.isfinite(found).all():
    raise out
  return found


def _is_named(value: Any) -> bool:
  """Whether it is an object of inputs by name."""
  return isinstance(value, dict) and list(value) != [_B64]


def _only_input(signature: Signature, where: str) -> str:
  """The input that values without names are."""
  names = signature.required or list(signature.inputs)
  if len(names) != 1:
    raise bad_request(
      f"{where}got a plain value, expected an object with "
      f"{', '.join(names) or 'nothing'}"
    )
  return names[0]


def _plain(name: str, value: np.ndarray) -> Any:
  """An array that orjson writes, or lists of texts."""
  if value.dtype != object:
    # NaN and infinities become null.
    wide = value.dtype.kind not in "biuf" or value.dtype.itemsize < 4
    if wide and value.dtype.kind == "f":
      value = value.astype(np.float32)
    return np.ascontiguousarray(value) if value.ndim else value.item()
  text = _b64_of if name.endswith(_BINARY) else _string_of
  flat = np.empty(value.size, object)
  flat[:] = [text(data) for data in value.flat]
  return flat.reshape(value.shape).tolist()


def _b64_of(data: bytes) -> dict[str, str]:
  return {_B64: base64.b64encode(data).decode()}


def _string_of(data: bytes) -> str:
  return data.decode("utf-8", "replace")


def _alone(values: dict[str, Any]) -> Any:
  """The value of the only output without its name."""
  return next(iter(values.values())) if len(values) == 1 else values
