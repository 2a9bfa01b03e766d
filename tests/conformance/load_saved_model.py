"""Loads SavedModels without this package and compares their outputs.

Run in a process of its own, with folders as arguments. Each holds `model`,
and its `inputs.npz` and `expected.npz` of at least three examples.
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


def main(folders: list[str]) -> None:
  assert importlib.util.find_spec("hund_tf") is None, "the package is here"
  assert folders, "no folders"
  for folder in folders:
    _check(Path(folder))


if __name__ == "__main__":
  main(sys.argv[1:])
