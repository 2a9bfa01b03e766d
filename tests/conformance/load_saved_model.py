"""Loads SavedModels without this package and compares their outputs.

Run in a process of its own, with folders as arguments. Each holds `model`,
and its `inputs.npz` and `expected.npz` of at least three examples. With
`--any_rows` as the first argument, no examples have to give no outputs, and one
that is not finite to leave the outputs of the others as they are.
"""

import importlib.util
import sys
from pathlib import Path

import numpy as np
import tensorflow as tf


def _check(folder: Path) -> None:
  loaded = tf.saved_model.load(str(folder / "model"))
  serve = loaded.signatures["serving_default"]
  inputs = dict(np.load(folder / "inputs.npz"))
  expected = dict(np.load(folder / "expected.npz"))
  for count in (1, 3):
    given = {k: tf.constant(v[:count]) for k, v in inputs.items()}
    outputs = serve(**given)
    assert set(outputs) == set(expected), set(outputs) ^ set(expected)
    for name, value in expected.items():
      np.testing.assert_allclose(
        outputs[name],
        value[:count],
        rtol=1e-5,
        atol=1e-5,
        err_msg=f"{folder.name}: {name}",
      )


def _check_any_rows(folder: Path) -> None:
  serve = tf.saved_model.load(str(folder / "model")).signatures[
    "serving_default"
  ]
  inputs = dict(np.load(folder / "inputs.npz"))
  expected = serve(**{k: tf.constant(v) for k, v in inputs.items()})
  for name, value in serve(
    **{k: tf.constant(v[:0]) for k, v in inputs.items()}
  ).items():
    assert value.shape == (0, *expected[name].shape[1:]), name
  for spoiled in inputs:
    given = {k: v.copy() for k, v in inputs.items()}
    given[spoiled][1] = np.nan
    outputs = serve(**{k: tf.constant(v) for k, v in given.items()})
    for name, value in outputs.items():
      for row in (0, 2):
        np.testing.assert_allclose(
          value[row],
          expected[name][row],
          rtol=1e-5,
          atol=1e-5,
          err_msg=f"{name} by {spoiled}",
        )


def main(folders: list[str]) -> None:
  assert importlib.util.find_spec("hund_tf") is None, "the package is here"
  assert folders, "no folders"
  any_rows = folders[0] == "--any_rows"
  for folder in folders[any_rows:]:
    _check(Path(folder))
    if any_rows:
      _check_any_rows(Path(folder))


if __name__ == "__main__":
  main(sys.argv[1:])
