"""Pieces of the multitask network: backbones, decoder and stages.

All maps are `[B, rows, columns, channels]`. Convolutions run in the precision
of the policy that they are given, heads in float32.
"""

from collections.abc import Sequence

from hund_tf.compat import tf, tf_keras
from hund_tf.models.multitask.config import MultitaskConfig

_MOMENTUM = 0.99  # of the statistics of batch normalisation


def _normalization(
  policy: str, name: str, gamma: str = "ones"
) -> tf_keras.layers.Layer:
  """Batch normalisation, over all replicas where there are several.

  So every replica has the same statistics, and a checkpoint loses none.
  """
  replicas = tf.distribute.get_strategy().num_replicas_in_sync
  return tf_keras.layers.BatchNormalization(
    momentum=_MOMENTUM,
    synchronized=replicas > 1,
    gamma_initializer=gamma,
    dtype=policy,
    name=name,
  )


class ConvUnit(tf_keras.layers.Layer):
  """Convolution, batch normalisation and, unless asked not to, a ReLU."""

  def __init__(
    self,
    filters: int,
    size: int,
    policy: str,
    name: str,
    strides: int = 1,
    relu: bool = True,
    gamma: str = "ones",
  ):
    super().__init__(name=name, dtype=policy)
    self._relu = relu
    self._convolution = tf_keras.layers.Conv2D(
      filters,
      size,
      strides=strides,
      padding="same",
      use_bias=False,
      kernel_initializer="he_normal",
      dtype=policy,
      name="conv",
    )
    self._normalize = _normalization(policy, "norm", gamma)

  def call(self, inputs: tf.Tensor, training: bool = False) -> tf.Tensor:
    """`[B, H, W, C]` to `[B, H / strides, W / strides, filters]`."""
    x = self._normalize(self._convolution(inputs), training=training)
    return tf.nn.relu(x) if self._relu else x


class ResidualBlock(tf_keras.layers.Layer):
  """Two 3 x 3 convolutions beside the identity, which a new block is.

  So weights of a network without the block can be the start of one with it.
  """

  def __init__(self, filters: int, policy: str, name: str):
    super().__init__(name=name, dtype=policy)
    self._first = ConvUnit(filters, 3, policy, "first")
    self._second = ConvUnit(
      filters, 3, policy, "second", relu=False, gamma="zeros"
    )

  def call(self, inputs: tf.Tensor, training: bool = False) -> tf.Tensor:
    """Keeps the shape `[B, H, W, filters]`."""
    x = self._second(self._first(inputs, training=training), training=training)
    return tf.nn.relu(x + inputs)


class PlainBackbone(tf_keras.layers.Layer):
  """A small residual network, wide where its maps are small.

  Plain 3 x 3 convolutions: on CPUs they reach several times the arithmetic
  rate of separable ones.
  """

  def __init__(self, config: MultitaskConfig, name: str = "backbone"):
    super().__init__(name=name)
    policy = config.precision
    self._stem = ConvUnit(config.filters[0], 7, policy, "stem", strides=4)
    self._levels = []
    for level, (filters, blocks) in enumerate(
      zip(config.filters, config.blocks, strict=True)
    ):
      units = []
      if level:
        units.append(ConvUnit(filters, 3, policy, f"down{level}", strides=2))
      units += [
        ResidualBlock(filters, policy, f"block{level}_{i}")
        for i in range(blocks)
      ]
      self._levels.append(units)

  def call(self, images: tf.Tensor, training: bool = False) -> list[tf.Tensor]:
    """Maps at strides 4, 8, 16 and 32 of pictures `[B, S, S, 3]` in [0, 1]."""
    x = self._stem(2.0 * images - 1.0, training=training)
    maps = []
    for units in self._levels:
      for unit in units:
        x = unit(x, training=training)
      maps.append(x)
    return maps


# Layers of tf_keras's ResNet50V2 whose outputs have strides 8, 16 and 32; its
# stacks stride in their last blocks.
_RESNET_MAPS = (
  "conv3_block4_preact_relu",
  "conv4_block6_preact_relu",
  "post_relu",
)


class ResNetBackbone(tf_keras.layers.Layer):
  """ResNet50V2 of tf_keras.applications, without its classifier."""

  def __init__(self, config: MultitaskConfig, name: str = "backbone"):
    super().__init__(name=name)
    side, policy = config.input_size, config.precision
    self._frozen = config.frozen_statistics
    made = tf_keras.applications.ResNet50V2(
      include_top=False, weights=None, input_shape=[side, side, 3]
    )

    def layer_of(layer: tf_keras.layers.Layer) -> tf_keras.layers.Layer:
      settings = layer.get_config()
      if isinstance(layer, tf_keras.layers.InputLayer):
        return layer.__class__.from_config(settings)
      settings["dtype"] = policy
      if isinstance(layer, tf_keras.layers.BatchNormalization):
        replicas = tf.distribute.get_strategy().num_replicas_in_sync
        settings["synchronized"] = replicas > 1
      return layer.__class__.from_config(settings)

    made = tf_keras.models.clone_model(made, clone_function=layer_of)
    self.network = tf_keras.Model(
      made.input, [made.get_layer(name).output for name in _RESNET_MAPS]
    )

  def load_weights(self, path: str) -> None:
    """Reads ImageNet weights in the file format of tf_keras.applications.

    Raises:
      ValueError: if the file is not that of a ResNet50V2 without its top.
    """
    try:
      self.network.load_weights(path)
    except (OSError, ValueError, KeyError) as error:
      reason = (str(error).strip().splitlines() or ["empty"])[0]
      raise ValueError(
        f"backbone weights {path}: cannot be read ({reason}); expected "
        "resnet50v2_weights_tf_dim_ordering_tf_kernels_notop.h5"
      ) from error

  def call(self, images: tf.Tensor, training: bool = False) -> list[tf.Tensor]:
    """Maps at strides 8, 16 and 32 of pictures `[B, S, S, 3]` in [0, 1]."""
    learning = training and not self._frozen
    return self.network(2.0 * images - 1.0, training=learning)


class Decoder(tf_keras.layers.Layer):
  """A feature pyramid: each finer map gets what the coarser ones know."""

  def __init__(self, widths: Sequence[int], policy: str, name: str = "decoder"):
    """Creates the layers.

    Args:
      widths: channels of the results, of the finest map first.
      policy: precision.
      name: layer name.
    """
    super().__init__(name=name, dtype=policy)
    count = len(widths)
    self._lateral = [
      ConvUnit(width, 1, policy, f"lateral{i}", relu=False)
      for i, width in enumerate(widths)
    ]
    self._down = [
      ConvUnit(widths[i], 1, policy, f"narrow{i}", relu=False)
      if widths[i] != widths[i + 1]
      else None
      for i in range(count - 1)
    ]
    self._smooth = [
      ConvUnit(widths[i], 3, policy, f"smooth{i}") for i in range(count - 1)
    ]

  def call(
    self, maps: list[tf.Tensor], training: bool = False
  ) -> list[tf.Tensor]:
    """Results of the sizes of `maps`, finest first, as these are."""
    x = tf.nn.relu(self._lateral[-1](maps[-1], training=training))
    results = [x]
    for i in reversed(range(len(maps) - 1)):
      if self._down[i] is not None:
        x = self._down[i](x, training=training)
      lateral = self._lateral[i](maps[i], training=training)
      x = tf.nn.relu(lateral + enlarge(x, lateral))
      x = self._smooth[i](x, training=training)
      results.insert(0, x)
    return results


def enlarge(maps: tf.Tensor, like: tf.Tensor) -> tf.Tensor:
  """Maps resized to the rows and columns of others, bilinearly."""
  size = like.shape[1:3]
  if maps.shape[1:3] == size:
    return maps
  return tf.cast(tf.image.resize(maps, size), maps.dtype)
