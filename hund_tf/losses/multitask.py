"""Losses of the multitask network: keypoint heatmaps K and part maps B."""

import dataclasses
import math
from typing import NamedTuple

from hund_tf.body import keypoints as names
from hund_tf.compat import tf
from hund_tf.losses.heatmaps import HEATMAP_SIGMA, render_heatmaps
from hund_tf.options import option
from hund_tf.types import MAP_SIZE, NUM_KEYPOINTS, NUM_PARTS

_GROUPS = (
  ("body_share", (names.BODY,)),
  ("face_share", (names.FACE,)),
  ("hand_share", (names.LEFT_HAND, names.RIGHT_HAND)),
)
_PEAK_CELLS = 2.0 * math.pi * HEATMAP_SIGMA**2  # sum of a peak of K
_SMALLEST = 1e-6


@dataclasses.dataclass(frozen=True)
class MultitaskLossConfig:
  """Weights of the losses; shares are those of groups of keypoints."""

  keypoint_weight: float = option(
    1.0, "Weight of the loss of K.", name="keypoint_loss_weight", low=0.0
  )
  part_weight: float = option(
    1.0, "Weight of the loss of B.", name="part_loss_weight", low=0.0
  )
  hidden_weight: float = option(
    0.3, "Weight of keypoints that are not seen; seen ones count 1.", low=0.0
  )
  body_share: float = 0.6
  face_share: float = 0.2
  hand_share: float = 0.2
  foreground_boost: float = option(
    1.0,
    "How much more a cell of B counts where it is a part; a cell of the "
    "background counts 1.",
    low=0.0,
  )
  overlap_weight: float = option(
    0.0,
    "Weight of 1 - the mean overlap of the parts, in which small ones count "
    "like large ones.",
    name="overlap_loss_weight",
    low=0.0,
  )


class MultitaskLosses(NamedTuple):
  """Losses of a stage, each `[B]`."""

  total: tf.Tensor  # weighted sum, what is minimised
  keypoint: tf.Tensor
  part: tf.Tensor
  overlap: tf.Tensor


def _keypoint_shares(config: MultitaskLossConfig) -> list[float]:
  """How much each of the 137 keypoints counts."""
  shares = [0.0] * NUM_KEYPOINTS
  for name, slices in _GROUPS:
    members = [i for s in slices for i in range(s.start, s.stop)]
    for i in members:
      shares[i] = getattr(config, name) / len(members)
  return shares


def keypoint_loss(
  logits: tf.Tensor,
  keypoints: tf.Tensor,
  weights: tf.Tensor,
  inside: tf.Tensor,
) -> tf.Tensor:
  """Cross-entropy between maps and peaks, for each keypoint.

  A map whose cells say how likely the keypoint is there has the least loss, so
  the height of its peak is a confidence.

  Args:
    logits: `[B, S, S, N]` of heatmaps.
    keypoints: `[B, N, 2]` crop pixels.
    weights: `[B, N]`; 0 = unknown, takes no part.
    inside: `[B, N]` 1 where the keypoint is in the crop; the maps of others
      are zero.

  Returns:
    `[B, N]` weighted, in units of a peak's sum over its cells.
  """
  size = logits.shape[1]
  target = render_heatmaps(keypoints, inside, size=size)
  cells = tf.nn.softplus(logits) - target * logits
  peak = _PEAK_CELLS * (size / MAP_SIZE) ** 2
  return weights * tf.reduce_sum(cells, axis=[1, 2]) / peak


def part_loss(
  logits: tf.Tensor,
  part_probs: tf.Tensor,
  part_weights: tf.Tensor,
  cell_weights: tf.Tensor,
) -> tf.Tensor:
  """Cross-entropy over the channels of B that are known.

  Channels that are not known count as one: a mask alone asks for the right
  background and leaves open which part a cell of the person is. Visibility is
  the complement of the background, so either makes the background known.

  Args:
    logits: `[B, S, S, 15]`.
    part_probs: `[B, S, S, 15]` shares of the cells.
    part_weights: `[B, 16]` in [0, 1] how well channels are known; the last is
      visibility.
    cell_weights: `[B, S, S]` how much cells count.

  Returns:
    `[B]`, mean over the cells' weights.
  """
  background = tf.maximum(part_weights[:, :1], part_weights[:, NUM_PARTS:])
  weights = tf.concat([background, part_weights[:, 1:NUM_PARTS]], axis=-1)
  weights = weights[:, None, None]
  log_probs = tf.nn.log_softmax(logits)
  known = tf.cast(weights > 0.0, tf.float32)
  entropy = -tf.reduce_sum(weights * part_probs * log_probs, axis=-1)
  rest = tf.reduce_sum((1.0 - known) * part_probs, axis=-1)
  # Shares without labels (of a mask) leave what is not background open.
  rest += tf.maximum(1.0 - tf.reduce_sum(part_probs, axis=-1), 0.0)
  unknown = tf.reduce_logsumexp(
    tf.where(known > 0.0, log_probs - 1e4, log_probs), axis=-1
  )
  has_rest = tf.cast(tf.reduce_any(known == 0.0, axis=-1), tf.float32)
  some = tf.reduce_max(weights, axis=-1)
  entropy -= has_rest * some * rest * unknown
  total = tf.reduce_sum(cell_weights, axis=[1, 2])
  return tf.reduce_sum(cell_weights * entropy, axis=[1, 2]) / tf.maximum(
    total, _SMALLEST
  )


def overlap_loss(
  logits: tf.Tensor,
  part_probs: tf.Tensor,
  part_weights: tf.Tensor,
  cell_weights: tf.Tensor,
) -> tf.Tensor:
  """1 - intersection over union of soft maps, mean over the parts that show.

  A part shows if it covers at least one of the cells. The background is none
  of the parts.

  Args:
    logits: `[B, S, S, 15]`.
    part_probs: `[B, S, S, 15]` shares of the cells.
    part_weights: `[B, 16]`; examples of which a channel is not known have no
      such loss.
    cell_weights: `[B, S, S]` known share of each cell.

  Returns:
    `[B]` in [0, 1].
  """
  weights = cell_weights[..., None]
  found = tf.nn.softmax(logits)[..., 1:] * weights
  truth = part_probs[..., 1:] * weights
  both = tf.reduce_sum(found * part_probs[..., 1:], axis=[1, 2])
  areas = tf.reduce_sum(truth, axis=[1, 2])
  either = tf.reduce_sum(found, axis=[1, 2]) + areas - both
  shown = tf.cast(areas >= 1.0, tf.float32)
  missed = shown * (1.0 - both / tf.maximum(either, _SMALLEST))
  mean = tf.reduce_sum(missed, axis=1) / tf.maximum(
    tf.reduce_sum(shown, axis=1), 1.0
  )
  known = tf.reduce_min(part_weights[:, :NUM_PARTS], axis=1) > 0.0
  return tf.where(known, mean, 0.0)


def _shrink(maps: tf.Tensor, size: int) -> tf.Tensor:
  """Maps `[B, 60, 60, C]` averaged to `[B, size, size, C]`."""
  step = MAP_SIZE // size
  return maps if step == 1 else tf.nn.avg_pool2d(maps, step, step, "VALID")


def stage_losses(
  heatmap_logits: tf.Tensor,
  part_logits: tf.Tensor,
  keypoints: tf.Tensor,
  keypoint_weights: tf.Tensor,
  inside: tf.Tensor,
  part_probs: tf.Tensor,
  part_weights: tf.Tensor,
  cell_weights: tf.Tensor,
  config: MultitaskLossConfig,
) -> MultitaskLosses:
  """Losses of one stage's maps, whose sides S and T divide 60.

  Args:
    heatmap_logits: `[B, S, S, 137]`.
    part_logits: `[B, T, T, 15]`.
    keypoints: `[B, 137, 2]` crop pixels.
    keypoint_weights: `[B, 137]`; see `seen_weights`.
    inside: `[B, 137]` 1 where the keypoint is in the crop.
    part_probs: `[B, 60, 60, 15]`.
    part_weights: `[B, 16]`.
    cell_weights: `[B, 60, 60]` known share of each cell.
    config: how losses are weighted.
  """
  size = part_logits.shape[1]
  shares = tf.constant(_keypoint_shares(config))
  each = keypoint_loss(heatmap_logits, keypoints, keypoint_weights, inside)
  keypoint = tf.reduce_sum(shares * each, axis=-1)
  boost = 1.0 + config.foreground_boost * (1.0 - part_probs[..., :1])
  known = cell_weights[..., None]
  cells = _shrink(known * boost, size)[..., 0]
  shares_of_parts = _shrink(part_probs, size)
  part = part_loss(part_logits, shares_of_parts, part_weights, cells)
  known = _shrink(known, size)[..., 0]
  overlap = overlap_loss(part_logits, shares_of_parts, part_weights, known)
  total = (
    config.keypoint_weight * keypoint
    + config.part_weight * part
    + config.overlap_weight * overlap
  )
  return MultitaskLosses(total, keypoint, part, overlap)


def seen_weights(
  weights: tf.Tensor, visibility: tf.Tensor, hidden_weight: float
) -> tf.Tensor:
  """Weights `[B, N]` of keypoints, lower where they are hidden."""
  return weights * (hidden_weight + (1.0 - hidden_weight) * visibility)
