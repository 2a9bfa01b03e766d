"""Keypoint locations from heatmaps K with sub-cell accuracy."""

from hund_tf.compat import tf
from hund_tf.types import CROP_SIZE, AlignmentTarget, ImageFeatures

_FLOOR = 1e-6


def _refine_axis(
  log_rows: tf.Tensor, peak: tf.Tensor, length: int
) -> tf.Tensor:
  """Peak of the parabola through three log values around `peak`, in cells.

  Exact for a Gaussian of any width. At the border the parabola stands on the
  three outermost cells.

  Args:
    log_rows: `[N, length]` log heatmap along one axis, through the maximum.
    peak: `[N]` index of the maximum.
    length: number of cells.
  """
  middle = tf.clip_by_value(peak, 1, length - 2)
  below = tf.gather(log_rows, middle - 1, batch_dims=1)
  centre = tf.gather(log_rows, middle, batch_dims=1)
  above = tf.gather(log_rows, middle + 1, batch_dims=1)
  curvature = below - 2.0 * centre + above
  curved = curvature < -1e-4
  offset = 0.5 * (below - above) / tf.where(curved, curvature, -1.0)
  middle = tf.cast(middle, tf.float32)
  peak = tf.cast(peak, tf.float32)
  refined = middle + tf.where(curved, offset, peak - middle)
  return tf.clip_by_value(refined, peak - 0.5, peak + 0.5)


def decode_heatmaps(heatmaps: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
  """Locations j_i(K) of Eq. 4.

  Args:
    heatmaps: `[B, H, W, N]` non-negative; cell (row i, column j) has its centre
      at ((j + 0.5), (i + 0.5)) * CROP_SIZE / W crop pixels.

  Returns:
    locations `[B, N, 2]` in crop pixels (x, y), and peak heights `[B, N]`.
  """
  height, width, number = heatmaps.shape[1:]
  maps = tf.transpose(heatmaps, [0, 3, 1, 2])
  batch = tf.shape(maps)[0]
  flat = tf.reshape(maps, [batch * number, height, width])
  index = tf.argmax(
    tf.reshape(flat, [batch * number, height * width]),
    axis=1,
    output_type=tf.int32,
  )
  row, column = index // width, index % width
  logs = tf.math.log(tf.maximum(flat, _FLOOR))
  along_x = tf.gather(logs, row, batch_dims=1)
  along_y = tf.gather(logs, column, axis=2, batch_dims=1)
  x = _refine_axis(along_x, column, width) + 0.5
  y = _refine_axis(along_y, row, height) + 0.5
  scale = tf.constant([CROP_SIZE / width, CROP_SIZE / height])
  locations = tf.reshape(tf.stack([x, y], -1) * scale, [batch, number, 2])
  peaks = tf.reshape(tf.reduce_max(flat, axis=[1, 2]), [batch, number])
  return locations, peaks


def target_from_features(features: ImageFeatures) -> AlignmentTarget:
  """The alignment target of Eq. 3 from image features.

  Keypoint weights are the given confidences times the heatmaps' peak heights.
  """
  locations, peaks = decode_heatmaps(features.heatmaps)
  return AlignmentTarget(
    keypoints=locations,
    keypoint_weights=features.heatmap_weights
    * tf.clip_by_value(peaks, 0.0, 1.0),
    part_probs=features.part_probs,
    part_weights=features.part_weights,
  )
