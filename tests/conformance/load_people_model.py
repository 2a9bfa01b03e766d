"""Loads a SavedModel of people without this package and checks its outputs.

Run in a process of its own, with the model's folder, a photo's file and an .npz
of what this package finds in the photo.
"""

import importlib.util
import io
import sys
from pathlib import Path

import numpy as np
import tensorflow as tf
from PIL import Image


def _plain_photo(width: int, height: int) -> bytes:
  buffer = io.BytesIO()
  Image.new("RGB", (width, height), (90, 120, 150)).save(buffer, "PNG")
  return buffer.getvalue()


def _same(some: dict, others: dict, i: int, j: int) -> None:
  for name, value in some.items():
    if value.dtype == tf.string:
      continue
    np.testing.assert_allclose(
      value[i], others[name][j], rtol=1e-3, atol=2e-3, err_msg=name
    )


def main(folder: str, photo: str, expected: str) -> None:
  assert importlib.util.find_spec("hund_tf") is None, "the package is here"
  loaded = tf.saved_model.load(folder)
  serve = loaded.signatures["serving_default"]
  data = Path(photo).read_bytes()
  unknown = {"focal_px": tf.zeros([1]), "height_m": tf.zeros([1])}
  alone = serve(image_bytes=tf.constant([data]), **unknown)
  truth = np.load(expected)
  assert alone["num_people"].numpy() == len(truth["joints"])
  # Of this person the legs are not seen: what is told least moves most.
  for name, most in (("boxes", 1e-3), ("joints", 5e-3), ("keypoints_2d", 2.0)):
    found = alone[name][0, : len(truth[name])]
    apart = np.abs(found - truth[name]).max()
    assert apart < most, f"{name}: {apart}"
  batch = [b"no photo", _plain_photo(64, 48), data, b"", _plain_photo(20, 64)]
  several = serve(image_bytes=tf.constant(batch), **unknown)
  assert several["num_people"].numpy().tolist() == [
    *(-1, 0),
    len(truth["joints"]),
    *(-1, -1),
  ]
  told = [bool(text) for text in several["error"].numpy()]
  assert told == [True, False, False, True, True]
  _same(several, alone, 2, 0)
  nothing = serve(image_bytes=tf.constant([], tf.string), **unknown)
  assert nothing["joints"].shape == (0, *alone["joints"].shape[1:])
  boxed = loaded.signatures["reconstruct_boxes"](
    image_bytes=tf.constant([data, data]),
    boxes=tf.constant([[truth["boxes"][0]], [[-9.0, 0.0, -1.0, 5.0]]]),
    **unknown,
  )
  assert boxed["num_people"].numpy().tolist() == [1, -1]
  assert "boxes" in boxed["error"].numpy()[1].decode()
  np.testing.assert_array_equal(boxed["boxes"][0, 0], truth["boxes"][0])
  tall = serve(
    image_bytes=tf.constant([data]),
    focal_px=tf.zeros([1]),
    height_m=tf.constant([2.0]),
  )
  # Who is k times as tall stands k times as far away.
  depth = tall["state/translation"] / alone["state/translation"]
  np.testing.assert_allclose(depth[0, 0, 2], 2.0 / truth["height"], rtol=1e-2)


if __name__ == "__main__":
  main(*sys.argv[1:])
