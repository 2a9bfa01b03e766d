"""Decoders from the 16-d shape code to coefficients of the shape components."""

from typing import Literal

from hund_tf import types
from hund_tf.body.asset import BodyAsset
from hund_tf.compat import tf

ShapeDecoderKind = Literal["vae", "pca"]


class PcaShapeDecoder(tf.Module):
  """The code is the first 16 coefficients; the others are zero."""

  def __init__(self, asset: BodyAsset, name: str = "pca_shape_decoder"):
    super().__init__(name=name)
    self.num_components = len(asset.shape_basis)

  def __call__(self, code: tf.Tensor) -> tf.Tensor:
    """Coefficients `[B, K]` of a code `[B, 16]`."""
    missing = self.num_components - types.SHAPE_DIM
    return tf.pad(code, [[0, 0], [0, missing]])

  def jacobian(self, code: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Coefficients `[B, K]` and their derivatives by the code `[B, K, 16]`."""
    slope = tf.eye(self.num_components, types.SHAPE_DIM)
    return self(code), tf.repeat(slope[None], tf.shape(code)[0], axis=0)


class VaeShapeDecoder(tf.Module):
  """The mean decoder of a variational auto-encoder (two hidden layers)."""

  def __init__(self, asset: BodyAsset, name: str = "vae_shape_decoder"):
    super().__init__(name=name)
    self._linear = asset.vae_linear
    self._layers = (
      (asset.vae_kernel_0, asset.vae_bias_0),
      (asset.vae_kernel_1, asset.vae_bias_1),
    )
    self._last = (asset.vae_kernel_2, asset.vae_bias_2)

  def __call__(self, code: tf.Tensor) -> tf.Tensor:
    """Coefficients `[B, K]` of a code `[B, 16]`."""
    x = code
    for kernel, bias in self._layers:
      x = tf.nn.silu(tf.matmul(x, kernel) + bias)
    kernel, bias = self._last
    return tf.matmul(code, self._linear) + tf.matmul(x, kernel) + bias

  def jacobian(self, code: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Coefficients `[B, K]` and their derivatives by the code `[B, K, 16]`."""
    x, slope = code, tf.eye(types.SHAPE_DIM)
    for kernel, bias in self._layers:
      x = tf.matmul(x, kernel) + bias
      gate = tf.sigmoid(x)
      gain = gate * (1.0 + x * (1.0 - gate))  # of silu
      slope = tf.matmul(slope, kernel) * gain[:, None]
      x = x * gate
    kernel, bias = self._last
    value = tf.matmul(code, self._linear) + tf.matmul(x, kernel) + bias
    slope = self._linear + tf.matmul(slope, kernel)
    return value, tf.linalg.matrix_transpose(slope)


def make_shape_decoder(kind: ShapeDecoderKind, asset: BodyAsset) -> tf.Module:
  """The decoder named `kind`.

  Raises:
    ValueError: if there is no such decoder.
  """
  if kind == "vae":
    return VaeShapeDecoder(asset)
  if kind == "pca":
    return PcaShapeDecoder(asset)
  raise ValueError(f"shape_decoder: {kind!r} is not one of 'vae', 'pca'")
