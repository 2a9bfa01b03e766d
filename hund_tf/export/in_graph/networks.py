"""The networks of the detector with weights that a SavedModel shares."""

import functools
import hashlib
import weakref
from collections.abc import Callable

from tensorflow.core.framework import attr_value_pb2

from hund_tf.compat import tf
from hund_tf.detection.graphs.graph import load_graph
from hund_tf.detection.graphs.module import run_graph
from hund_tf.detection.networks import ASSETS, prepared

_LARGE = 256  # numbers in a constant that is not kept in a graph


class Shared:
  """A function that is one for all its callers, in the graph too.

  Args:
    function: of tensors, and of tuples of them.
    *signature: their specifications.
  """

  def __init__(self, function: Callable, *signature):
    self._function = tf.function(
      hoisted(function),
      autograph=False,
      input_signature=signature,
      # Else each call becomes a copy, and graphs take minutes to be optimised.
      experimental_attributes={"_noinline": True},
    )

  @functools.cached_property
  def concrete(self) -> tf.types.experimental.ConcreteFunction:
    """Traced once; a `tf.function` is traced again when it is saved."""
    return self._function.get_concrete_function()

  def __call__(self, *arguments):
    return self.concrete(*arguments)


def hoisted(function: Callable) -> Callable:
  """The function, whose large constants are handed to it when it is traced.

  TensorFlow keeps a copy of a function for each that calls it, and theirs; with
  the arrays inside that takes gigabytes. Equal arrays are kept once.
  """

  def run(*arguments):
    outputs = function(*arguments)
    graph = tf.compat.v1.get_default_graph()
    for operation in graph.get_operations():
      if operation.type != "Const":
        continue
      (tensor,) = operation.outputs
      if tensor.shape.num_elements() < _LARGE or not tensor.consumers():
        continue
      captured = graph.capture(_kept(tensor))
      for consumer in tensor.consumers():
        for i, value in enumerate(consumer.inputs):
          if value is tensor:
            consumer._update_input(i, captured)
      # Operations cannot be taken out of a graph: one with zeros stays.
      empty = tf.make_tensor_proto(0, tensor.dtype, tensor.shape.as_list())
      operation._set_attr("value", attr_value_pb2.AttrValue(tensor=empty))
    return outputs

  return run


_arrays = weakref.WeakValueDictionary()  # constants of all graphs by content


def _kept(constant: tf.Tensor) -> tf.Tensor:
  """The value of a constant of a graph."""
  array = tf.get_static_value(constant)
  key = constant.dtype, array.shape, hashlib.sha256(array.tobytes()).digest()
  kept = _arrays.get(key)
  if kept is None:
    with tf.init_scope():
      kept = _arrays[key] = tf.constant(array, constant.dtype)
  return kept


class SavedNetwork(tf.Module):
  """A network that reads square RGB crops; its weights stay in float16.

  Args:
    name: of a file in the folder `detection/assets`, without its ending.
  """

  def __init__(self, name: str):
    super().__init__(name=name)
    graph = load_graph(ASSETS / f"{name}.npz")
    self.side = graph.input_shape[0]

    def run(crops: tf.Tensor) -> dict[str, tf.Tensor]:
      weights = {
        name: tf.cast(tf.constant(weight), tf.float32)
        for name, weight in graph.weights.items()
      }
      return run_graph(graph, weights, prepared(name, crops))

    shape = [None, self.side, self.side, 3]
    self._run = Shared(run, tf.TensorSpec(shape, name="crops"))

  def __call__(self, crops: tf.Tensor) -> dict[str, tf.Tensor]:
    """Outputs by name, `[B, ...]` float32, of crops [B, side, side, 3].

    No crops give empty outputs: convolutions on CPUs take no empty batches.
    """
    shapes = {
      name: value.shape[1:]
      for name, value in (self._run.concrete.structured_outputs.items())
    }
    return tf.cond(
      tf.shape(crops)[0] > 0,
      lambda: self._run(crops),
      lambda: {name: tf.zeros([0, *shape]) for name, shape in shapes.items()},
    )
