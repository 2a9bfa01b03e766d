"""The networks of the detector with weights that a SavedModel shares."""

import functools
from collections.abc import Callable

from hund_tf.compat import tf
from hund_tf.detection.graphs.graph import load_graph
from hund_tf.detection.graphs.module import GraphModule
from hund_tf.detection.networks import ASSETS, prepared


class Shared:
  """A function that is one for all its callers, in the graph too.

  Args:
    function: of tensors, and of tuples of them.
    *signature: their specifications.
  """

  def __init__(self, function: Callable, *signature):
    self._function = tf.function(
      function,
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


class SavedNetwork(tf.Module):
  """A network that reads square RGB crops; its weights stay in float16.

  Args:
    name: of a file in the folder `detection/assets`, without its ending.
  """

  def __init__(self, name: str):
    super().__init__(name=name)
    self._network = GraphModule(load_graph(ASSETS / f"{name}.npz"), half=True)
    self.side = self._network.input_shape[0]
    prepare = functools.partial(prepared, name)
    shape = [None, self.side, self.side, 3]
    self._run = Shared(
      lambda crops: self._network(prepare(crops)),
      tf.TensorSpec(shape, tf.uint8, "crops"),
    )

  def __call__(self, crops: tf.Tensor) -> dict[str, tf.Tensor]:
    """Outputs by name, `[B, ...]` float32, of crops [B, side, side, 3] uint8.

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
