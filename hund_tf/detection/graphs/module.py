"""Runs a graph in TensorFlow: eagerly, in functions and in SavedModels."""

from collections.abc import Callable, Mapping

import numpy as np

from hund_tf.compat import tf
from hund_tf.detection.graphs.graph import Graph
from hund_tf.detection.graphs.operations import OPERATIONS


def run_graph(
  graph: Graph, weights: Mapping[str, tf.Tensor], images: tf.Tensor
) -> dict[str, tf.Tensor]:
  """Runs a network with the given weights.

  Args:
    graph: the network; its own weights are not read.
    weights: float32 tensors or variables by name.
    images: [B, H, W, C] float32 with H, W, C of the graph's `input_shape`, in
      the range that the network was trained with.

  Returns:
    Its outputs by name, each [B, ...] float32.

  Raises:
    ValueError: if `operations` lacks one that the graph has.
  """
  values = {**weights, graph.input: images}
  for operation, inputs, output, options in graph.nodes:
    if operation not in OPERATIONS:
      raise ValueError(
        f"operation {operation!r} is not supported; supported are "
        f"{', '.join(sorted(OPERATIONS))}"
      )
    arguments = (values[name] for name in inputs)
    values[output] = OPERATIONS[operation](*arguments, **options)
  return {name: values[value] for name, value in graph.outputs.items()}


class GraphModule(tf.Module):
  """A network whose weights are variables, float32.

  Args:
    graph: the network.
    name: of the module.
  """

  def __init__(self, graph: Graph, name: str | None = None):
    super().__init__(name=name)
    self.input_shape = graph.input_shape
    self._names = tuple(graph.weights)
    self._weights = [
      tf.Variable(w.astype(np.float32), name=f"weight_{i}")
      for i, w in enumerate(graph.weights.values())
    ]
    self._run = lambda weights, images: run_graph(graph, weights, images)

  def __call__(self, images: tf.Tensor) -> dict[str, tf.Tensor]:
    """Outputs by name for images [B, H, W, C]; see `run_graph`."""
    return self._run(dict(zip(self._names, self._weights, strict=True)), images)


def frozen_function(
  graph: Graph, prepare: Callable[[tf.Tensor], tf.Tensor], dtype: tf.DType
) -> Callable[[tf.Tensor], dict[str, tf.Tensor]]:
  """The network as a compiled function whose weights are constants.

  It starts and runs faster than a `GraphModule`, since TensorFlow folds
  constants at once and joins operations.

  Args:
    graph: the network.
    prepare: from images as they are fed to those that the network reads.
    dtype: of the images that are fed.

  Returns:
    A function of images [B, H, W, C], for any B without compiling again.
  """
  shape = [None, *graph.input_shape]

  @tf.function(
    autograph=False, input_signature=[tf.TensorSpec(shape, dtype, "images")]
  )
  def run(images: tf.Tensor) -> dict[str, tf.Tensor]:
    weights = {
      name: tf.constant(weight.astype(np.float32))
      for name, weight in graph.weights.items()
    }
    return run_graph(graph, weights, prepare(images))

  return run.get_concrete_function()
