"""Loads a SavedModel without this package and compares its outputs.

Run by `test_hund.py` in a process of its own, with the folder as argument.
"""

import importlib.util
import sys

import numpy as np
import tensorflow as tf


def main(folder: str) -> None:
  assert importlib.util.find_spec("hund_tf") is None, "the package is here"
  serve = tf.saved_model.load(f"{folder}/model").signatures["serving_default"]
  inputs = dict(np.load(f"{folder}/inputs.npz"))
  expected = dict(np.load(f"{folder}/expected.npz"))
  for count in (1, 3):
    given = {k: tf.constant(v[:count]) for k, v in inputs.items()}
    outputs = serve(**given)
    assert set(outputs) == set(expected), set(outputs) ^ set(expected)
    for name, value in expected.items():
      np.testing.assert_allclose(
        outputs[name], value[:count], rtol=1e-5, atol=1e-5, err_msg=name
      )


if __name__ == "__main__":
  main(sys.argv[1])
