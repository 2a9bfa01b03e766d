"""Functions of models as programs of their own."""

from collections.abc import Callable

from hund_tf.compat import tf


def compiled(function: Callable, jit_compile: bool) -> Callable:
  """The function as an XLA program if asked for, else as it is.

  Keep it in a closure: Keras would take it for a part of a layer to be saved.
  """
  if not jit_compile:
    return function
  return tf.function(function, autograph=False, jit_compile=True)
