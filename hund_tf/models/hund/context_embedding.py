"""The context s^c: what the picture says, embedded once (Sec. 2.2)."""

from hund_tf.compat import tf, tf_keras
from hund_tf.models.compilation import compiled
from hund_tf.models.hund.config import HundConfig
from hund_tf.models.hund.evidence_3d import Evidence, evidence_code
from hund_tf.models.hund.part_moments import PartMoments, moment_code
from hund_tf.models.untracked import Untracked
from hund_tf.types import (
  CROP_SIZE,
  AlignmentTarget,
  ImageFeatures,
  Intrinsics,
)

_SQUEEZE = 16  # channels of K, and of F, that enter the convolutions
_HALF_KNOWN = 0.1  # confidence at which a location counts half
_LOG_FOCAL_OFFSET = 1.0  # log of a usual focal length in crop sides


def camera_code(intrinsics: Intrinsics) -> tf.Tensor:
  """C_c as four numbers of order one, `[B, 4]`.

  Log focal lengths in crop sides, and the bearing of the crop's middle (the
  tangent of its angle to the optical axis, by axis).

  Args:
    intrinsics: of the crops, fields `[B, 2]`, crop pixels.
  """
  focal = tf.math.log(intrinsics.focal / CROP_SIZE) - _LOG_FOCAL_OFFSET
  bearing = (CROP_SIZE / 2.0 - intrinsics.center) / intrinsics.focal
  return tf.concat([focal, bearing], axis=-1)


def keypoint_code(target: AlignmentTarget) -> tf.Tensor:
  """Locations j_i(K) in [-1, 1], unknown ones 0, and weights: `[B, 411]`."""
  weights = target.keypoint_weights
  known = weights / (weights + _HALF_KNOWN)
  places = target.keypoints * (2.0 / CROP_SIZE) - 1.0
  flat = [-1, 2 * places.shape[1]]
  return tf.concat(
    [tf.reshape(places * known[..., None], flat), weights], axis=-1
  )


def _halve(maps: tf.Tensor) -> tf.Tensor:
  """Means of 2 x 2 cells: `[B, H, W, N]` to `[B, H / 2, W / 2, N]`.

  Sums of slices, which XLA makes one fast loop of, unlike `avg_pool2d`.
  """
  height, width, number = maps.shape[1:]
  pairs = tf.reshape(maps, [-1, height // 2, 2, width // 2, 2 * number])
  pairs = pairs[:, :, 0] + pairs[:, :, 1]
  return 0.25 * (pairs[..., :number] + pairs[..., number:])


def coarse_maps(features: ImageFeatures) -> tuple[tf.Tensor, tf.Tensor]:
  """K and B at half their resolution: `[B, 30, 30, 137]`, `[B, 30, 30, 15]`."""
  return _halve(features.heatmaps), _halve(features.part_probs)


class ContextEmbedding(tf_keras.layers.Layer):
  """Six convolutions with pooling and a fully connected layer.

  The maps are smooth, so their cells are averaged in twos (60 -> 30). The 137
  channels of K are squeezed to a few: where keypoints are, the fully connected
  layer is told by their decoded locations, which the objective uses anyway and
  which pooled convolutions lose, so most of the convolutions are left for B.
  The first one strides (15), and every second one is followed by max pooling
  (8, 4, 2). What is known of K and B, where the parts of B lie, and the 3D
  landmarks of the body, if it reads any, go to the fully connected layer too,
  and C_c is appended.
  """

  def __init__(self, config: HundConfig, name: str = "context_embedding"):
    super().__init__(name=name)
    self._feature_channels = config.feature_channels
    self._landmark_inputs = config.reads_landmarks
    self._coarse = Untracked(compiled(coarse_maps, config.jit_compile))
    self._squeeze_keypoints = tf_keras.layers.Dense(
      _SQUEEZE, name="squeeze_keypoints"
    )
    self._squeeze = None
    if config.feature_channels:
      self._squeeze = tf_keras.layers.Dense(_SQUEEZE, name="squeeze")
    self._convolutions = [
      tf_keras.layers.Conv2D(
        filters,
        3,
        strides=2 if i == 0 else 1,
        padding="same",
        activation="relu",
        kernel_initializer="he_normal",
        name=f"conv{i + 1}",
      )
      for i, filters in enumerate(config.filters)
    ]
    self._pool = tf_keras.layers.MaxPool2D(2, padding="same")
    self._dense = tf_keras.layers.Dense(config.context_size, name="dense")
    self._normalize = tf_keras.layers.LayerNormalization(name="normalize")

  def call(
    self,
    features: ImageFeatures,
    target: AlignmentTarget,
    intrinsics: Intrinsics,
    moments: PartMoments,
    evidence: Evidence,
  ) -> tf.Tensor:
    """Embeds image features.

    Args:
      features: K, B and, if the model was made for it, F.
      target: of the same crops, `target_from_features(features)`.
      intrinsics: of the crops (C_c), fields `[B, 2]`, crop pixels.
      moments: of the same crops, `part_moments(target)`.
      evidence: of the same crops, `evidence_of(features, intrinsics)`.

    Returns:
      `[B, context_size + 4]`.

    Raises:
      ValueError: if F has another number of channels than the model.
    """
    if features.features.shape[-1] != self._feature_channels:
      raise ValueError(
        f"features F: {features.features.shape[-1]} channels, the model was "
        f"made for {self._feature_channels}"
      )
    keypoints, parts = self._coarse.value(features)
    maps = [self._squeeze_keypoints(keypoints), parts]
    if self._squeeze is not None:
      maps.append(_halve(self._squeeze(features.features)))
    x = tf.concat(maps, axis=-1)
    for i, convolution in enumerate(self._convolutions):
      x = convolution(x)
      if i % 2:
        x = self._pool(x)
    flat = tf.reshape(x, [-1, x.shape[1] * x.shape[2] * x.shape[3]])
    known = [flat, keypoint_code(target), features.part_weights]
    known.append(moment_code(moments))
    if self._landmark_inputs:
      known.append(evidence_code(evidence))
    known = tf.concat(known, axis=-1)
    code = tf.nn.gelu(self._normalize(self._dense(known)))
    return tf.concat([code, camera_code(intrinsics)], axis=-1)
