"""Sums over the windows of a soft rasterizer, and their gradient by hand.

`soft` says what is computed, `faces` how faces get their windows.
"""

import functools
from typing import NamedTuple

import numpy as np

from hund_tf.compat import tf
from hund_tf.rendering.config import SoftRasterizerConfig
from hund_tf.rendering.faces import FAR, NUM_LABELS, FaceEquations, Windows

_TINY = 1e-20


class PixelSums(NamedTuple):
  """What the faces add up to in each of the N pixels of the batch."""

  highest_log_weight: tf.Tensor  # [N]
  reciprocal_weight: tf.Tensor  # [N]
  colours: tf.Tensor  # [N, 14]
  transparency: tf.Tensor  # [N] 1 - alpha


class _Pairs(NamedTuple):
  """Terms of the pairs, [B, K, W^2], or [B, K, 3, W^2] over the edges."""

  along: tf.Tensor  # (edges) position along the edge
  across: tf.Tensor  # (edges) signed distance to the edge's line
  overshoot: tf.Tensor  # (edges) position beyond the edge's ends
  squared: tf.Tensor  # (edges) squared distance to the edge
  least_squared: tf.Tensor
  raw: tf.Tensor  # (edges) barycentrics before clipping
  inside: tf.Tensor  # bool
  logit: tf.Tensor  # signed squared distance / sigma
  softplus: tf.Tensor
  log_weight: tf.Tensor  # log(sigmoid(logit) - floor) - depth / gamma
  barycentrics: tf.Tensor  # (edges) clipped, sum 1
  normalizer: tf.Tensor  # [B, K, 1, W^2]
  depth: tf.Tensor  # metres
  kept: tf.Tensor  # bool, within the cut-off


def accumulate(
  windows: list[Windows], config: SoftRasterizerConfig
) -> PixelSums:
  """Reduces the windows into the pixels of the batch, and one bin."""
  size = windows[0].pixels.shape[0] or tf.shape(windows[0].pixels)[0]
  size = size * config.map_size**2 + 1
  evaluated = [(part, _evaluate_pairs(part, config)) for part in windows]
  highest = _sum_windows(
    (
      tf.math.unsorted_segment_max(
        pairs.log_weight, tf.where(pairs.kept, part.pixels, size - 1), size
      )
      for part, pairs in evaluated
    ),
    tf.maximum,
  )
  highest = tf.maximum(highest, -FAR / config.gamma)
  sums = _sum_windows(
    _label_sums(part, pairs, tf.gather(highest, part.pixels), size)
    for part, pairs in evaluated
  )
  opacity = _sum_windows(
    tf.math.unsorted_segment_sum(
      tf.where(pairs.kept, pairs.softplus - _softplus_floor(config), 0.0),
      part.pixels,
      size,
    )
    for part, pairs in evaluated
  )
  reciprocal = 1.0 / tf.maximum(tf.reduce_sum(sums, axis=-1), _TINY)
  return PixelSums(
    highest_log_weight=highest,
    reciprocal_weight=reciprocal,
    colours=sums * reciprocal[:, tf.newaxis],
    transparency=tf.exp(-opacity),
  )


def accumulate_gradient(
  windows: list[Windows],
  sums: PixelSums,
  colours_gradient: tf.Tensor,
  alpha_gradient: tf.Tensor,
  config: SoftRasterizerConfig,
) -> list[FaceEquations]:
  """Gradient with respect to the faces of each of the windows.

  Args:
    windows: as given to `accumulate`.
    sums: as returned by `accumulate`.
    colours_gradient: [N, 14], zero in the bin.
    alpha_gradient: [N], zero in the bin.
    config: settings.
  """
  numerator = colours_gradient * sums.reciprocal_weight[:, tf.newaxis]
  pixel_terms = tf.stack(
    [
      sums.highest_log_weight,
      tf.reduce_sum(numerator * sums.colours, axis=-1),
      alpha_gradient * sums.transparency,
    ],
    axis=-1,
  )
  cells = tf.reshape(numerator, [-1])
  return [
    _window_gradient(part, pixel_terms, cells, config) for part in windows
  ]


def _label_sums(part, pairs, highest, size):
  """[N, 14] sums of softmax weight times label."""
  weight = _weights(pairs, highest)
  num_mixed = part.mixed_cells.shape[1]
  mixed = pairs.barycentrics[:, :num_mixed] * weight[:, :num_mixed, tf.newaxis]
  cells = size * NUM_LABELS
  sums = tf.math.unsorted_segment_sum(mixed, part.mixed_cells, cells)
  if num_mixed < part.pixels.shape[1]:
    plain = weight[:, num_mixed:]
    sums += tf.math.unsorted_segment_sum(plain, part.plain_cells, cells)
  return tf.reshape(sums, [size, NUM_LABELS])


def _window_gradient(part, pixel_terms, cells, config):
  """Gradient of the faces of one `Windows`; recomputes its pairs."""
  pairs = _evaluate_pairs(part, config)
  pixel_terms = tf.gather(pixel_terms, part.pixels)
  highest, blended, opacity = tf.unstack(pixel_terms, axis=-1)
  weight = _weights(pairs, highest)
  plain = tf.gather(cells, part.plain_cells)[:, :, tf.newaxis]
  label_gradient = tf.concat(
    [tf.gather(cells, part.mixed_cells), tf.repeat(plain, 3, axis=2)], axis=1
  )
  to_barycentrics = weight[:, :, tf.newaxis] * label_gradient
  to_log_weight = (
    tf.reduce_sum(pairs.barycentrics * to_barycentrics, axis=2)
    - weight * blended
  )

  # Through coverage and transparency to the logit.
  sigmoid = tf.exp(pairs.logit - pairs.softplus)
  above_floor = tf.maximum(sigmoid - config.floor, _TINY)
  to_logit = to_log_weight * (1.0 - sigmoid) * (sigmoid / above_floor)
  to_logit += opacity * sigmoid
  to_logit = tf.where(pairs.kept, to_logit, 0.0)

  # Through depth, 1 / sum of barycentrics * 1 / depth, to the barycentrics.
  to_reciprocal = to_log_weight * tf.square(pairs.depth) * (1.0 / config.gamma)
  depths = part.faces.reciprocal_depths[..., tf.newaxis]
  to_barycentrics += to_reciprocal[:, :, tf.newaxis] * depths
  to_depths = to_reciprocal[:, :, tf.newaxis] * pairs.barycentrics
  mean = tf.reduce_sum(to_barycentrics * pairs.barycentrics, 2, keepdims=True)
  to_raw = tf.where(
    (pairs.raw > 0.0) & (pairs.raw < 1.0),
    (to_barycentrics - mean) * pairs.normalizer,
    0.0,
  )

  # Through the distance to the nearest edge.
  to_squared = tf.where(pairs.inside, to_logit, -to_logit)
  to_squared *= 2.0 / config.sigma  # with the 2 of the square's derivative
  to_squared = tf.where(_first_least(pairs), to_squared[:, :, tf.newaxis], 0.0)
  to_along = pairs.overshoot * to_squared
  heights = part.faces.reciprocal_heights[..., tf.newaxis]
  to_across = pairs.across * to_squared + to_raw * heights
  lengths = part.faces.lengths[..., tf.newaxis]
  to_lengths = tf.where(pairs.along > lengths, -to_along, 0.0)
  return FaceEquations(
    lines=_over_window(tf.concat([to_along, to_across], axis=2), part.offsets),
    lengths=tf.reduce_sum(to_lengths, axis=-1),
    reciprocal_heights=tf.reduce_sum(to_raw * pairs.across, axis=-1),
    reciprocal_depths=tf.reduce_sum(to_depths, axis=-1),
  )


def _evaluate_pairs(part: Windows, config: SoftRasterizerConfig) -> _Pairs:
  """Distances, coverage, barycentrics and depth of all pairs."""
  faces = part.faces
  positions = tf.einsum("bfki,iw->bfkw", faces.lines, part.offsets)
  along, across = positions[:, :, :3], positions[:, :, 3:]
  lengths = faces.lengths[..., tf.newaxis]
  overshoot = along - tf.clip_by_value(along, 0.0, lengths)
  squared = across * across + overshoot * overshoot
  least = tf.reduce_min(squared, axis=2)
  raw = across * faces.reciprocal_heights[..., tf.newaxis]
  inside = tf.reduce_min(raw, axis=2) > 0.0
  logit = tf.where(inside, least, -least) * (1.0 / config.sigma)
  softplus = tf.nn.softplus(logit)
  coverage = tf.exp(logit - softplus) - config.floor
  clipped = tf.clip_by_value(raw, 0.0, 1.0)
  total = tf.reduce_sum(clipped, axis=2, keepdims=True)
  normalizer = 1.0 / tf.maximum(total, 1e-6)
  barycentrics = clipped * normalizer
  depths = faces.reciprocal_depths[..., tf.newaxis]
  reciprocal = tf.reduce_sum(barycentrics * depths, axis=2)
  log_coverage = tf.math.log(tf.maximum(coverage, _TINY))
  depth = 1.0 / tf.maximum(reciprocal, 1.0 / FAR)
  return _Pairs(
    along=along,
    across=across,
    overshoot=overshoot,
    squared=squared,
    least_squared=least,
    raw=raw,
    inside=inside,
    logit=logit,
    softplus=softplus,
    log_weight=log_coverage - depth * (1.0 / config.gamma),
    barycentrics=barycentrics,
    normalizer=normalizer,
    depth=depth,
    kept=logit > -config.cutoff,
  )


def _weights(pairs, highest):
  """Softmax numerators over depth, zero beyond the cut-off."""
  return tf.where(
    pairs.kept, tf.exp(tf.minimum(pairs.log_weight - highest, 0.0)), 0.0
  )


def _softplus_floor(config):
  """-log(1 - sigmoid(-cutoff)), so that coverage is zero at the cut-off."""
  return -np.log1p(-config.floor).astype(np.float32)


def _first_least(pairs):
  """Bool [B, K, 3, W^2]: the first of the edges at the least distance."""
  first = pairs.squared[:, :, 0] <= pairs.least_squared
  second = ~first & (pairs.squared[:, :, 1] <= pairs.least_squared)
  return tf.stack([first, second, ~(first | second)], axis=2)


def _over_window(gradient, offsets):
  return tf.einsum("bfkw,iw->bfki", gradient, offsets)


def _sum_windows(terms, add=tf.add):
  """Combines the [N, ...] terms of several windows."""
  return functools.reduce(add, terms)
