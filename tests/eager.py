"""Functions that run without being traced."""

import contextlib
from collections.abc import Iterator

from hund_tf.compat import tf


@contextlib.contextmanager
def run_eagerly() -> Iterator[None]:
  """Runs every `tf.function` as plain Python.

  For tests that call a function once or twice: to trace a descent takes many
  times what it takes to run it, and as much memory as all else. That graphs
  and XLA give the same is what `tests/conformance` holds.
  """
  tf.config.run_functions_eagerly(True)
  try:
    yield
  finally:
    tf.config.run_functions_eagerly(False)
