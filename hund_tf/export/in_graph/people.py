"""Who is seen in photos' bytes, as tensors: landmarks, no bodies."""

from collections.abc import Callable

from hund_tf.compat import tf
from hund_tf.export.in_graph.decoding import decode
from hund_tf.export.in_graph.detector import Detections, GraphDetector
from hund_tf.types import MAP_SIZE, NUM_KEYPOINTS

_AT_ONCE = 4  # photos
_NO_BOXES = "has boxes without area, or outside of the photo"

# Outputs `[B, ...]` as `people_module` has them, and the people `[B, P, ...]`.
Sights = tuple[dict[str, tf.Tensor], Detections]


class PeopleFinder:
  """Decodes photos and finds who is in them."""

  def __init__(self, detector: GraphDetector, max_people: int, max_pixels: int):
    """Keeps what finds the people of a photo.

    Args:
      detector: of one photo.
      max_people: P.
      max_pixels: of a photo; a larger one is an error.
    """
    self._detector = detector
    self._max_people = max_people
    self._max_pixels = max_pixels

  def search(self, image_bytes: tf.Tensor) -> Sights:
    """The surest people of photos [B]."""
    nothing = tf.zeros([tf.size(image_bytes), 0, 4])
    return self._seen(image_bytes, nothing, self._search_in, self._max_people)

  def in_boxes(self, image_bytes: tf.Tensor, boxes: tf.Tensor) -> Sights:
    """The people of boxes [B, P, 4] in photos [B]; zeros are no box."""
    return self._seen(image_bytes, boxes, self._look_in, tf.shape(boxes)[1])

  def _search_in(self, image: tf.Tensor, boxes: tf.Tensor):
    del boxes
    found, count = self._detector.search(image, self._max_people)
    return found, tf.range(tf.size(found.scores)), count, tf.constant("")

  def _look_in(self, image: tf.Tensor, boxes: tf.Tensor):
    given = tf.where(tf.reduce_any(tf.not_equal(boxes, 0.0), axis=-1))[:, 0]
    boxes = tf.gather(boxes, given)
    size = tf.cast(tf.gather(tf.shape(image), [1, 0]), tf.float32)
    low, high = boxes[:, :2], boxes[:, :2] + boxes[:, 2:]
    good = tf.reduce_all(tf.math.is_finite(boxes), axis=-1)
    good &= tf.reduce_all(boxes[:, 2:] > 0.0, axis=-1)
    good &= tf.reduce_all((low < size) & (high > 0.0), axis=-1)
    every = tf.reduce_all(good)
    error = tf.where(every, "", _NO_BOXES)
    boxes = boxes[: tf.where(every, tf.shape(boxes)[0], 0)]
    found, rows = self._detector.in_boxes(image, boxes)
    index = tf.gather(tf.cast(given, tf.int32), rows)
    return found, index, tf.size(index), error

  def _seen(
    self,
    image_bytes: tf.Tensor,
    boxes: tf.Tensor,
    look: Callable,
    most: int | tf.Tensor,
  ) -> Sights:
    """Who is seen in each photo."""

    def padded(x: tf.Tensor) -> tf.Tensor:
      missing = most - tf.shape(x)[0]
      rest = [[0, 0]] * (len(x.shape) - 1)
      return tf.pad(x, [[0, missing], *rest])

    def one(row: tuple[tf.Tensor, tf.Tensor]):
      photo = decode(row[0], self._max_pixels)

      def people():
        found, index, count, error = look(photo.image, row[1])
        shown = tf.where(tf.equal(error, ""), tf.size(index), -1)
        return [
          *(padded(x) for x in (*found, index)),
          *(shown, count, error, tf.shape(photo.image)[:2], photo.focal),
        ]

      def nobody():
        zeros = [tf.zeros([most, *s.shape[1:]], s.dtype) for s in specs[:7]]
        size = tf.zeros([2], tf.int32)
        none = tf.constant(-1), tf.constant(0)
        return [*zeros, *none, photo.error, size, photo.focal]

      return tuple(tf.cond(tf.size(photo.image) > 0, people, nobody))

    specs = _specs(most if isinstance(most, int) else None)
    *people, index, count, found, error, size, focal = tf.map_fn(
      one,
      (image_bytes, boxes),
      fn_output_signature=tuple(specs),
      parallel_iterations=_AT_ONCE,
    )
    people = Detections(*people)
    outputs = {
      "num_people": count,
      "num_people_found": found,
      "error": error,
      "image_size": size,
      "exif_focal_px": focal,
      "boxes": people.boxes,
      "box_index": index,
      "scores": people.scores,
      "landmarks": people.keypoints,
    }
    return outputs, people


def _specs(most: int | None) -> list[tf.TensorSpec]:
  """Of what is seen in one photo."""
  single = lambda *shape: tf.TensorSpec([most, *shape])
  number = tf.TensorSpec([], tf.int32)
  return [
    single(4),
    single(),
    single(NUM_KEYPOINTS, 3),
    single(NUM_KEYPOINTS, 4),
    single(MAP_SIZE, MAP_SIZE),
    single(4),
    tf.TensorSpec([most], tf.int32),
    number,
    number,
    tf.TensorSpec([], tf.string),
    tf.TensorSpec([2], tf.int32),
    tf.TensorSpec([]),
  ]
