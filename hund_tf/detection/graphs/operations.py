"""The operations that the networks consist of, in TensorFlow.

Each takes its inputs (images [B, H, W, C] first, then weights) and its options
by name. Options hold no batch dimension.
"""

from collections.abc import Callable, Sequence

from hund_tf.compat import tf


def _conv2d(
  x: tf.Tensor,
  kernel: tf.Tensor,
  *,
  strides: Sequence[int],
  padding: str,
  dilations: Sequence[int],
) -> tf.Tensor:
  return tf.nn.conv2d(x, kernel, strides, padding, dilations=dilations)


def _depthwise_conv2d(
  x: tf.Tensor,
  kernel: tf.Tensor,
  *,
  strides: Sequence[int],
  padding: str,
  dilations: Sequence[int],
) -> tf.Tensor:
  strides = [1, *strides, 1]
  if any(dilation != 1 for dilation in dilations):
    return tf.nn.depthwise_conv2d(
      x, kernel, strides, padding, dilations=dilations
    )
  # The same, three times faster to trace.
  return tf.raw_ops.DepthwiseConv2dNative(
    input=x, filter=kernel, strides=strides, padding=padding
  )


def _prelu(x: tf.Tensor, slope: tf.Tensor) -> tf.Tensor:
  return tf.nn.relu(x) - slope * tf.nn.relu(-x)


def _pad(
  x: tf.Tensor, *, paddings: Sequence[Sequence[int]], value: float
) -> tf.Tensor:
  # Not tf.pad: its Pad is fused into convolutions on CPUs that run oneDNN, even
  # where it is added to their result, and that crashes.
  return tf.raw_ops.PadV2(
    input=x, paddings=[[0, 0], *paddings], constant_values=value
  )


def _max_pool(
  x: tf.Tensor, *, size: Sequence[int], strides: Sequence[int], padding: str
) -> tf.Tensor:
  return tf.nn.max_pool2d(x, size, strides, padding)


def _resize_bilinear(
  x: tf.Tensor, *, size: Sequence[int], align_corners: bool, half_pixel: bool
) -> tf.Tensor:
  return tf.raw_ops.ResizeBilinear(
    images=x,
    size=size,
    align_corners=align_corners,
    half_pixel_centers=half_pixel,
  )


def _reshape(x: tf.Tensor, *, shape: Sequence[int]) -> tf.Tensor:
  return tf.reshape(x, [-1, *shape])


def _strided_slice(
  x: tf.Tensor,
  *,
  begin: Sequence[int],
  end: Sequence[int],
  strides: Sequence[int],
) -> tf.Tensor:
  cuts = [slice(*cut) for cut in zip(begin, end, strides, strict=True)]
  return x[(slice(None), *cuts)]


OPERATIONS: dict[str, Callable[..., tf.Tensor]] = {
  "add": tf.add,
  "bias_add": tf.nn.bias_add,
  "concat": lambda *x, axis: tf.concat(x, axis),
  "conv2d": _conv2d,
  "depth_to_space": lambda x, *, block: tf.nn.depth_to_space(x, block),
  "depthwise_conv2d": _depthwise_conv2d,
  "leaky_relu": lambda x, *, slope: tf.nn.leaky_relu(x, slope),
  "matmul": tf.matmul,
  "max_pool": _max_pool,
  "mean": lambda x, *, axes, keepdims: tf.reduce_mean(x, axes, keepdims),
  "multiply": tf.multiply,
  "pad": _pad,
  "prelu": _prelu,
  "relu": tf.nn.relu,
  "relu6": tf.nn.relu6,
  "reshape": _reshape,
  "resize_bilinear": _resize_bilinear,
  "sigmoid": tf.sigmoid,
  "strided_slice": _strided_slice,
  "subtract": tf.subtract,
}
