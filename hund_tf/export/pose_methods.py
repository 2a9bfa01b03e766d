"""Functions of a SavedModel that take decoded photos, by names of the field.

Names and outputs are those of MeTRAbs' models: millimetres, boxes with their
scores, ragged over the people of many photos. Joints are those of the body
model, P is the most people of a photo.
"""

from collections.abc import Callable

from hund_tf.compat import tf

_MM = 1e3
_IMAGE = tf.TensorSpec([None, None, 3], tf.uint8, "image")
_IMAGES = tf.TensorSpec([None, None, None, 3], tf.uint8, "images")
_BOXES = tf.TensorSpec([None, 4], tf.float32, "boxes")
_RAGGED = tf.RaggedTensorSpec([None, None, 4], tf.float32, ragged_rank=1)


class PoseMethods:
  """Traced functions of photos, for a module to take as its own.

  Attributes:
    detect_poses: (image [H, W, 3] uint8) -> `boxes [N, 5]` (left, top, width,
      height, pixels, and score), `poses3d [N, 63, 3]` millimetres in the camera
      frame, `poses2d [N, 63, 2]` pixels, of the N people who are found.
    detect_poses_batched: (images [B, H, W, 3] uint8) -> the same, ragged
      `[B, (N), ...]`.
    estimate_poses: (image, boxes [N, 4]) -> the same of who is in the boxes;
      boxes without a person have none.
    estimate_poses_batched: (images, boxes ragged [B, (N), 4]) -> ragged.
  """

  def __init__(self, search: Callable, in_boxes: Callable):
    """Makes the functions.

    Args:
      search: (image_bytes, focal_px, height_m) -> outputs of `people_module`.
      in_boxes: (image_bytes, boxes, focal_px, height_m) -> the same.
    """
    self._search, self._in_boxes = search, in_boxes
    traced = lambda function, *specs: tf.function(
      function, autograph=False, input_signature=specs
    )
    self.detect_poses = traced(self._detect, _IMAGE)
    self.detect_poses_batched = traced(self._detect_batched, _IMAGES)
    self.estimate_poses = traced(self._estimate, _IMAGE, _BOXES)
    self.estimate_poses_batched = traced(
      self._estimate_batched, _IMAGES, _RAGGED
    )

  def _detect(self, image: tf.Tensor) -> dict[str, tf.Tensor]:
    found = self._detect_batched(image[None])
    return {name: value.values for name, value in found.items()}

  def _detect_batched(self, images: tf.Tensor) -> dict[str, tf.RaggedTensor]:
    unknown = tf.zeros([1])
    return _ragged(self._search(_encoded(images), unknown, unknown))

  def _estimate(self, image, boxes) -> dict[str, tf.Tensor]:
    ragged = tf.RaggedTensor.from_row_lengths(boxes, tf.shape(boxes)[:1])
    found = self._estimate_batched(image[None], ragged)
    return {name: value.values for name, value in found.items()}

  def _estimate_batched(self, images, boxes) -> dict[str, tf.RaggedTensor]:
    unknown = tf.zeros([1])
    padded = boxes.to_tensor(shape=[None, None, 4])
    return _ragged(self._in_boxes(_encoded(images), padded, unknown, unknown))


def _encoded(images: tf.Tensor) -> tf.Tensor:
  """Photos [B, H, W, 3] as bytes [B] that lose nothing."""
  return tf.map_fn(
    lambda image: tf.io.encode_png(image, compression=1),
    images,
    fn_output_signature=tf.TensorSpec([], tf.string),
  )


def _ragged(outputs: dict[str, tf.Tensor]) -> dict[str, tf.RaggedTensor]:
  """Those of the people that are there."""
  joints, camera = outputs["joints"], outputs["camera"][:, None, None]
  depth = tf.where(joints[..., 2:] > 0.0, joints[..., 2:], 1.0)
  pixels = joints[..., :2] / depth * camera[..., :2] + camera[..., 2:]
  boxes = tf.concat([outputs["boxes"], outputs["scores"][..., None]], axis=-1)
  counts = tf.maximum(outputs["num_people"], 0)
  return {
    name: tf.RaggedTensor.from_tensor(value, lengths=counts)
    for name, value in (
      ("boxes", boxes),
      ("poses3d", _MM * joints),
      ("poses2d", pixels),
    )
  }
