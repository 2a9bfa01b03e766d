"""Reads TensorFlow.js graph models (a GraphDef in JSON, weights beside it)."""

import base64
import os
from collections.abc import Callable, Mapping
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from hund_tf import files
from hund_tf.detection.graphs.graph import Graph, Node

_STORED = {"float32": np.float32, "int32": np.int32, "float16": np.float16}
_FIRST = [0, 3, 1, 2]  # from channels last to channels first
_LAST = [0, 2, 3, 1]


class _Unsupported(Exception):
  """An operation, or a form of one, that `operations` does not have."""


class _Value(NamedTuple):
  name: str  # in the graph that is made, where it is [B, H, W, C]
  first: bool  # whether it is [B, C, H, W] in the file


def read_tfjs(
  path: str | os.PathLike, start: str, outputs: Mapping[str, str]
) -> Graph:
  """Reads the part of a graph model between a node and some others.

  What lies before `start` and after the outputs is left out, and with it the
  decoding of results that would fix the batch to one. Values whose channels
  come first in the file come last here.

  Args:
    path: the model's .json file; its weight files lie beside it.
    start: the node that is replaced by the input. The input has the size of the
      model's placeholder.
    outputs: name of an output -> the node that it is.

  Raises:
    FileNotFoundError: if a file is missing.
    ValueError: if the file is not a graph model, a node is missing, or an
      operation or a form of one is not supported; the message names it.
  """
  path = Path(path)
  try:
    model = files.read_json(path)
    nodes = {n["name"]: n for n in model["modelTopology"]["node"]}
    constants = _read_weights(path, model["weightsManifest"])
  except (KeyError, TypeError, ValueError) as error:
    raise ValueError(f"{path}: not a graph model ({error!r})") from error
  missing = [n for n in (start, *outputs.values()) if n not in nodes]
  if missing:
    raise ValueError(f"{path}: has no node {missing[0]!r}")
  try:
    return _Reader(nodes, constants).graph(start, outputs)
  except _Unsupported as error:
    raise ValueError(f"{path}: {error}") from error


def _read_weights(path: Path, manifest: list) -> dict[str, np.ndarray]:
  """The constants of a model by name, in the type in which they are stored."""
  constants = {}
  for group in manifest:
    data = b"".join((path.parent / p).read_bytes() for p in group["paths"])
    offset = 0
    for entry in group["weights"]:
      stored = entry.get("quantization", entry)["dtype"]
      if stored not in _STORED:
        raise ValueError(f"weights stored as {stored} are not supported")
      count = int(np.prod(entry["shape"]))
      row = np.frombuffer(data, _STORED[stored], count, offset)
      constants[entry["name"]] = row.reshape(entry["shape"])
      offset += row.nbytes
    if offset != len(data):
      raise ValueError(f"weights of {len(data)} bytes, expected {offset}")
  return constants


def _attribute(node: dict, key: str, default: Any = None) -> Any:
  """An attribute of a node as a plain value, or `default`."""
  if key not in node.get("attr", {}):
    return default
  value = node["attr"][key]
  if "list" in value:
    items = value["list"]
    if "s" in items:
      return [base64.b64decode(item).decode() for item in items["s"]]
    return [int(item) for item in items.get("i", [])]
  if "s" in value:
    return base64.b64decode(value["s"]).decode()
  if "shape" in value:
    return [int(d["size"]) for d in value["shape"].get("dim", [])]
  return next(iter(value.values()))


class _Reader:
  """Turns the nodes of a GraphDef into those of a `Graph`."""

  def __init__(self, nodes: dict[str, dict], constants: dict[str, np.ndarray]):
    self._file, self._constants = nodes, constants
    self._values: dict[str, _Value] = {}
    self._nodes: list[Node] = []
    self._weights: dict[str, np.ndarray] = {}

  def graph(self, start: str, outputs: Mapping[str, str]) -> Graph:
    placeholders = [n for n in self._file.values() if n["op"] == "Placeholder"]
    shape = _attribute(placeholders[0], "shape")
    if len(placeholders) != 1 or len(shape) != 4:
      raise _Unsupported("a model must have one image as its input")
    first = shape[1] in (1, 3)
    size = [shape[i] for i in _LAST] if first else shape
    self._values[start] = _Value("input", first)
    for name in self._order(start, outputs.values()):
      node = self._file[name]
      if node["op"] not in _READERS:
        raise _Unsupported(f"operation {node['op']} is not supported")
      self._values[name] = _READERS[node["op"]](self, node)
    results = {key: self._values[name].name for key, name in outputs.items()}
    return Graph(
      "input", tuple(size[1:]), results, tuple(self._nodes), self._weights
    ).pruned()

  def _order(self, start: str, ends: Any) -> list[str]:
    """Nodes needed for `ends`, each after those that it reads."""
    sorter: TopologicalSorter = TopologicalSorter()
    stack, seen = list(ends), {start}
    while stack:
      name = stack.pop()
      if name in seen:
        continue
      seen.add(name)
      reads = [
        i for i in self._inputs(self._file[name]) if i not in self._constants
      ]
      sorter.add(name, *(i for i in reads if i != start))
      stack += reads
    return list(sorter.static_order())

  def _inputs(self, node: dict) -> list[str]:
    names = [i for i in node.get("input", []) if not i.startswith("^")]
    if any(":" in name for name in names):
      raise _Unsupported("operations of several results")
    return names

  def _static(self, name: str) -> Any:
    """A constant operand as a plain value."""
    if name not in self._constants:
      raise _Unsupported("computed shapes are not supported")
    return self._constants[name].tolist()

  def _weight(self, key: str, array: np.ndarray) -> str:
    name = f"w{list(self._constants).index(key)}"
    self._weights[name] = np.ascontiguousarray(array)
    return name

  def _image(self, name: str, node: dict) -> str:
    """An operand that must have its channels last in the file."""
    value = self._values[name]
    if value.first:
      raise _Unsupported(f"operation {node['op']} with channels first")
    return value.name

  def _add(
    self,
    operation: str,
    inputs: list[str],
    first: bool = False,
    **options: Any,
  ) -> _Value:
    output = f"v{len(self._nodes)}"
    self._nodes.append(Node(operation, tuple(inputs), output, options))
    return _Value(output, first)

  def _convolution(self, node: dict, operation: str) -> _Value:
    x, kernel, *rest = self._inputs(node)
    if _attribute(node, "data_format", "NHWC") != "NHWC":
      raise _Unsupported(f"operation {node['op']} with channels first")
    value = self._add(
      operation,
      [self._image(x, node), self._weight(kernel, self._constants[kernel])],
      strides=_attribute(node, "strides")[1:3],
      padding=_attribute(node, "padding"),
      dilations=_attribute(node, "dilations", [1] * 4)[1:3],
    )
    for fused in _attribute(node, "fused_ops", []):
      if fused == "BiasAdd":
        bias = rest.pop(0)
        weight = self._weight(bias, self._constants[bias])
        value = self._add("bias_add", [value.name, weight])
      elif fused in ("Relu", "Relu6"):
        value = self._add(fused.lower(), [value.name])
      else:
        raise _Unsupported(f"fused {fused} is not supported")
    return value

  def _binary(self, node: dict, operation: str) -> _Value:
    left, right = self._inputs(node)
    if left in self._constants and operation == "add":
      left, right = right, left
    value = self._values[left]
    if right not in self._constants:
      if self._values[right].first != value.first:
        raise _Unsupported(f"operation {node['op']} of two layouts")
      names = [value.name, self._values[right].name]
      return self._add(operation, names, value.first)
    array = self._constants[right]
    if value.first:
      if array.ndim not in (0, 4):
        raise _Unsupported(f"operation {node['op']} with channels first")
      array = array.transpose(_LAST) if array.ndim else array
    if operation == "add" and array.ndim == 4 and array.shape[:3] == (1, 1, 1):
      operation, array = "bias_add", array[0, 0, 0]
    names = [value.name, self._weight(right, array)]
    return self._add(operation, names, value.first)

  def _unary(self, node: dict, operation: str, **options: Any) -> _Value:
    value = self._values[self._inputs(node)[0]]
    return self._add(operation, [value.name], value.first, **options)

  def _transpose(self, node: dict) -> _Value:
    x, axes = self._inputs(node)
    value, axes = self._values[x], self._static(axes)
    if axes == _FIRST and not value.first:
      return value._replace(first=True)
    if axes == _LAST and value.first:
      return value._replace(first=False)
    raise _Unsupported(f"operation Transpose by {axes}")

  def _pad(self, node: dict) -> _Value:
    x, paddings, *constant = self._inputs(node)
    value, paddings = self._values[x], self._static(paddings)
    if any(paddings[0]):
      raise _Unsupported("operation Pad of the batch")
    if value.first:
      paddings = [paddings[i] for i in _LAST]
    return self._add(
      "pad",
      [value.name],
      value.first,
      paddings=paddings[1:],
      value=float(self._static(constant[0])) if constant else 0.0,
    )

  def _concat(self, node: dict) -> _Value:
    *names, axis = self._inputs(node)
    values, axis = [self._values[n] for n in names], self._static(axis)
    first = values[0].first
    if any(v.first != first for v in values) or axis % 4 == 0:
      raise _Unsupported("operation ConcatV2 of two layouts or the batch")
    axis = _FIRST[axis % 4] if first else axis % 4
    return self._add("concat", [v.name for v in values], first, axis=axis)

  def _max_pool(self, node: dict) -> _Value:
    return self._add(
      "max_pool",
      [self._image(self._inputs(node)[0], node)],
      size=_attribute(node, "ksize")[1:3],
      strides=_attribute(node, "strides")[1:3],
      padding=_attribute(node, "padding"),
    )

  def _resize(self, node: dict) -> _Value:
    x, size = self._inputs(node)
    return self._add(
      "resize_bilinear",
      [self._image(x, node)],
      size=self._static(size),
      align_corners=_attribute(node, "align_corners", False),
      half_pixel=_attribute(node, "half_pixel_centers", False),
    )


def _convolution(operation: str) -> Callable[[_Reader, dict], _Value]:
  return lambda reader, node: reader._convolution(node, operation)


def _binary(operation: str) -> Callable[[_Reader, dict], _Value]:
  return lambda reader, node: reader._binary(node, operation)


def _unary(operation: str) -> Callable[[_Reader, dict], _Value]:
  return lambda reader, node: reader._unary(node, operation)


_READERS: dict[str, Callable[[_Reader, dict], _Value]] = {
  "Add": _binary("add"),
  "AddV2": _binary("add"),
  "ConcatV2": _Reader._concat,
  "Conv2D": _convolution("conv2d"),
  "DepthwiseConv2dNative": _convolution("depthwise_conv2d"),
  "FusedDepthwiseConv2dNative": _convolution("depthwise_conv2d"),
  "Identity": lambda reader, node: reader._values[reader._inputs(node)[0]],
  "LeakyRelu": lambda reader, node: reader._unary(
    node, "leaky_relu", slope=float(_attribute(node, "alpha"))
  ),
  "MaxPool": _Reader._max_pool,
  "Mul": _binary("multiply"),
  "Pad": _Reader._pad,
  "PadV2": _Reader._pad,
  "Relu": _unary("relu"),
  "Relu6": _unary("relu6"),
  "ResizeBilinear": _Reader._resize,
  "Sigmoid": _unary("sigmoid"),
  "Sub": _binary("subtract"),
  "Transpose": _Reader._transpose,
  "_FusedConv2D": _convolution("conv2d"),
}
