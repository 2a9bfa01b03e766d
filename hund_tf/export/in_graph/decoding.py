"""Photos decoded in the graph: JPEG, PNG, GIF and BMP, upright RGB.

Bytes that are no photo give no pixels and say why; nothing is raised, since
that would take the other photos of a batch along. TensorFlow's decoders raise,
so they run in a data set of one element whose errors are ignored.
"""

from typing import NamedTuple

from hund_tf.compat import tf
from hund_tf.export.in_graph.exif import JpegExif
from hund_tf.photos.loading import MIN_SIDE

_UNKNOWN, _JPEG, _PNG, _GIF, _BMP = range(5)
_HEADS = {
  _JPEG: b"\xff\xd8\xff",
  _PNG: b"\x89PNG\r\n\x1a\n",
  _GIF: b"GIF8",
  _BMP: b"BM",
}
_PNG_COLOR = 25  # place of the byte that says what a PNG's channels are


class Decoded(NamedTuple):
  """A photo, or why there is none."""

  image: tf.Tensor  # [H, W, 3] uint8 RGB, upright; [0, 0, 3] with an error
  error: tf.Tensor  # string; empty for none
  focal: tf.Tensor  # float32 pixels, of EXIF; 0 where it is not known


def decode(data: tf.Tensor, max_pixels: int) -> Decoded:
  """Decodes the bytes of a photo's file.

  The size in the header is looked at before any pixel is decoded. Where a PNG
  has an alpha channel, transparent pixels are laid over white; of an animation
  the first picture counts; of JPEG the EXIF orientation is applied and the
  EXIF focal length read.

  Args:
    data: scalar string.
    max_pixels: the largest width times height that is decoded.
  """
  kind = _kind(data)
  size = _guarded(lambda x: _size(x, kind), data, tf.zeros([2], tf.int32))
  area = tf.reduce_prod(tf.cast(size, tf.int64))
  readable = area > 0
  good = (tf.reduce_min(size) >= MIN_SIDE) & (area <= max_pixels)
  nothing = tf.zeros([0, 0, 3], tf.uint8)
  image = tf.cond(
    good,
    lambda: _guarded(lambda x: _pixels(x, kind), data, nothing),
    lambda: nothing,
  )
  sides = tf.strings.format("{} x {} pixels", (size[1], size[0]))
  error = tf.case(
    [
      (tf.size(image) > 0, lambda: tf.constant("")),
      (
        tf.equal(tf.strings.length(data), 0),
        lambda: tf.constant("is empty (0 bytes); give a complete photo"),
      ),
      (
        tf.equal(kind, _UNKNOWN),
        lambda: tf.constant("is no JPEG, PNG, GIF or BMP; give one of these"),
      ),
      (
        readable & (area > max_pixels),
        lambda: sides + f" are too many; give a photo of at most {max_pixels}",
      ),
      (
        readable & ~good,
        lambda: sides + f" are too few; give at least {MIN_SIDE} x {MIN_SIDE}",
      ),
    ],
    default=lambda: tf.constant(
      "is truncated or corrupt; give the photo again, complete"
    ),
    exclusive=False,
  )
  focal = tf.cond(
    tf.equal(kind, _JPEG) & (tf.size(image) > 0),
    lambda: JpegExif(data).focal(*tf.unstack(tf.shape(image)[:2])),
    lambda: tf.constant(0.0),
  )
  return Decoded(image, error, focal)


def _kind(data: tf.Tensor) -> tf.Tensor:
  """Which of the formats the first bytes are of, int32."""
  kind = tf.constant(_UNKNOWN)
  for value, head in _HEADS.items():
    matches = tf.equal(tf.strings.substr(data, 0, len(head)), head)
    kind = tf.where(matches, value, kind)
  return kind


def _guarded(function, data: tf.Tensor, otherwise: tf.Tensor) -> tf.Tensor:
  """What a function gives for the data, or something else where it fails."""
  found = tf.data.Dataset.from_tensors(data).map(function)
  found = found.ignore_errors(log_warning=False)
  found = found.concatenate(tf.data.Dataset.from_tensors(otherwise)).take(1)
  options = tf.data.Options()  # to optimise it takes longer than to run it
  options.autotune.enabled = False
  options.experimental_optimization.apply_default_optimizations = False
  return found.with_options(options).get_single_element()


def _number(data: tf.Tensor, start: int, count: int, big: bool) -> tf.Tensor:
  """The whole number that `count` bytes make, int32."""
  digits = tf.io.decode_raw(tf.strings.substr(data, start, count), tf.uint8)
  places = range(count)[::-1] if big else range(count)
  powers = tf.constant([256**k for k in places], tf.int64)
  value = tf.reduce_sum(tf.cast(digits[:count], tf.int64) * powers)
  return tf.bitcast(tf.cast(value, tf.uint32), tf.int32)


def _size(data: tf.Tensor, kind: tf.Tensor) -> tf.Tensor:
  """Height and width [2] int32 as the header has them."""

  def at(start: int, count: int, big: bool):
    def sides():
      width = _number(data, start, count, big)
      height = _number(data, start + count, count, big)
      return tf.abs(tf.stack([height, width]))

    return sides

  return tf.switch_case(
    kind,
    {
      _UNKNOWN: lambda: tf.zeros([2], tf.int32),
      _JPEG: lambda: tf.io.extract_jpeg_shape(data)[:2],
      _PNG: at(16, 4, True),
      _GIF: at(6, 2, False),
      _BMP: at(18, 4, False),
    },
  )


def _pixels(data: tf.Tensor, kind: tf.Tensor) -> tf.Tensor:
  """[H, W, 3] uint8."""

  def jpeg():
    image = tf.io.decode_jpeg(data, 3, dct_method="INTEGER_ACCURATE")
    return turned(image, JpegExif(data).orientation())

  def over_white():
    pixels = tf.cast(tf.io.decode_png(data, channels=4), tf.float32)
    alpha = pixels[..., 3:] / 255.0
    blended = pixels[..., :3] * alpha + 255.0 * (1.0 - alpha)
    return tf.cast(tf.round(blended), tf.uint8)

  def png():
    with_alpha = _number(data, _PNG_COLOR, 1, True) >= 4
    opaque = lambda: tf.io.decode_png(data, channels=3)
    return tf.cond(with_alpha, over_white, opaque)

  other = lambda: tf.io.decode_image(data, 3, expand_animations=False)
  image = tf.switch_case(kind - _JPEG, [jpeg, png, other, other])
  return tf.ensure_shape(image, [None, None, 3])


def turned(image: tf.Tensor, orientation: tf.Tensor) -> tf.Tensor:
  """Pixels [H, W, 3] as EXIF's orientation, 1 to 8, says they are upright."""
  swapped = tf.cond(
    orientation >= 5, lambda: tf.transpose(image, [1, 0, 2]), lambda: image
  )
  one_of = lambda *which: tf.reduce_any(tf.equal(orientation, which))
  flipped = tf.cond(
    one_of(2, 3, 6, 7), lambda: tf.reverse(swapped, [1]), lambda: swapped
  )
  return tf.cond(
    one_of(3, 4, 7, 8), lambda: tf.reverse(flipped, [0]), lambda: flipped
  )
