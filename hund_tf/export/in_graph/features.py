"""What the networks of the descent and of quality read, as tensors."""

import numpy as np

from hund_tf.body import keypoints as table
from hund_tf.compat import tf
from hund_tf.export.in_graph.detector import Detections
from hund_tf.geometry import rotation
from hund_tf.losses.heatmaps import render_heatmaps
from hund_tf.reconstruction import quality
from hund_tf.types import (
  CROP_SIZE,
  MAP_SIZE,
  NUM_PARTS,
  AlignmentTerms,
  ImageFeatures,
)


def image_features(people: Detections) -> ImageFeatures:
  """As `detection.features.image_features`, of people with masks."""
  boxes = tf.cast(people.crop_boxes, tf.float64)
  places = tf.cast(people.keypoints[..., :2], tf.float64) - boxes[:, None, :2]
  places = tf.cast(places * (CROP_SIZE / boxes[:, 2:3])[:, None], tf.float32)
  confidence = people.keypoints[..., 2]
  known = tf.reduce_all((places >= 0.0) & (places < CROP_SIZE), axis=-1)
  known &= confidence > 0.0
  weights = tf.where(known, tf.clip_by_value(confidence, 0.0, 1.0), 0.0)
  points = tf.where(known[..., None], places, 0.0)
  count = tf.shape(weights)[0]
  background = 1.0 - people.foreground[..., None]
  parts = tf.pad(background, [[0, 0], [0, 0], [0, 0], [0, NUM_PARTS - 1]])
  part_known = np.zeros([1, NUM_PARTS + 1], np.float32)
  part_known[0, [0, NUM_PARTS]] = 1.0
  return ImageFeatures(
    heatmaps=render_heatmaps(tf.cast(points, tf.float64), weights),
    heatmap_weights=weights,
    part_probs=parts,
    part_weights=tf.tile(tf.constant(part_known), [count, 1]),
    features=tf.zeros([count, MAP_SIZE, MAP_SIZE, 0]),
    landmarks_3d=people.landmarks_3d[..., :3],
    landmark_3d_weights=people.landmarks_3d[..., 3],
  )


def qualities(
  calibration: quality.QualityCalibration,
  features: ImageFeatures,
  terms: AlignmentTerms,
  root: tf.Tensor,
) -> tf.Tensor:
  """As `reconstruction.quality.QualityCalibration`: `[B]` float32.

  Args:
    calibration: of the weights.
    features: of B crops.
    terms: of the last states of the descent, `[B]` each.
    root: rotations of these, `[B, 6]`, body to camera.
  """
  axes = rotation.from_6d(root)
  channels = tf.reduce_sum(features.part_weights, axis=-1)
  known = channels > 0.0
  part = terms.part / tf.where(known, channels, 1.0)
  mean = lambda rows: tf.reduce_mean(
    tf.gather(features.heatmap_weights, rows, axis=-1), axis=-1
  )
  values = {
    "log_keypoint": tf.math.log1p(terms.keypoint),
    "log_part": tf.where(known, tf.math.log(part + quality._LEAST_PART), 0.0),
    "part_known": tf.cast(known, tf.float32),
    "log_pose_prior": tf.math.log1p(terms.pose_prior),
    "log_shape_prior": tf.math.log1p(terms.shape_prior),
    "body_seen": mean(range(table.BODY.start, table.BODY.stop)),
    "legs_seen": mean(quality._LEGS),
    "turned": (1.0 + axes[:, 1, 1]) / 2.0,
    "side_on": tf.abs(axes[:, 0, 2]),
  }
  total = calibration.intercept
  for name, slope in calibration.coefficients.items():
    total += slope * values[name]
  return tf.sigmoid(total)
