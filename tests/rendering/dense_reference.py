"""A soft rasterizer that evaluates every face at every pixel.

Slow and hungry, but short: the definitions of `hund_tf.rendering.soft` written
down directly and differentiated by TensorFlow.
"""

import math

import numpy as np

from hund_tf.compat import tf
from hund_tf.rendering.config import SoftRasterizerConfig


def dense_part_maps(
  vertices: tf.Tensor,
  faces: np.ndarray,
  vertex_parts: np.ndarray,
  config: SoftRasterizerConfig,
  rows: range | None = None,
) -> tf.Tensor:
  """Part maps [B, S, S, 16] of `vertices` [B, V, 3], all in front.

  Or those of some `rows` [B, R, S, 16] alone, for each takes its memory.
  With `config.cutoff` infinite this is SoftRas without a cut-off.
  """
  side = config.map_size
  floor = 1.0 / (1.0 + math.exp(config.cutoff)) if config.cutoff < 80 else 0.0
  rows = rows or range(side)
  y, x = np.meshgrid(np.array(rows), np.arange(side), indexing="ij")
  pixels = np.stack([x, y], -1).reshape(1, 1, -1, 2).astype(np.float32) + 0.5
  corners = tf.gather(vertices, faces, axis=1)[:, :, :, tf.newaxis]
  a, b, c = (corners[:, :, k, :, :2] for k in range(3))  # [B, F, 1, 2]

  squared = tf.minimum(
    tf.minimum(_squared(pixels, a, b), _squared(pixels, b, c)),
    _squared(pixels, c, a),
  )  # [B, F, P]
  area = _cross(b - a, c - a)
  weights = tf.stack(
    [
      _cross(b - pixels, c - pixels) / area,
      _cross(c - pixels, a - pixels) / area,
      _cross(a - pixels, b - pixels) / area,
    ],
    axis=-1,
  )  # [B, F, P, 3]
  sign = tf.where(tf.reduce_all(weights > 0, axis=-1), 1.0, -1.0)
  logit = sign * squared / config.sigma
  coverage = tf.maximum(tf.sigmoid(logit) - floor, 0.0) / (1.0 - floor)
  log_rest = tf.where(
    coverage > 0, tf.math.log_sigmoid(-logit) - math.log1p(-floor), 0.0
  )
  alpha = 1.0 - tf.exp(tf.reduce_sum(log_rest, axis=1))  # [B, P]

  weights = tf.clip_by_value(weights, 0.0, 1.0)
  weights /= tf.reduce_sum(weights, axis=-1, keepdims=True)
  inverse = 1.0 / corners[:, :, :, 0, 2]  # [B, F, 3]
  depth = 1.0 / tf.einsum("bfpk,bfk->bfp", weights, inverse)
  log_weight = tf.where(
    coverage > 0,
    tf.math.log(tf.where(coverage > 0, coverage, 1.0)) - depth / config.gamma,
    -1e30,
  )
  share = tf.nn.softmax(log_weight, axis=1)
  share = tf.where(coverage > 0, share, 0.0)
  labels = tf.one_hot(np.asarray(vertex_parts)[faces] - 1, 14)  # [F, 3, 14]
  colours = tf.einsum("bfp,bfpk,fkc->bpc", share, weights, labels)
  alpha = alpha[..., tf.newaxis]
  maps = tf.concat([1.0 - alpha, colours * alpha, alpha], axis=-1)
  return tf.reshape(maps, [-1, len(rows), side, 16])


def _squared(point, start, end):
  """Squared distance of `point` to the segment from `start` to `end`."""
  edge = end - start
  place = tf.reduce_sum((point - start) * edge, -1, keepdims=True)
  place /= tf.reduce_sum(edge * edge, -1, keepdims=True)
  foot = start + tf.clip_by_value(place, 0.0, 1.0) * edge
  return tf.reduce_sum(tf.square(point - foot), axis=-1)


def _cross(first, second):
  return first[..., 0] * second[..., 1] - first[..., 1] * second[..., 0]
