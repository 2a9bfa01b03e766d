"""A network as data: its operations, their order, and its weights.

All images are [B, H, W, C]. The batch is free: no operation names it.
"""

import json
import math
import os
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from hund_tf import json_text, npz_arrays
from hund_tf.files import problem, write_npz

_LARGEST_SIDE = 1 << 20  # of a shape


class Node(NamedTuple):
  """One operation of `operations.OPERATIONS`."""

  operation: str
  inputs: tuple[str, ...]  # values or weights, by name
  output: str  # name of the value that it makes
  options: dict[str, Any]  # the operation's constants, as JSON has them


class Graph(NamedTuple):
  """A network with one input."""

  input: str  # name of the value that is fed
  input_shape: tuple[int, int, int]  # height, width, channels
  outputs: dict[str, str]  # name of an output -> name of its value
  nodes: tuple[Node, ...]  # each after those whose values it reads
  weights: dict[str, np.ndarray]  # float16 or float32

  def pruned(self) -> "Graph":
    """The graph without the nodes and weights that no output needs."""
    needed = set(self.outputs.values())
    nodes = []
    for node in reversed(self.nodes):
      if node.output in needed:
        nodes.append(node)
        needed.update(node.inputs)
    weights = {k: v for k, v in self.weights.items() if k in needed}
    return self._replace(nodes=tuple(reversed(nodes)), weights=weights)


def save_graph(path: str | os.PathLike, graph: Graph) -> None:
  """Writes a graph as an .npz file: its text as JSON, its weights in a row.

  Raises:
    ValueError: if the weights are not all of one type.
    OutputError: if the file cannot be written.
  """
  types = {weight.dtype for weight in graph.weights.values()}
  if len(types) != 1:
    raise ValueError(
      f"{path}: weights of types {sorted(map(str, types))}, expected one type"
    )
  text = {
    "input": graph.input,
    "input_shape": graph.input_shape,
    "outputs": graph.outputs,
    "nodes": graph.nodes,
    "weights": {name: w.shape for name, w in graph.weights.items()},
  }
  row = np.concatenate([weight.ravel() for weight in graph.weights.values()])
  words = json.dumps(text, separators=(",", ":")).encode()
  write_npz(path, {"graph": np.frombuffer(words, np.uint8), "weights": row})


def load_graph(path: str | os.PathLike) -> Graph:
  """Reads a file of `save_graph`.

  Raises:
    FileNotFoundError: if there is no such file.
    ValueError: if it is not a file of `save_graph`.
  """
  path = Path(path)
  if not path.is_file():
    raise FileNotFoundError(f"{path}: not found; expected a network's weights")
  try:
    arrays = npz_arrays.read(path, (*npz_arrays.WEIGHTS, "u1"))
    text = json_text.parse(arrays["graph"].tobytes(), only_finite=False)
    return _graph(text, arrays["weights"])
  except (KeyError, ValueError, TypeError, AttributeError) as error:
    raise ValueError(
      f"{path}: not a network of tools.import_detectors ({problem(error)})"
    ) from error


def _graph(text: dict[str, Any], row: np.ndarray) -> Graph:
  """A graph of its text and the weights in a row."""
  shapes = {name: _shape(shape) for name, shape in text["weights"].items()}
  counts = [math.prod(shape) for shape in shapes.values()]
  if row.dtype.kind != "f" or row.shape != (sum(counts),):
    raise ValueError(
      f"weights {row.shape} of {row.dtype}, expected {sum(counts)} numbers"
    )
  parts = np.split(row, np.cumsum(counts)[:-1])
  weights = {
    name: part.reshape(shape)
    for (name, shape), part in zip(shapes.items(), parts, strict=True)
  }
  nodes = tuple(
    Node(operation, tuple(inputs), output, options)
    for operation, inputs, output, options in text["nodes"]
  )
  height, width, channels = _shape(text["input_shape"])
  return Graph(
    text["input"], (height, width, channels), text["outputs"], nodes, weights
  )


def _shape(values: list) -> tuple[int, ...]:
  if not all(type(n) is int and 0 <= n <= _LARGEST_SIDE for n in values):
    raise ValueError(f"a shape of {json_text.shown(values)}")
  return tuple(values)
