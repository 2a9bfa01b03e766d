"""The pinhole camera, its intrinsics, and the intrinsics of a crop (Sec. 2.1).

Camera frame: x right, y down, z forward, metres. Pixels: x right, y down; pixel
(0, 0) covers [0, 1) x [0, 1) and its centre is (0.5, 0.5). This convention
holds in the whole project, so cropping and scaling need no half-pixel terms.
"""

import math

import numpy as np
from tensorflow_graphics.rendering.camera import perspective

from hund_tf.compat import tf
from hund_tf.types import CROP_SIZE, Intrinsics

MIN_DEPTH = 0.01  # metres; nearer points are projected as if they were here


def default_intrinsics(height: int, width: int) -> Intrinsics:
  """f = max(H, W), c = (W / 2, H / 2), for a photo of unknown camera.

  Returns:
    Intrinsics of float32 numpy arrays `[2]`, pixels.

  Raises:
    ValueError: if a side is not positive.
  """
  if height <= 0 or width <= 0:
    raise ValueError(
      f"photo size: got {width}x{height} pixels, both must be positive"
    )
  focal = float(max(height, width))
  return Intrinsics(
    focal=np.array([focal, focal], np.float32),
    center=np.array([width / 2, height / 2], np.float32),
  )


def intrinsics_from_fov(
  height: int, width: int, fov_degrees: float
) -> Intrinsics:
  """Intrinsics whose field of view over the larger side is `fov_degrees`.

  Raises:
    ValueError: if the angle is not inside (0, 180) degrees.
  """
  if not 0.0 < fov_degrees < 180.0:
    raise ValueError(
      f"field of view: got {fov_degrees} degrees, expected one inside (0, 180)"
    )
  base = default_intrinsics(height, width)
  scale = 0.5 / math.tan(math.radians(fov_degrees) / 2.0)
  return base._replace(focal=(base.focal * scale).astype(np.float32))


def crop_matrix(box: tf.Tensor, size: int = CROP_SIZE) -> tf.Tensor:
  """The 5x5 matrix K of Eq. 1, which maps [C, 1] to [C_c, 1].

  Args:
    box: `[..., 4]` the crop, [left, top, width, height] in photo pixels.
    size: side in pixels to which the crop is resized.

  Returns:
    `[..., 5, 5]` scale and translation of [fx, fy, cx, cy, 1].
  """
  box = tf.cast(box, tf.float32)
  left, top, width, height = tf.unstack(box, axis=-1)
  scale_x, scale_y = size / width, size / height
  one = tf.ones_like(left)
  diagonal = tf.stack([scale_x, scale_y, scale_x, scale_y, one], axis=-1)
  zero = tf.zeros_like(left)
  shift = tf.stack([zero, zero, -scale_x * left, -scale_y * top, zero], -1)
  last = tf.one_hot(4, 5)
  return tf.linalg.diag(diagonal) + shift[..., :, None] * last


def crop_intrinsics(
  intrinsics: Intrinsics, box: tf.Tensor, size: int = CROP_SIZE
) -> Intrinsics:
  """Intrinsics C_c of a crop resized to `size` x `size` (Eq. 1).

  A person solved with C_c is in the camera frame of the whole photo: projecting
  with C instead gives its place in the photo.

  Args:
    intrinsics: of the photo; fields `[..., 2]`, pixels.
    box: `[..., 4]` [left, top, width, height] in photo pixels.
    size: side in pixels of the resized crop.

  Returns:
    Intrinsics of the crop, fields `[..., 2]`, pixels of the crop.
  """
  matrix = crop_matrix(box, size)
  focal = tf.cast(intrinsics.focal, tf.float32)
  center = tf.cast(intrinsics.center, tf.float32)
  vector = tf.concat([focal, center, tf.ones_like(focal[..., :1])], axis=-1)
  warped = tf.linalg.matvec(matrix, vector)
  return Intrinsics(focal=warped[..., 0:2], center=warped[..., 2:4])


def project(points: tf.Tensor, intrinsics: Intrinsics) -> tf.Tensor:
  """Perspective projection Pi(x_3d, C) (Sec. 2.1).

  Args:
    points: `[..., N, 3]` metres, camera frame.
    intrinsics: fields `[..., 2]`, pixels.

  Returns:
    `[..., N, 2]` pixels. A point nearer than `MIN_DEPTH`, or behind the camera,
    is projected as if it were at that depth, so that values and gradients stay
    finite.
  """
  depth = tf.maximum(points[..., 2:3], MIN_DEPTH)
  safe = tf.concat([points[..., 0:2], depth], axis=-1)
  return perspective.project(
    safe,
    tf.cast(intrinsics.focal, tf.float32)[..., None, :],
    tf.cast(intrinsics.center, tf.float32)[..., None, :],
  )


def projection_slopes(
  points: tf.Tensor, slopes: tf.Tensor, intrinsics: Intrinsics
) -> tf.Tensor:
  """Derivatives `[..., N, 2, D]` of `project`.

  Args:
    points: `[..., N, 3]` metres, camera frame, beyond `MIN_DEPTH`.
    slopes: `[..., N, 3, D]` their derivatives.
    intrinsics: fields `[..., 2]`, pixels.
  """
  depth = tf.maximum(points[..., 2:], MIN_DEPTH)
  ratio = points[..., :2] / depth
  across = slopes[..., :2, :] - ratio[..., None] * slopes[..., 2:, :]
  return across * (intrinsics.focal[..., None, :] / depth)[..., None]


def scale_intrinsics(intrinsics: Intrinsics, factor: float) -> Intrinsics:
  """Intrinsics after the image is resized by `factor` (0.125: crop to map)."""
  return Intrinsics(
    focal=intrinsics.focal * factor, center=intrinsics.center * factor
  )


def viewing_rotation(
  intrinsics: Intrinsics, size: float = CROP_SIZE
) -> tf.Tensor:
  """The rotation from the camera frame to the viewing frame of a crop.

  Who looks at the middle of the crop has the viewing frame: z goes through the
  middle, x right and y down. With d = (a, b, c) the unit vector towards the
  middle it is the smallest rotation that turns d to z,

    [[1 - a^2 / (1 + c), -a b / (1 + c), -a],
     [-a b / (1 + c), 1 - b^2 / (1 + c), -b],
     [a, b, c]].

  Args:
    intrinsics: of the crop (C_c), fields `[..., 2]`, crop pixels.
    size: side of the crop, pixels.

  Returns:
    `[..., 3, 3]`; a column vector of the camera frame times it from the left is
    one of the viewing frame.
  """
  slope = (size / 2.0 - intrinsics.center) / intrinsics.focal
  ray = tf.concat([slope, tf.ones_like(slope[..., :1])], axis=-1)
  a, b, c = tf.unstack(tf.math.l2_normalize(ray, axis=-1), axis=-1)
  mixed = -a * b / (1.0 + c)
  rows = [
    [1.0 - a * a / (1.0 + c), mixed, -a],
    [mixed, 1.0 - b * b / (1.0 + c), -b],
    [a, b, c],
  ]
  return tf.stack([tf.stack(row, axis=-1) for row in rows], axis=-2)
