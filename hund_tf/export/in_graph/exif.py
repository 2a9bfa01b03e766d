"""What the EXIF of a JPEG says of orientation and focal length, in the graph.

The counterpart of `photos.exif`, of JPEG files alone.
"""

from collections.abc import Callable

from hund_tf.compat import tf
from hund_tf.photos import exif

_MOST = 1 << 18  # bytes of the file that are searched
_ORIENTATION = 0x0112
_EXIF = (0x45, 0x78, 0x69, 0x66, 0, 0)
_START_OF_SCAN, _APP1 = 0xDA, 0xE1
_SHORT, _LONG, _RATIONAL, _SIGNED_RATIONAL = 3, 4, 5, 10

Bytes = Callable[[tf.Tensor], tf.Tensor]  # place -> value, 0 beyond the end


class JpegExif:
  """The tags of a JPEG file; what is not readable is not there.

  Args:
    data: scalar string, the file.
  """

  def __init__(self, data: tf.Tensor):
    head = tf.strings.substr(data, 0, _MOST)
    values = tf.cast(tf.io.decode_raw(head, tf.uint8), tf.int64)
    # Whatever a broken file points to reads as 0.
    values = tf.concat([values, tf.zeros([1], tf.int64)], axis=0)
    last = tf.size(values, tf.int64) - 1

    def byte(place: tf.Tensor) -> tf.Tensor:
      inside = (place >= 0) & (place < last)
      return tf.gather(values, tf.where(inside, place, last))

    self._byte = byte
    segment = _exif_segment(byte, last)
    self._there = segment > 0
    self._start = segment + 10
    self._big = tf.equal(byte(self._start), 0x4D)
    self._first = self._start + self._whole(self._start + 4, 4)

  def orientation(self) -> tf.Tensor:
    """1 to 8, scalar int32; 1 where there is none."""
    value = tf.cast(self._value(self._first, _ORIENTATION), tf.int32)
    return tf.where((value >= 1) & (value <= 8), value, 1)

  def focal(self, height: tf.Tensor, width: tf.Tensor) -> tf.Tensor:
    """The focal length, pixels, scalar float32; 0 where it is not usable.

    Args:
      height: of the photo, pixels, int32.
      width: likewise.
    """
    directory = self._start + tf.cast(
      self._value(self._first, exif._EXIF_IFD), tf.int64
    )
    tag = lambda number: self._value(directory, number)
    size = tf.cast(tf.stack([height, width]), tf.float64)
    large, small = tf.reduce_max(size), tf.reduce_min(size)
    sides = tf.stack([tag(exif._WIDTH), tag(exif._HEIGHT)])
    stated = tf.reduce_min(sides) > 0.0
    scale = tf.math.divide_no_nan(large, tf.reduce_max(sides))
    off = tf.math.divide_no_nan(small, tf.reduce_min(sides)) - scale
    cut = stated & (tf.abs(off) > exif._PROPORTION * scale)
    unit = tf.cast(tag(exif._PLANE_UNIT), tf.int32)
    unit = tf.where(tf.equal(unit, 0), 2, unit)
    units = tf.constant(list(exif._UNITS))
    lengths = tf.constant(list(exif._UNITS.values()), tf.float64)
    zero = tf.zeros([], tf.float64)
    millimetres = tf.reduce_max(tf.where(tf.equal(units, unit), lengths, zero))
    equivalent = tag(exif._FOCAL_LENGTH_35MM)
    of_film = equivalent / exif._DIAGONAL_35MM * tf.norm(size)
    of_sensor = tag(exif._FOCAL_LENGTH) * tag(exif._PLANE_X_RESOLUTION)
    of_sensor = tf.math.divide_no_nan(of_sensor, millimetres)
    of_sensor *= tf.where(stated, scale, tf.ones_like(scale))
    focal = tf.where(equivalent > 0.0, of_film, of_sensor)
    low, high = (share * large for share in exif._PLAUSIBLE)
    usable = ~cut & (focal >= low) & (focal <= high)
    return tf.cast(tf.where(usable, focal, zero), tf.float32)

  def _whole(self, place: tf.Tensor, count: int) -> tf.Tensor:
    """The whole number at a place, int64."""
    digits = [self._byte(place + i) for i in range(count)]
    forward = sum(d * 256 ** (count - 1 - i) for i, d in enumerate(digits))
    backward = sum(d * 256**i for i, d in enumerate(digits))
    return tf.where(self._big, forward, backward)

  def _value(self, directory: tf.Tensor, tag: int) -> tf.Tensor:
    """A tag of a directory of tags, float64; 0 where it has no such number."""
    entries = directory + 2 + 12 * tf.range(self._whole(directory, 2))
    found = tf.where(tf.equal(self._whole(entries, 2), tag))[:, 0]
    there = self._there & (tf.size(found) > 0)
    nowhere = tf.constant([-(1 << 30)], tf.int64)
    entry = tf.concat([tf.gather(entries, found), nowhere], axis=0)[0]
    kind, place = self._whole(entry + 2, 2), entry + 8
    double = lambda *where: tf.cast(self._whole(*where), tf.float64)
    far = self._start + self._whole(place, 4)
    over, under = double(far, 4), double(far + 4, 4)
    value = tf.zeros([], tf.float64)
    for number, read in (
      (_SHORT, double(place, 2)),
      (_LONG, double(place, 4)),
      (_RATIONAL, tf.math.divide_no_nan(over, under)),
      (_SIGNED_RATIONAL, _of_signed(over, under)),
    ):
      value = tf.where(tf.equal(kind, number), read, value)
    return tf.where(there, value, tf.zeros_like(value))


def _of_signed(over: tf.Tensor, under: tf.Tensor) -> tf.Tensor:
  """The ratio of two numbers that are positive as signed ones; else 0."""
  positive = (over < 2.0**31) & (under < 2.0**31)
  ratio = tf.math.divide_no_nan(over, under)
  return tf.where(positive, ratio, tf.zeros_like(ratio))


def _exif_segment(byte: Bytes, end: tf.Tensor) -> tf.Tensor:
  """Where the marker of the EXIF segment is; 0 for nowhere."""

  def is_exif(place: tf.Tensor) -> tf.Tensor:
    name = byte(place + 4 + tf.range(6, dtype=tf.int64))
    named = tf.reduce_all(tf.equal(name, _EXIF))
    return tf.equal(byte(place + 1), _APP1) & named

  def goes_on(place: tf.Tensor) -> tf.Tensor:
    marker = tf.equal(byte(place), 0xFF)
    scan = tf.equal(byte(place + 1), _START_OF_SCAN)
    return (place < end) & marker & ~scan & ~is_exif(place)

  def following(place: tf.Tensor) -> tuple[tf.Tensor]:
    length = byte(place + 2) * 256 + byte(place + 3)
    return (place + 2 + tf.maximum(length, 2),)

  first = tf.constant(2, tf.int64)
  (place,) = tf.while_loop(goes_on, following, (first,))
  return tf.where(is_exif(place), place, 0)
