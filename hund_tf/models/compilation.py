"""Functions of models as programs of their own."""

from collections.abc import Callable
from typing import Any

from hund_tf.compat import convert_variables_to_constants_v2, tf


def compiled(function: Callable, jit_compile: bool) -> Callable:
  """The function as an XLA program if asked for, else as it is.

  Keep it in a closure: Keras would take it for a part of a layer to be saved.
  """
  if not jit_compile:
    return function
  return tf.function(function, autograph=False, jit_compile=True)


def any_batch(tensors: Any) -> Any:
  """Specifications of tensors `[B, ...]`, in any structure, with B left open.

  A function that is traced with them is one program for all B, whatever B
  comes first; programs of a fixed B round elsewhere.
  """
  return tf.nest.map_structure(
    lambda x: tf.TensorSpec([None, *x.shape[1:]], x.dtype), tensors
  )


def fixed_program(function: Callable, signature: Any) -> Callable:
  """The function as one XLA program whose variables are constants.

  The compiler lays constants out as it reads them best, and a call hands over
  the inputs alone, which is a good part of the time of a small batch.

  Args:
    function: of tensors, in any structures, to such structures. Variables that
      it reads count as they are now: the program does not see them change.
    signature: a list or tuple with the specifications of its arguments.

  Returns:
    A function of the same arguments.
  """
  traced = tf.function(function, input_signature=signature, autograph=False)
  traced = traced.get_concrete_function()
  fixed = convert_variables_to_constants_v2(traced, lower_control_flow=False)
  program = tf.function(
    lambda *inputs: fixed(*inputs),
    input_signature=[tf.TensorSpec(x.shape, x.dtype) for x in fixed.inputs],
    autograph=False,
    jit_compile=True,
  ).get_concrete_function()
  outputs = traced.structured_outputs

  def run(*inputs: Any) -> Any:
    found = program(*tf.nest.flatten(inputs))
    return tf.nest.pack_sequence_as(outputs, tf.nest.flatten(found))

  return run
