"""Where a person stands, as seen in the crop, whatever the camera.

A translation in metres depends on the focal length as much as on the picture.
Its *placement* does not: (u, v) is the pelvis in the crop, from -1 at the left
and upper border to 1 at the right and lower one, and w says how large a metre
appears: w = log(z * 480 / f) - W, with W such that w = 0 is a standing person
who fills about 0.8 of the crop.
"""

from hund_tf.compat import tf
from hund_tf.geometry.camera import MIN_DEPTH
from hund_tf.types import CROP_SIZE, Intrinsics

LOG_SCALE_OFFSET = 0.75  # W
MAX_LOG_SCALE = 4.0  # |w| is clipped here, so that depths stay finite


def _crop_focal(intrinsics: Intrinsics) -> tf.Tensor:
  """Focal length `[..., 1]` in crop sides, the geometric mean of both axes."""
  focal = intrinsics.focal / CROP_SIZE
  return tf.sqrt(focal[..., 0:1] * focal[..., 1:2])


def encode(translation: tf.Tensor, intrinsics: Intrinsics) -> tf.Tensor:
  """Placements of translations.

  Args:
    translation: `[..., 3]` metres, camera frame; depths below `MIN_DEPTH` are
      taken as if they were there.
    intrinsics: of the crops (C_c), fields `[..., 2]`, crop pixels.

  Returns:
    `[..., 3]` (u, v, w), no units.
  """
  depth = tf.maximum(translation[..., 2:3], MIN_DEPTH)
  pixel = translation[..., :2] / depth * intrinsics.focal + intrinsics.center
  log_scale = tf.math.log(depth / _crop_focal(intrinsics)) - LOG_SCALE_OFFSET
  return tf.concat([pixel * (2.0 / CROP_SIZE) - 1.0, log_scale], axis=-1)


def decode(placement: tf.Tensor, intrinsics: Intrinsics) -> tf.Tensor:
  """Translations `[..., 3]` of placements; the inverse of `encode`.

  The depth is positive for any placement.
  """
  log_scale = tf.clip_by_value(
    placement[..., 2:3], -MAX_LOG_SCALE, MAX_LOG_SCALE
  )
  depth = tf.exp(log_scale + LOG_SCALE_OFFSET) * _crop_focal(intrinsics)
  pixel = (placement[..., :2] + 1.0) * (CROP_SIZE / 2.0)
  lateral = (pixel - intrinsics.center) / intrinsics.focal * depth
  return tf.concat([lateral, depth], axis=-1)


def slopes(translation: tf.Tensor, intrinsics: Intrinsics) -> tf.Tensor:
  """Derivatives `[..., 3, 3]` of `decode` by (u, v, w), in its columns.

  Args:
    translation: `[..., 3]` metres, what `decode` gave.
    intrinsics: of the crops (C_c), fields `[..., 2]`, crop pixels.
  """
  step = translation[..., 2:] * (CROP_SIZE / 2.0) / intrinsics.focal
  across = tf.linalg.diag(step)
  across = tf.concat([across, tf.zeros_like(across[..., :1, :])], axis=-2)
  return tf.concat([across, translation[..., None]], axis=-1)
