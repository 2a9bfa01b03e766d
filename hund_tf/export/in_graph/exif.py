"""The EXIF orientation of a JPEG, read in the graph."""

from collections.abc import Callable

from hund_tf.compat import tf

_MOST = 1 << 18  # bytes of the file that are searched
_ORIENTATION = 0x0112
_EXIF = (0x45, 0x78, 0x69, 0x66, 0, 0)
_START_OF_SCAN, _APP1 = 0xDA, 0xE1


def jpeg_orientation(data: tf.Tensor) -> tf.Tensor:
  """EXIF's orientation, 1 to 8; 1 where there is none, or none is readable.

  Args:
    data: scalar string, a JPEG file.

  Returns:
    Scalar int32.
  """
  head = tf.strings.substr(data, 0, _MOST)
  values = tf.cast(tf.io.decode_raw(head, tf.uint8), tf.int32)
  # Whatever a broken file points to reads as 0.
  values = tf.concat([values, tf.zeros([1], tf.int32)], axis=0)
  last = tf.size(values) - 1

  def byte(place: tf.Tensor) -> tf.Tensor:
    inside = (place >= 0) & (place < last)
    return tf.gather(values, tf.where(inside, place, last))

  start = _exif_segment(byte, last)
  orientation = _from_tiff(byte, start + 10)
  known = (start > 0) & (orientation >= 1) & (orientation <= 8)
  return tf.where(known, orientation, 1)


Bytes = Callable[[tf.Tensor], tf.Tensor]  # place -> value, 0 beyond the end


def _exif_segment(byte: Bytes, end: tf.Tensor) -> tf.Tensor:
  """Where the marker of the EXIF segment is; 0 for nowhere."""

  def is_exif(place: tf.Tensor) -> tf.Tensor:
    name = byte(place + 4 + tf.range(6))
    named = tf.reduce_all(tf.equal(name, _EXIF))
    return tf.equal(byte(place + 1), _APP1) & named

  def goes_on(place: tf.Tensor) -> tf.Tensor:
    marker = tf.equal(byte(place), 0xFF)
    scan = tf.equal(byte(place + 1), _START_OF_SCAN)
    return (place < end) & marker & ~scan & ~is_exif(place)

  def following(place: tf.Tensor) -> tuple[tf.Tensor]:
    length = byte(place + 2) * 256 + byte(place + 3)
    return (place + 2 + tf.maximum(length, 2),)

  (place,) = tf.while_loop(goes_on, following, (tf.constant(2),))
  return tf.where(is_exif(place), place, 0)


def _from_tiff(byte: Bytes, start: tf.Tensor) -> tf.Tensor:
  """The orientation in the first directory of TIFF data at a place."""
  big = tf.equal(byte(start), 0x4D)

  def number(place: tf.Tensor, count: int) -> tf.Tensor:
    digits = [byte(place + i) for i in range(count)]
    forward = sum(d * 256 ** (count - 1 - i) for i, d in enumerate(digits))
    backward = sum(d * 256**i for i, d in enumerate(digits))
    return tf.where(big, forward, backward)

  directory = start + number(start + 4, 4)
  entries = directory + 2 + 12 * tf.range(number(directory, 2))
  found = tf.equal(number(entries, 2), _ORIENTATION)
  return tf.reduce_max(tf.where(found, number(entries + 8, 2), 0))
