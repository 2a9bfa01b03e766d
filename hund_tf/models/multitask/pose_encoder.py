"""The encoder and decoder of MediaPipe's pose network, as a backbone.

It learned to see from photos, where the other backbones begin with nothing:
"BlazePose: On-device Real-time Body Pose tracking" (Bazarevsky et al. 2020),
of inverted residual blocks (Sandler et al., "MobileNetV2", 2018).
"""

from collections.abc import Sequence

import numpy as np

from hund_tf.compat import tf, tf_keras
from hund_tf.types import MAP_SIZE

INPUT_SIZE = 256  # side of the pictures that it reads, pixels
_STEM = 24  # channels of the first convolution
_DECODED = 48  # channels of the decoder
# (channels, side of the strided kernel, blocks) of the maps at strides 4, 8, 16
# and 32; a block is (channels between, side of its kernel, channels after).
_LEVELS = (
  (24, 3, ((144, 3, 24),)),
  (32, 5, ((192, 5, 32),)),
  (
    64,
    3,
    ((384, 3, 64), (384, 3, 64), (384, 5, 88), (528, 5, 88), (528, 5, 88)),
  ),
  (144, 5, ((864, 5, 144),) * 3),
)
_EXPANDED = (64, 144, 192, 528, 864)  # channels before each level, and at last


class _Convolution(tf_keras.layers.Layer):
  """A convolution with bias and, unless asked not to, a ReLU up to 6."""

  def __init__(
    self,
    filters: int,
    size: int,
    policy: str,
    name: str,
    strides: int = 1,
    depthwise: bool = False,
    relu: bool = True,
  ):
    super().__init__(name=name, dtype=policy)
    self._relu, self._margin = relu, size // 2 if strides > 1 else 0
    options = {
      "strides": strides,
      "padding": "valid" if self._margin else "same",
      "dtype": policy,
      "name": "conv",
    }
    self.convolution = (
      tf_keras.layers.DepthwiseConv2D(size, **options)
      if depthwise
      else tf_keras.layers.Conv2D(filters, size, **options)
    )

  def call(self, x: tf.Tensor) -> tf.Tensor:
    if self._margin:
      side = [self._margin] * 2
      # Not tf.pad, which oneDNN may fuse into the convolution and crash on.
      x = tf.raw_ops.PadV2(
        input=x,
        paddings=[[0, 0], side, side, [0, 0]],
        constant_values=tf.cast(0.0, x.dtype),
      )
    x = self.convolution(x)
    return tf.nn.relu6(x) if self._relu else x


class PoseEncoder(tf_keras.layers.Layer):
  """Maps of BlazePose's decoder and encoder; about 1.6M parameters.

  Layers up to stride 4 are not trained: they see edges and colours, which
  photos teach better than drawings.
  """

  def __init__(self, policy: str, name: str = "backbone"):
    """Creates the layers.

    Args:
      policy: precision of the convolutions.
      name: layer name.
    """
    super().__init__(name=name)
    self._policy = policy
    self._ordered: list[_Convolution] = []  # as the file of weights has them
    self._stem = [
      self._convolution(_STEM, 3, strides=2),
      self._convolution(_STEM, 3, depthwise=True),
      self._convolution(16, 1, relu=False),
    ]
    self._expand, self._down, self._blocks, self._skips = [], [], [], []
    for level, (channels, size, blocks) in enumerate(_LEVELS):
      self._expand.append(self._convolution(_EXPANDED[level], 1))
      if level:
        self._skips.append(self._skip())
      self._down.append(
        [
          self._convolution(0, size, strides=2, depthwise=True),
          self._convolution(channels, 1, relu=False),
        ]
      )
      self._blocks.append([self._block(*block) for block in blocks])
    self._expand.append(self._convolution(_EXPANDED[-1], 1))
    self._last = self._convolution(0, 3, depthwise=True)
    self._skips.append(self._skip())
    early = (self._expand[0], *self._down[0], *self._blocks[0][0])
    for layer in (*self._stem, *early):
      layer.trainable = False

  def _convolution(self, filters: int, size: int, **options) -> _Convolution:
    name = f"conv{len(self._ordered)}"
    layer = _Convolution(filters, size, self._policy, name, **options)
    self._ordered.append(layer)
    return layer

  def _skip(self) -> list[_Convolution]:
    """From a level to the decoder."""
    return [
      self._convolution(0, 3, depthwise=True),
      self._convolution(_DECODED, 1),
    ]

  def _block(self, between: int, size: int, after: int) -> list[_Convolution]:
    """An inverted residual block."""
    return [
      self._convolution(between, 1),
      self._convolution(0, size, depthwise=True),
      self._convolution(after, 1, relu=False),
    ]

  def call(self, images: tf.Tensor, training: bool = False) -> list[tf.Tensor]:
    """Looks at pictures `[B, 256, 256, 3]`, RGB in [0, 1].

    Returns:
      The decoder's map `[B, 60, 60, 48]`, and those of the encoder with 30, 15
      and 8 cells a side. All cover the whole picture: those that BlazePose has
      with 64, 32 and 16 cells are resampled.
    """
    del training  # there is nothing to normalise
    x = _run(self._stem, tf.cast(images, self._policy_type()))
    levels = []
    for expand, down, blocks in zip(
      self._expand, self._down, self._blocks, strict=False
    ):
      x = _run(down, expand(x))
      for block in blocks:
        after = _run(block, x)
        x = x + after if after.shape[-1] == x.shape[-1] else after
      levels.append(x)
    decoded = _run(self._skips[-1], self._last(self._expand[-1](x)))
    for level, skip in zip(levels[-2::-1], self._skips[-2::-1], strict=True):
      decoded = _resized(decoded, level.shape[1]) + _run(skip, level)
    maps, side = [], MAP_SIZE
    for found in (decoded, *levels[1:]):
      maps.append(_resized(found, side))
      side = (side + 1) // 2
    return maps

  def _policy_type(self) -> str:
    return tf_keras.mixed_precision.Policy(self._policy).compute_dtype

  def assign(self, weights: Sequence[tuple[np.ndarray, np.ndarray]]) -> None:
    """Takes kernels and biases of all convolutions, in the network's order.

    Raises:
      ValueError: if their number or a shape is another.
    """
    layers = [layer.convolution for layer in self._ordered]
    found = [(np.shape(kernel), np.shape(bias)) for kernel, bias in weights]
    expected = [
      tuple(tuple(v.shape) for v in layer.weights) for layer in layers
    ]
    if found != expected:
      raise ValueError(
        f"pose encoder: got weights of the shapes {found[:3]} ..., expected "
        f"{expected[:3]} ... ({len(expected)} convolutions)"
      )
    for layer, pair in zip(layers, weights, strict=True):
      layer.set_weights([np.asarray(value, np.float32) for value in pair])


def _run(layers: Sequence[_Convolution], x: tf.Tensor) -> tf.Tensor:
  for layer in layers:
    x = layer(x)
  return x


def _resized(maps: tf.Tensor, side: int) -> tf.Tensor:
  """`[B, H, W, C]` as `[B, side, side, C]`, bilinearly."""
  if maps.shape[1] == side:
    return maps
  return tf.cast(tf.image.resize(maps, [side, side]), maps.dtype)
