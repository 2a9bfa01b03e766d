"""Square regions of photos resampled, in TensorFlow.

One version for the detector and for exported models of people: what both see in
a photo is the same to a rounding of float32. Values are interpolated between
pixels and never rounded, so a region that is a little elsewhere looks a little
different, and no more.

Coordinates are continuous pixels (pixel (0, 0) covers [0, 1) x [0, 1)).
"""

import functools

from hund_tf.compat import tf

SHRINK_FROM = 1.5  # pixels of the photo for one of the crop
BLACK, NEAREST = "CONSTANT", "NEAREST"  # what is seen beyond the photo


def crops(
  image: tf.Tensor,
  center: tf.Tensor,
  size: tf.Tensor,
  angle: tf.Tensor,
  mirrored: tf.Tensor,
  side: int | tf.Tensor,
  border: str = BLACK,
) -> tf.Tensor:
  """Resamples N square regions of a photo to `side` x `side` pixels.

  Those much larger than `side` are averaged down first, so nothing aliases.

  Args:
    image: [H, W, C] uint8 or float32.
    center: [N, 2] float64 x, y, pixels.
    size: [N] float64 sides, pixels.
    angle: [N] float64 radians; turns the regions clockwise on the screen.
    mirrored: [N] bool, the crops that are turned left to right.
    side: of the crops, pixels.
    border: `BLACK`, or `NEAREST` for the photo's border that goes on.

  Returns:
    [N, side, side, C] float32.
  """
  known = side if isinstance(side, int) else None
  return tf.map_fn(
    lambda region: _crop(image, *region, side, border),
    (center, size, angle, mirrored),
    fn_output_signature=tf.TensorSpec([known, known, image.shape[-1]]),
    parallel_iterations=2,
  )


@functools.cache
def compiled_crops(dtype: tf.DType, border: str = BLACK):
  """`crops` of images of a type, for arrays; traced once."""
  double = lambda *shape: tf.TensorSpec(shape, tf.float64)
  return tf.function(
    lambda *arguments: crops(*arguments, border),
    autograph=False,
    input_signature=[
      tf.TensorSpec([None, None, None], dtype),
      *(double(None, 2), double(None), double(None)),
      tf.TensorSpec([None], tf.bool),
      tf.TensorSpec([], tf.int32),
    ],
  )


def _crop(image, center, size, angle, mirrored, side, border) -> tf.Tensor:
  """One of `crops`."""
  pixels = tf.cast(side, tf.float64)
  ratio = size / pixels
  c, s = tf.cos(angle), tf.sin(angle)
  reach = size / 2 * (tf.abs(c) + tf.abs(s)) + 2 * tf.maximum(ratio, 1.0) + 1
  low, window = _cut(image, center - reach, center + reach)
  small, scale = tf.cond(
    ratio > SHRINK_FROM,
    lambda: _shrunk(window, ratio),
    lambda: (tf.cast(window, tf.float32), tf.ones([2], tf.float64)),
  )
  across, down = tf.stack([c, s]), tf.stack([-s, c])
  across = tf.where(mirrored, -across, across)
  first = center - low + size * (0.5 / pixels - 0.5) * (across + down)
  return _affine(
    small,
    first * scale - 0.5,
    ratio * across * scale,
    ratio * down * scale,
    tf.stack([side, side]),
    border,
  )


def _cut(
  image: tf.Tensor, low: tf.Tensor, high: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
  """The pixels of an image within bounds, at least one.

  Args:
    image: [H, W, C].
    low: [2] float64 x, y, pixels; rounded down.
    high: [2] float64; rounded up.

  Returns:
    The bounds' low end in the image [2], and the pixels [h, w, C].
  """
  low, high = bounded(low, high, tf.shape(image)[:2])
  left, top = tf.unstack(tf.cast(low, tf.int32))
  right, bottom = tf.unstack(tf.cast(high, tf.int32))
  return low, image[top:bottom, left:right]


def bounded(
  low: tf.Tensor, high: tf.Tensor, size: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
  """Bounds [2] as whole pixels of a photo, at least one.

  Args:
    low: [2] float64 x, y, pixels; rounded down.
    high: [2] float64; rounded up.
    size: [2] height and width of the photo, int32.
  """
  sides = tf.cast(tf.gather(size, [1, 0]), tf.float64)
  zero = tf.zeros([], tf.float64)
  low = tf.clip_by_value(tf.floor(low), zero, sides - 1)
  return low, tf.clip_by_value(tf.math.ceil(high), low + 1, sides)


def _shrunk(image: tf.Tensor, ratio: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
  """An image averaged down, and its sides [2] (x, y) in those of the image."""
  size = tf.shape(image)[:2]
  before = tf.cast(size, tf.float64)
  target = tf.maximum(tf.cast(tf.round(before / ratio), tf.int32), 1)
  means = tf.raw_ops.ResizeArea(images=image[None], size=target)[0]
  return means, tf.gather(tf.cast(target, tf.float64) / before, [1, 0])


def _affine(image, first, across, down, size, border) -> tf.Tensor:
  """An affine picture of an image [H, W, C] float32.

  Args:
    image: what is resampled.
    first: [2] x, y: the index in the image of the picture's first pixel.
    across: [2] how far the next one in its row is from it.
    down: [2] likewise in its column.
    size: [2] height and width of the picture, int32.
    border: see `crops`.
  """
  rows = [tf.stack([across[k], down[k], first[k]]) for k in (0, 1)]
  zeros = tf.zeros([2], tf.float64)
  return tf.raw_ops.ImageProjectiveTransformV3(
    images=image[None],
    transforms=tf.cast(tf.concat([*rows, zeros], axis=0), tf.float32)[None],
    output_shape=size,
    fill_value=0.0,
    interpolation="BILINEAR",
    fill_mode=border,
  )[0]


def pasted(
  patch: tf.Tensor,
  center: tf.Tensor,
  size: tf.Tensor,
  angle: tf.Tensor,
  low: tf.Tensor,
  shape: tf.Tensor,
) -> tf.Tensor:
  """The patch of a square region, where it is in the photo.

  Args:
    patch: [S, S] float32.
    center: [2] float64 of the region, pixels.
    size: its side, pixels.
    angle: radians.
    low: [2] float64 left and top of what is made, whole pixels of the photo.
    shape: [2] its height and width, int32.

  Returns:
    [height, width] float32, zeros beyond the region.
  """
  side = tf.cast(tf.shape(patch)[0], tf.float64)
  c, s = tf.cos(angle), tf.sin(angle)
  step = side / size
  across, down = tf.stack([c, -s]) * step, tf.stack([s, c]) * step
  x, y = tf.unstack(low + 0.5 - center)
  first = x * across + y * down + side / 2 - 0.5
  return _affine(patch[..., None], first, across, down, shape, BLACK)[..., 0]


def enlarged(
  grid: tf.Tensor, step: tf.Tensor, low: tf.Tensor, shape: tf.Tensor
) -> tf.Tensor:
  """A part of a photo of which a coarse grid is known.

  Args:
    grid: [h, w] float32 of the photo's cells.
    step: float64 pixels of a cell.
    low: [2] float64 left and top of the part, whole pixels of the photo.
    shape: [2] height and width of the part, int32.

  Returns:
    [height, width] float32.
  """
  zero, one = tf.zeros([], tf.float64), 1.0 / step
  return _affine(
    grid[..., None],
    (low + 0.5) / step - 0.5,
    tf.stack([one, zero]),
    tf.stack([zero, one]),
    shape,
    NEAREST,
  )[..., 0]
