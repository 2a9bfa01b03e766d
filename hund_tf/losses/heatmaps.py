"""Keypoint heatmaps K: drawing them, and locations with sub-cell accuracy."""

from hund_tf.compat import tf
from hund_tf.types import CROP_SIZE, MAP_SIZE, AlignmentTarget, ImageFeatures

HEATMAP_SIGMA = 1.75  # cells, standard deviation of the peaks of K
_FLOOR = 1e-6


def render_heatmaps(
  points: tf.Tensor,
  weights: tf.Tensor,
  sigma: float = HEATMAP_SIGMA,
  size: int = MAP_SIZE,
) -> tf.Tensor:
  """Draws K: a Gaussian peak of height 1 at every known keypoint.

  `decode_heatmaps` is the inverse for points inside the crop.

  Args:
    points: `[B, N, 2]` crop pixels (x, y), float32, or float64 to draw with
      its accuracy.
    weights: `[B, N]` confidence; a keypoint of weight 0 is unknown and its map
      is zero. Other weights do not change the height.
    sigma: width of the peaks, cells of maps of 60 x 60.
    size: side of the maps, cells; peaks cover the same part of the crop.

  Returns:
    `[B, size, size, N]` float32.
  """
  step = MAP_SIZE / size
  points = tf.convert_to_tensor(points)
  centres = (tf.range(size, dtype=points.dtype) + 0.5) * step
  cells = points * (MAP_SIZE / CROP_SIZE)
  offset = (centres[:, None, None] - cells[:, None]) / sigma
  profile = tf.exp(-0.5 * offset * offset)  # [B, size, N, 2]
  known = tf.cast(weights > 0.0, points.dtype)[:, None]
  columns, rows = profile[..., 0], profile[..., 1] * known
  return tf.cast(rows[:, :, None] * columns[:, None], tf.float32)


def _refine_axis(rows: tf.Tensor, peak: tf.Tensor, length: int) -> tf.Tensor:
  """Peak of the parabola through the logs of three values around `peak`, cells.

  Exact for a Gaussian of any width. At the border the parabola stands on the
  three outermost cells.

  Args:
    rows: `[N, length]` heatmap along one axis, through the maximum.
    peak: `[N]` index of the maximum.
    length: number of cells.
  """
  middle = tf.clip_by_value(peak, 1, length - 2)

  def log_value(cell: tf.Tensor) -> tf.Tensor:
    value = tf.gather(rows, cell, batch_dims=1)
    return tf.math.log(tf.maximum(value, _FLOOR))

  below, centre, above = (log_value(middle + k) for k in (-1, 0, 1))
  curvature = below - 2.0 * centre + above
  curved = curvature < -1e-4
  offset = 0.5 * (below - above) / tf.where(curved, curvature, -1.0)
  middle = tf.cast(middle, tf.float32)
  peak = tf.cast(peak, tf.float32)
  refined = middle + tf.where(curved, offset, peak - middle)
  return tf.clip_by_value(refined, peak - 0.5, peak + 0.5)


def _row_maxima(heatmaps: tf.Tensor) -> tf.Tensor:
  """Maxima `[B, H, N]` of the rows of `[B, H, W, N]`.

  By halves, which XLA makes one fast loop of, unlike a reduction of an axis in
  the middle.
  """
  while heatmaps.shape[2] > 1 and heatmaps.shape[2] % 2 == 0:
    half = heatmaps.shape[2] // 2
    heatmaps = tf.maximum(heatmaps[:, :, :half], heatmaps[:, :, half:])
  return tf.reduce_max(heatmaps, axis=2)


def decode_heatmaps(heatmaps: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
  """Locations j_i(K) of Eq. 4.

  Args:
    heatmaps: `[B, H, W, N]` non-negative; cell (row i, column j) has its centre
      at ((j + 0.5), (i + 0.5)) * CROP_SIZE / W crop pixels.

  Returns:
    locations `[B, N, 2]` in crop pixels (x, y), and peak heights `[B, N]`.
  """
  height, width, number = heatmaps.shape[1:]
  batch = tf.shape(heatmaps)[0]
  # No transposition of K, whose channels come last: of each map only the row
  # and the column through the maximum are gathered.
  flat = tf.reshape(heatmaps, [-1])
  keypoint = tf.range(batch * number)
  first = (keypoint // number) * (height * width * number) + keypoint % number

  def line(start: tf.Tensor, step: int, length: int) -> tf.Tensor:
    cells = tf.range(length) * (step * number)
    return tf.gather(flat, start[:, None] + cells)

  highest = _row_maxima(heatmaps)
  row = tf.reshape(
    tf.argmax(highest, axis=1, output_type=tf.int32), [batch * number]
  )
  in_row = line(first + row * (width * number), 1, width)
  column = tf.argmax(in_row, axis=1, output_type=tf.int32)
  in_column = line(first + column * number, width, height)
  x = _refine_axis(in_row, column, width) + 0.5
  y = _refine_axis(in_column, row, height) + 0.5
  scale = tf.constant([CROP_SIZE / width, CROP_SIZE / height])
  locations = tf.reshape(tf.stack([x, y], -1) * scale, [batch, number, 2])
  peaks = tf.reshape(tf.reduce_max(in_row, axis=1), [batch, number])
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


def with_keypoints(
  features: ImageFeatures, places: tf.Tensor, said: tf.Tensor
) -> ImageFeatures:
  """Features of which somebody knows some keypoints better.

  They are drawn into K with weight 1; those beyond the crop stay as they are.

  Args:
    features: of B crops.
    places: `[B, 137, 2]` crop pixels.
    said: `[B, 137]` bool, of which keypoints.
  """
  inside = tf.reduce_all((places >= 0.0) & (places < CROP_SIZE), axis=-1)
  drawn = said & inside
  weights = tf.cast(drawn, tf.float32)
  maps = render_heatmaps(places, weights)
  return features._replace(
    heatmaps=tf.where(drawn[:, None, None], maps, features.heatmaps),
    heatmap_weights=tf.where(drawn, weights, features.heatmap_weights),
  )
