"""The multitask network: a person crop to F, K and B (Sec. 2.2, Fig. 1)."""

from typing import NamedTuple

from hund_tf.body import keypoints as keypoint_names
from hund_tf.compat import tf, tf_keras
from hund_tf.models.multitask.config import MultitaskConfig
from hund_tf.models.multitask.layers import (
  ConvUnit,
  Decoder,
  PlainBackbone,
  ResidualBlock,
  ResNetBackbone,
  enlarge,
)
from hund_tf.models.multitask.pose_encoder import PoseEncoder
from hund_tf.types import (
  MAP_SIZE,
  NUM_KEYPOINTS,
  NUM_PARTS,
  UNSEEN_BACKGROUND,
  ImageFeatures,
  no_landmarks_3d,
)

# At the start a cell is as likely a keypoint as its share of peaks is.
_FIRST_HEATMAP_LOGIT = -4.0
NUM_GUIDES = keypoint_names.BODY.stop  # keypoints that tell who is meant


class StageMaps(NamedTuple):
  """What a stage says, float32, on maps of 60 or 30 cells a side."""

  heatmap_logits: tf.Tensor  # [B, H, W, 137] K is their sigmoid
  part_logits: tf.Tensor  # [B, H, W, 15] B is their softmax


class MultitaskOutput(NamedTuple):
  """Maps of all stages, and the features that they read."""

  features: tf.Tensor  # [B, 60, 60, C] F, float32
  stages: tuple[StageMaps, ...]  # the last is the result

  @property
  def heatmaps(self) -> tf.Tensor:
    """K `[B, 60, 60, 137]` in [0, 1]."""
    logits = self.stages[-1].heatmap_logits
    return tf.sigmoid(enlarge(logits, self.features))

  @property
  def part_probs(self) -> tf.Tensor:
    """B `[B, 60, 60, 15]`, sums to 1 over the channels."""
    return tf.nn.softmax(self.stages[-1].part_logits)


def _head(channels: int, bias: float, name: str) -> tf_keras.layers.Conv2D:
  """A linear head, float32."""
  return tf_keras.layers.Conv2D(
    channels,
    1,
    kernel_initializer=tf_keras.initializers.RandomNormal(stddev=1e-2),
    bias_initializer=tf_keras.initializers.Constant(bias),
    dtype="float32",
    name=name,
  )


class _Stage(tf_keras.layers.Layer):
  """Convolutions over features and the previous stage's maps, then heads."""

  def __init__(
    self, config: MultitaskConfig, first: bool, fine_filters: int, name: str
  ):
    """Creates the layers.

    Args:
      config: of the network.
      first: whether no stage comes before.
      fine_filters: of the convolutions for a B that is finer than the stage's
        maps; 0 where it is not.
      name: layer name.
    """
    policy, filters = config.precision, config.stage_filters
    super().__init__(name=name, dtype=policy)
    self._mix = ConvUnit(filters, 1, policy, "mix", relu=False)
    self._guide = None
    if config.guided:
      self._guide = ConvUnit(filters, 1, policy, "guide", relu=False)
    self._recall = None
    if not first:
      self._recall = ConvUnit(filters, 1, policy, "recall", relu=False)
    self._convolutions = [
      ConvUnit(filters, 3, policy, f"conv{i}")
      for i in range(config.stage_convolutions)
    ]
    self._fine = None
    if fine_filters:
      self._fine = (
        ConvUnit(fine_filters, 1, policy, "narrow", relu=False),
        ConvUnit(fine_filters, 1, policy, "fine_mix", relu=False),
        ConvUnit(fine_filters, 3, policy, "fine_conv"),
        *(
          ResidualBlock(fine_filters, policy, f"fine_block{i}")
          for i in range(config.fine_blocks)
        ),
      )
    self._heatmaps = _head(NUM_KEYPOINTS, _FIRST_HEATMAP_LOGIT, "heatmaps")
    self._parts = _head(NUM_PARTS, 0.0, "parts")

  def call(
    self,
    features: tf.Tensor,
    before: tuple[tf.Tensor, StageMaps] | None,
    fine_features: tf.Tensor,
    guides: tf.Tensor | None,
    training: bool = False,
  ) -> tuple[tf.Tensor, StageMaps]:
    """Hidden maps, and K and B.

    Args:
      features: `[B, H, W, C]`.
      before: what the previous stage returned; none for the first.
      fine_features: F `[B, 60, 60, C]`.
      guides: K of the person that is meant `[B, 60, 60, 25]`; none where the
        network has no use for it.
      training: whether statistics are of the batch.
    """
    x = self._mix(features, training=training)
    if self._guide is not None:
      coarse = enlarge(tf.cast(guides, x.dtype), x)
      x += self._guide(coarse, training=training)
    if before is not None:
      hidden, maps = before
      found = [tf.sigmoid(maps.heatmap_logits), tf.nn.softmax(maps.part_logits)]
      found = [tf.cast(maps, hidden.dtype) for maps in found]
      x += self._recall(tf.concat([hidden, *found], axis=-1), training=training)
    x = tf.nn.relu(x)
    for convolution in self._convolutions:
      x = convolution(x, training=training)
    hidden = x
    if self._fine is not None:
      narrow, mix, *units = self._fine
      if guides is not None:
        guides = tf.cast(guides, fine_features.dtype)
        fine_features = tf.concat([fine_features, guides], axis=-1)
      finer = mix(fine_features, training=training)
      finer += enlarge(narrow(x, training=training), finer)
      x = tf.nn.relu(finer)
      for unit in units:
        x = unit(x, training=training)
    return hidden, StageMaps(
      self._heatmaps(tf.cast(hidden, tf.float32)),
      self._parts(tf.cast(x, tf.float32)),
    )


class MultitaskNetwork(tf_keras.Model):
  """Backbone, feature pyramid, and stages that are all supervised."""

  def __init__(
    self, config: MultitaskConfig | None = None, name: str = "multitask"
  ):
    """Creates the network with its variables, ready to load weights."""
    super().__init__(name=name)
    self.config = config = config or MultitaskConfig()
    width = config.decoder_channels or config.feature_channels
    wide = config.stage_filters
    widths = (width, wide, wide, wide)
    if config.backbone == "plain":
      self.backbone = PlainBackbone(config)
    elif config.backbone == "blazepose":
      self.backbone = PoseEncoder(config.precision)
    else:
      self.backbone = ResNetBackbone(config)
      widths = (width, width, width)
    self._decoder = Decoder(widths, config.precision)
    self._to_features = None
    if width != config.feature_channels:
      self._to_features = ConvUnit(
        config.feature_channels, 1, config.precision, "to_features"
      )
    self._stages = []
    for i in range(config.stages):
      finer = i == config.stages - 1 and config.stage_size < MAP_SIZE
      fine_filters = (config.fine_filters or width) if finer else 0
      self._stages.append(_Stage(config, i == 0, fine_filters, f"stage{i}"))
    side = config.input_size
    self(tf.zeros([1, side, side, 3]))

  def num_trainable(self) -> int:
    """Number of trainable parameters."""
    return sum(v.shape.num_elements() for v in self.trainable_variables)

  def call(
    self,
    images: tf.Tensor,
    guides: tf.Tensor | None = None,
    training: bool = False,
  ) -> MultitaskOutput:
    """Looks at person crops.

    Args:
      images: `[B, S, S, 3]` square crops, RGB in [0, 1]; resized to the
        network's input size if they have another one.
      guides: `[B, 60, 60, 25]` BODY_25 of a detector's K times its confidence,
        for networks that are guided: which person of a crop is meant, and where
        their left and right are. Without it they go by the picture alone.
      training: whether batch normalisation uses (and learns) the batch's
        statistics.

    Returns:
      F, and the maps of every stage.
    """
    side = self.config.input_size
    images = tf.cast(images, tf.float32)
    if images.shape[1:3] != (side, side):
      images = tf.image.resize(images, [side, side], antialias=True)
    pyramid = self._decoder(
      self.backbone(images, training=training), training=training
    )
    by_size = {maps.shape[1]: maps for maps in pyramid}
    features = by_size[MAP_SIZE]
    if self._to_features is not None:
      features = self._to_features(features, training=training)
    if not self.config.guided:
      guides = None
    elif guides is None:
      guides = tf.zeros([tf.shape(images)[0], MAP_SIZE, MAP_SIZE, NUM_GUIDES])
    before, stages = None, []
    for stage in self._stages:
      before = stage(
        by_size[self.config.stage_size],
        before,
        features,
        guides,
        training=training,
      )
      stages.append(before[1])
    return MultitaskOutput(tf.cast(features, tf.float32), tuple(stages))


def image_features(
  output: MultitaskOutput, inside: tf.Tensor, with_features: bool = True
) -> ImageFeatures:
  """What HUND reads of a network's output: all of K and B is known.

  A keypoint's confidence is the height of its peak, which
  `target_from_features` multiplies with the weights; these are therefore 1.
  No 3D landmark is known.
  Beyond the photo, where the network learned nothing of B, a cell is half
  background and no part, as with a detector's mask.

  Args:
    output: of B crops.
    inside: `[B, 60, 60]` share of each cell that lies in the photo.
    with_features: whether F is passed on; else it has no channels.
  """
  heatmaps = output.heatmaps
  batch = tf.shape(heatmaps)[0]
  inside = tf.cast(inside, tf.float32)[..., None]
  unseen = UNSEEN_BACKGROUND * tf.one_hot(0, NUM_PARTS)
  features = output.features if with_features else output.features[..., :0]
  return ImageFeatures(
    heatmaps=heatmaps,
    heatmap_weights=tf.ones([batch, NUM_KEYPOINTS]),
    part_probs=inside * output.part_probs + (1.0 - inside) * unseen,
    part_weights=tf.ones([batch, NUM_PARTS + 1]),
    features=features,
    **no_landmarks_3d(batch)._asdict(),
  )


def forward_flops(network: MultitaskNetwork) -> int:
  """Arithmetic of a forward pass over one picture, by TensorFlow's count.

  A multiplication and an addition are two; training takes about three times
  as many.
  """
  side = network.config.input_size
  function = tf.function(network.call, autograph=False)
  graph = function.get_concrete_function(
    tf.TensorSpec([1, side, side, 3], tf.float32)
  ).graph
  options = tf.compat.v1.profiler.ProfileOptionBuilder(
    tf.compat.v1.profiler.ProfileOptionBuilder.float_operation()
  ).with_empty_output()
  found = tf.compat.v1.profiler.profile(graph, options=options.build())
  return int(found.total_float_ops)
