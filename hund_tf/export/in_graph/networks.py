"""The networks of the detector with weights that a SavedModel shares."""

import functools
from collections.abc import Callable

from hund_tf.compat import tf
from hund_tf.detection.graphs.graph import load_graph
from hund_tf.detection.graphs.module import GraphModule
from hund_tf.detection.networks import ASSETS, prepared


def shared(function: Callable, *signature) -> Callable:
  """A function that is one for all its callers, in the graph too.

  Args:
    function: of tensors, and of tuples of them.
    signature: their specifications.
  """
  return tf.function(
    function,
    autograph=False,
    input_signature=signature,
    # Else each call becomes a copy, and graphs take minutes to be optimised.
    experimental_attributes={"_noinline": True},
  )


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
    self._run = shared(
      lambda crops: self._network(prepare(crops)),
      tf.TensorSpec(shape, tf.uint8, "crops"),
    )

  def __call__(self, crops: tf.Tensor) -> dict[str, tf.Tensor]:
    """Outputs by name, `[B, ...]` float32, of crops [B, side, side, 3] uint8.

    No crops give empty outputs: convolutions on CPUs take no empty batches.
    """
    shapes = {
      name: value.shape[1:]
      for name, value in (
        self._run.get_concrete_function().structured_outputs.items()
      )
    }
    return tf.cond(
      tf.shape(crops)[0] > 0,
      lambda: self._run(crops),
      lambda: {name: tf.zeros([0, *shape]) for name, shape in shapes.items()},
    )
