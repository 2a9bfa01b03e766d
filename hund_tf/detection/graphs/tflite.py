"""Reads TensorFlow Lite files (FlatBuffers) as graphs."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from tensorflow.lite.python import schema_py_generated as schema

from hund_tf.detection.graphs.graph import Graph, Node

_OPERATORS = {
  value: name
  for name, value in vars(schema.BuiltinOperator).items()
  if isinstance(value, int)
}
_TYPES = {
  schema.TensorType.FLOAT32: np.float32,
  schema.TensorType.FLOAT16: np.float16,
  schema.TensorType.INT32: np.int32,
}
_ACTIVATIONS = {
  schema.ActivationFunctionType.RELU: "relu",
  schema.ActivationFunctionType.RELU6: "relu6",
}
_PADDINGS = {schema.Padding.SAME: "SAME", schema.Padding.VALID: "VALID"}


def read_tflite(path: str | os.PathLike) -> Graph:
  """Reads a floating-point network with one image input from a .tflite file.

  Weights keep the file's type, float16 or float32; sparse ones become dense.

  Raises:
    FileNotFoundError: if there is no such file.
    ValueError: if the file is not a .tflite file, or if an operator or a form
      of one is not supported; the message names it.
  """
  data = Path(path).read_bytes()
  if data[4:8] != b"TFL3":
    raise ValueError(f"{path}: not a TensorFlow Lite file")
  root = schema.Model.GetRootAsModel(data, 0)
  try:
    return _Reader(schema.ModelT.InitFromObj(root)).graph()
  except NotImplementedError as error:
    raise ValueError(f"{path}: {error}") from error


def dense(values: np.ndarray, shape: np.ndarray, sparsity: Any) -> np.ndarray:
  """Spreads a sparse tensor's values [N] over its dense `shape`.

  The format is TensorFlow Lite's `SparsityParameters`: along each dimension, in
  the order of traversal, either every index is stored, or the segments of the
  indices that are.

  Raises:
    NotImplementedError: if the tensor is stored in blocks.
  """
  if sparsity.blockMap is not None and len(sparsity.blockMap):
    raise NotImplementedError("sparse weights in blocks are not supported")
  indices = np.zeros((1, 0), np.int64)  # of the entries, along the dimensions
  positions = np.zeros(1, np.int64)  # of the entries, in the order stored
  for meta in sparsity.dimMetadata:
    if meta.format == schema.DimensionType.DENSE:
      counts = np.full(len(positions), meta.denseSize)
      starts = positions * meta.denseSize
      inner = np.tile(np.arange(meta.denseSize), len(positions))
    else:
      segments = np.asarray(meta.arraySegments.values, np.int64)
      starts = segments[positions]
      counts = segments[positions + 1] - starts
      inner = None
    rows = np.repeat(np.arange(len(positions)), counts)
    offset = np.arange(counts.sum()) - np.repeat(
      np.cumsum(counts) - counts, counts
    )
    positions = starts[rows] + offset
    if inner is None:
      inner = np.asarray(meta.arrayIndices.values, np.int64)[positions]
    indices = np.concatenate([indices[rows], inner[:, None]], axis=1)
  result = np.zeros(shape, values.dtype)
  order = np.argsort(sparsity.traversalOrder)
  result[tuple(indices[:, order].T)] = values[positions]
  return result


class _Reader:
  """Turns a model's only subgraph into nodes, one operator at a time."""

  def __init__(self, model: Any):
    if len(model.subgraphs) != 1 or len(model.subgraphs[0].inputs) != 1:
      raise NotImplementedError(
        "more than one subgraph or input is not supported"
      )
    self._model, self._graph = model, model.subgraphs[0]
    self._constants = {
      i: self._constant(tensor)
      for i, tensor in enumerate(self._graph.tensors)
      if self._has_data(tensor)
    }
    self._nodes: list[Node] = []
    self._weights: dict[str, np.ndarray] = {}

  def graph(self) -> Graph:
    for operator in self._graph.operators:
      self._read(operator)
    tensors = self._graph.tensors
    start = self._graph.inputs[0]
    outputs = {
      tensors[i].name.decode(): self._name(i) for i in self._graph.outputs
    }
    shape = tuple(int(n) for n in tensors[start].shape[1:])
    return Graph(
      self._name(start), shape, outputs, tuple(self._nodes), self._weights
    ).pruned()

  def _has_data(self, tensor: Any) -> bool:
    data = self._model.buffers[tensor.buffer].data
    return data is not None and len(data) > 0

  def _constant(self, tensor: Any) -> np.ndarray:
    if tensor.type not in _TYPES:
      raise NotImplementedError(
        f"tensor {tensor.name.decode()!r} has a type that is not supported; "
        "expected float32, float16 or int32"
      )
    data = np.asarray(self._model.buffers[tensor.buffer].data, np.uint8)
    values = data.view(_TYPES[tensor.type])
    if tensor.sparsity is not None:
      return dense(values, tensor.shape, tensor.sparsity)
    return values.reshape(tensor.shape)

  def _name(self, index: int) -> str:
    return f"t{index}"

  def _weight(self, index: int, array: np.ndarray) -> str:
    name = f"w{index}"
    self._weights[name] = np.ascontiguousarray(array)
    return name

  def _value(self, index: int) -> str:
    """Name of an operand, which may be a weight."""
    if index in self._constants:
      return self._weight(index, self._constants[index])
    return self._name(index)

  def _static(self, index: int) -> list:
    """An operand that must be a constant, as a list."""
    if index not in self._constants:
      raise NotImplementedError("computed shapes are not supported")
    return self._constants[index].tolist()

  def _shape(self, index: int) -> list[int]:
    """A tensor's shape without the batch."""
    shape = self._graph.tensors[index].shape.tolist()
    if shape[0] != 1:
      raise NotImplementedError("operators that move the batch")
    return shape[1:]

  def _add(
    self,
    operator: Any,
    operation: str,
    inputs: list[str],
    bias: str | None = None,
    **options: Any,
  ) -> None:
    """Adds nodes: the operation, its bias, the operator's activation."""
    steps = [(operation, inputs, options)]
    if bias is not None:
      steps.append(("bias_add", [bias], {}))
    kind = getattr(operator.builtinOptions, "fusedActivationFunction", 0)
    if kind:
      if kind not in _ACTIVATIONS:
        raise NotImplementedError(f"fused activation {kind} is not supported")
      steps.append((_ACTIVATIONS[kind], [], {}))
    end = self._name(operator.outputs[0])
    previous: list[str] = []
    for i, (name, extra, extra_options) in enumerate(steps):
      output = end if i == len(steps) - 1 else f"{end}_{name}"
      self._nodes.append(Node(name, (*previous, *extra), output, extra_options))
      previous = [output]

  def _read(self, operator: Any) -> None:
    code = self._model.operatorCodes[operator.opcodeIndex]
    kind = _OPERATORS[max(code.builtinCode, code.deprecatedBuiltinCode)]
    if kind in ("DEQUANTIZE", "DENSIFY"):  # constants only, widened at use
      source, target = operator.inputs[0], operator.outputs[0]
      if source not in self._constants:
        raise NotImplementedError(f"operator {kind} of a computed value")
      self._constants[target] = self._constants[source]
      return
    if kind not in _READERS:
      raise NotImplementedError(f"operator {kind} is not supported")
    _READERS[kind](self, operator)

  def _convolution(self, operator: Any, depthwise: bool) -> None:
    x, kernel, *bias = (i for i in operator.inputs if i >= 0)
    options = operator.builtinOptions
    # [C_out, H, W, C_in] or [1, H, W, C] in the file.
    axes = (1, 2, 3, 0) if depthwise else (1, 2, 3, 0)
    self._add(
      operator,
      "depthwise_conv2d" if depthwise else "conv2d",
      [
        self._name(x),
        self._weight(kernel, self._constants[kernel].transpose(axes)),
      ],
      self._value(bias[0]) if bias else None,
      strides=[options.strideH, options.strideW],
      padding=_PADDINGS[options.padding],
      dilations=[options.dilationHFactor, options.dilationWFactor],
    )

  def _matmul(self, operator: Any) -> None:
    x, matrix, *bias = (i for i in operator.inputs if i >= 0)
    self._shape(x)
    self._add(
      operator,
      "matmul",
      [self._name(x), self._weight(matrix, self._constants[matrix].T)],
      self._value(bias[0]) if bias else None,
    )

  def _pool(self, operator: Any) -> None:
    options = operator.builtinOptions
    self._add(
      operator,
      "max_pool",
      [self._name(operator.inputs[0])],
      size=[options.filterHeight, options.filterWidth],
      strides=[options.strideH, options.strideW],
      padding=_PADDINGS[options.padding],
    )

  def _pad(self, operator: Any) -> None:
    batch, *paddings = self._static(operator.inputs[1])
    if any(batch):
      raise NotImplementedError("PAD of the batch")
    self._add(
      operator,
      "pad",
      [self._name(operator.inputs[0])],
      paddings=paddings,
      value=0.0,
    )

  def _resize(self, operator: Any) -> None:
    self._add(
      operator,
      "resize_bilinear",
      [self._name(operator.inputs[0])],
      size=self._static(operator.inputs[1]),
      align_corners=bool(operator.builtinOptions.alignCorners),
      half_pixel=bool(operator.builtinOptions.halfPixelCenters),
    )

  def _reshape(self, operator: Any) -> None:
    x = operator.inputs[0]
    self._shape(x)
    self._add(
      operator,
      "reshape",
      [self._name(x)],
      shape=self._shape(operator.outputs[0]),
    )

  def _concat(self, operator: Any) -> None:
    inputs = [self._value(i) for i in operator.inputs]
    axis = int(operator.builtinOptions.axis)
    if axis == 0:
      raise NotImplementedError("CONCATENATION of the batch")
    self._add(operator, "concat", inputs, axis=axis)

  def _mean(self, operator: Any) -> None:
    axes = np.atleast_1d(self._static(operator.inputs[1])).tolist()
    if 0 in axes:
      raise NotImplementedError("MEAN over the batch")
    self._add(
      operator,
      "mean",
      [self._name(operator.inputs[0])],
      axes=axes,
      keepdims=bool(operator.builtinOptions.keepDims),
    )

  def _strided_slice(self, operator: Any) -> None:
    x, *constants = operator.inputs
    begin, end, strides = (self._static(i) for i in constants)
    options = operator.builtinOptions
    masks = (options.ellipsisMask, options.newAxisMask, options.shrinkAxisMask)
    if any(masks) or strides[0] != 1:
      raise NotImplementedError("STRIDED_SLICE that changes the rank or batch")
    dimensions = range(1, len(begin))
    self._add(
      operator,
      "strided_slice",
      [self._name(x)],
      begin=[
        None if options.beginMask >> i & 1 else begin[i] for i in dimensions
      ],
      end=[None if options.endMask >> i & 1 else end[i] for i in dimensions],
      strides=strides[1:],
    )


def _plain(operation: str, count: int) -> Callable[[_Reader, Any], None]:
  """A reader of operators that have `count` operands and no options."""

  def read(reader: _Reader, operator: Any) -> None:
    inputs = [reader._value(i) for i in operator.inputs[:count]]
    reader._add(operator, operation, inputs)

  return read


_READERS: dict[str, Callable[[_Reader, Any], None]] = {
  "ADD": _plain("add", 2),
  "CONCATENATION": _Reader._concat,
  "CONV_2D": lambda reader, o: reader._convolution(o, depthwise=False),
  "DEPTHWISE_CONV_2D": lambda reader, o: reader._convolution(o, depthwise=True),
  "DEPTH_TO_SPACE": lambda reader, o: reader._add(
    o,
    "depth_to_space",
    [reader._name(o.inputs[0])],
    block=int(o.builtinOptions.blockSize),
  ),
  "FULLY_CONNECTED": _Reader._matmul,
  "LOGISTIC": _plain("sigmoid", 1),
  "MAX_POOL_2D": _Reader._pool,
  "MEAN": _Reader._mean,
  "PAD": _Reader._pad,
  "PRELU": _plain("prelu", 2),
  "RELU": _plain("relu", 1),
  "RESHAPE": _Reader._reshape,
  "RESIZE_BILINEAR": _Reader._resize,
  "STRIDED_SLICE": _Reader._strided_slice,
}
