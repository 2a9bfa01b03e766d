"""A SavedModel with the signatures of the one from photos to people."""

import io
from pathlib import Path

import numpy as np
from PIL import Image

from hund_tf.compat import tf
from hund_tf.export.in_graph.decoding import decode

MOST = 2
_BYTES = tf.TensorSpec([None], tf.string, "image_bytes")
_FOCAL = tf.TensorSpec([None], tf.float32, "focal_px")


class TinyModel(tf.Module):
  """As many people as the width is large, modulo 3, out of the mean colour."""

  @tf.function(input_signature=[_BYTES], autograph=False)
  def __call__(self, image_bytes):
    return self.people(image_bytes, tf.zeros_like(image_bytes, tf.float32))

  @tf.function(input_signature=[_BYTES, _FOCAL], autograph=False)
  def people(self, image_bytes, focal_px):
    def one(data):
      photo = decode(data, 10_000)
      size = tf.shape(photo.image)[:2]
      good = tf.size(photo.image) > 0
      count = tf.where(good, size[1] % 3, -1)
      color = tf.reduce_mean(tf.cast(photo.image, tf.float32), axis=[0, 1])
      color = tf.where(good, color / 255.0, 0.0)
      return count, photo.error, size, color

    count, error, size, color = tf.map_fn(
      one,
      image_bytes,
      fn_output_signature=(
        tf.TensorSpec([], tf.int32),
        tf.TensorSpec([], tf.string),
        tf.TensorSpec([2], tf.int32),
        tf.TensorSpec([3]),
      ),
    )
    there = tf.cast(tf.range(MOST) < count[:, None], tf.float32)  # B, P
    turn = tf.random.stateless_normal([3, 12], seed=[1, 2])
    joints = tf.tanh(color @ turn)[:, None] * there[..., None]
    return {
      "num_people": count,
      "num_people_found": tf.maximum(count, 0),
      "error": error,
      "image_size": size,
      "camera": tf.tile(focal_px[:, None], [1, 4]),
      "boxes": there[..., None] * [1.0, 2.0, 3.0, 4.0],
      "box_index": tf.cast(there, tf.int32) * tf.range(MOST),
      "scores": there * color[:, :1],
      "joints": tf.reshape(joints, [-1, MOST, 4, 3]),
      "state/shape": joints[..., :2],
      "quality": there * color[:, 1:2],
    }

  @tf.function(input_signature=[_BYTES, _FOCAL], autograph=False)
  def with_mesh(self, image_bytes, focal_px):
    found = self.people(image_bytes, focal_px)
    return found | {"vertices": found["joints"] + tf.constant(_CORNERS)}

  @tf.function(input_signature=[], autograph=False)
  def topology(self):
    return {"faces": tf.constant([[0, 1, 2], [0, 2, 3]])}


_CORNERS = np.float32([[0, 0, 2], [1, 0, 2], [1, 1, 2], [0, 1, 2]])


def save(folder: Path) -> TinyModel:
  """Writes the model; returns it as it was before."""
  module = TinyModel()
  tf.saved_model.save(
    module,
    str(folder),
    {
      "serving_default": module.people,
      "people_with_mesh": module.with_mesh,
      "topology": module.topology,
    },
  )
  return module


def photo(number: int) -> bytes:
  """A PNG of a size and colours of its own; (number + 1) % 3 people."""
  rng = np.random.default_rng(number)
  pixels = rng.integers(0, 256, [40, 34 + number % 9, 3], np.uint8)
  file = io.BytesIO()
  Image.fromarray(pixels).save(file, "PNG")
  return file.getvalue()
