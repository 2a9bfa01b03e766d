"""Residuals of the polish: what is seen of people, and how bodies miss it.

Each kind gives the errors of B people, their derivatives by the numbers of a
step, and robust weights: rho(x) = c^2 log(1 + x / c^2) of errors in sigmas.
"""

from typing import NamedTuple

from hund_tf.body import keypoints as keypoint_table
from hund_tf.body import landmarks_3d
from hund_tf.body.points import PosedPoints
from hund_tf.compat import tf
from hund_tf.geometry import camera, placement
from hund_tf.models.hund import evidence_3d, outline
from hund_tf.models.hund.evidence_3d import NUM_BODY, Evidence
from hund_tf.models.hund.polish_anchor import Anchor
from hund_tf.types import (
  NUM_PARTS,
  AlignmentTarget,
  HumanState,
  ImageFeatures,
  Intrinsics,
)

_HIPS = landmarks_3d.ROOTS[0][1]
# Errors, derivatives and weights.
Rows = tuple[tf.Tensor, tf.Tensor, tf.Tensor]


class Seen(NamedTuple):
  """What is seen of B people."""

  keypoints: tf.Tensor  # [B, 137, 2] crop pixels
  weights: tf.Tensor  # [B, 137] in [0, 1]
  evidence: Evidence  # 3D landmarks
  mask: outline.Mask


def seen_in(
  features: ImageFeatures, target: AlignmentTarget, intrinsics: Intrinsics
) -> Seen:
  """What crops show, of their features and the target made of these."""
  evidence = evidence_3d.evidence_of(features, intrinsics)
  mask = outline.Mask(
    1.0 - target.part_probs[..., 0], target.part_weights[:, NUM_PARTS]
  )
  return Seen(target.keypoints, target.keypoint_weights, evidence, mask)


def known_share(seen: Seen) -> tf.Tensor:
  """Mean confidence of the keypoints of the body, `[B]`."""
  return tf.reduce_mean(seen.weights[:, keypoint_table.BODY], axis=-1)


class Posed(NamedTuple):
  """Points of B states and how they move."""

  points: tf.Tensor  # [B, P, 3] metres, camera frame
  slopes: tf.Tensor  # [B, P, 3, D] by the numbers of a step


def placed(
  posed: PosedPoints, state: HumanState, intrinsics: Intrinsics
) -> Posed:
  """`PosedPoints` with derivatives by the placement, not the translation."""
  others, shift = posed.jacobian[..., :-3], posed.jacobian[..., -3:]
  across = placement.slopes(state.translation, intrinsics)
  slopes = tf.concat([others, tf.matmul(shift, across[:, None])], axis=-1)
  return Posed(posed.points, slopes)


def keypoint_rows(
  posed: Posed, seen: Seen, intrinsics: Intrinsics, anchor: Anchor
) -> Rows:
  """Errors `[B, 25, 2]` pixels, their derivatives and their weights."""
  pixels, slopes = projected(posed, intrinsics)
  error = pixels - seen.keypoints[:, keypoint_table.BODY]
  weights = seen.weights[:, keypoint_table.BODY]
  return error, slopes, _robust(error, weights, *anchor.keypoints)


def landmark_rows(posed: Posed, evidence: Evidence, anchor: Anchor) -> Rows:
  """Errors of the body's landmarks `[B, 25, 3]` metres, likewise."""
  points, slopes = (
    x - tf.reduce_mean(tf.gather(x, _HIPS, axis=1), axis=1, keepdims=True)
    for x in posed
  )
  ratio = evidence_3d.body_ratio(points, evidence)
  landmarks = evidence.landmarks[:, :NUM_BODY]
  error = points - ratio[..., None] * landmarks
  weights = evidence.weights[:, :NUM_BODY]
  return error, slopes, _robust(error, weights, *anchor.landmarks)


def outline_rows(
  skin: Posed, posed: Posed, seen: Seen, intrinsics: Intrinsics, anchor: Anchor
) -> Rows:
  """Errors of the outline `[B, S, 1]` pixels, likewise."""
  pixels = camera.project(skin.points, intrinsics)
  middle = tf.reduce_mean(posed.points[..., 2], axis=1, keepdims=True)
  scale = intrinsics.focal[:, :1] / tf.maximum(middle, camera.MIN_DEPTH)
  flat = camera.project(posed.points, intrinsics)
  deep = posed.points[..., 2:] * scale[..., None]
  borders = outline.find(
    pixels,
    tf.concat([flat, deep], axis=-1),
    scale,
    seen.weights[:, keypoint_table.BODY],
    seen.mask,
  )
  chosen = Posed(
    *(tf.gather(x, borders.rows, axis=1, batch_dims=1) for x in skin)
  )
  pixels, slopes = projected(chosen, intrinsics)
  normals = borders.normals
  found = tf.reduce_sum(pixels * normals, axis=-1)
  error = (found - borders.targets)[..., None]
  slopes = tf.reduce_sum(slopes * normals[..., None], axis=2, keepdims=True)
  return error, slopes, _robust(error, borders.weights, *anchor.outline)


def projected(
  posed: Posed, intrinsics: Intrinsics
) -> tuple[tf.Tensor, tf.Tensor]:
  """Pixels `[B, P, 2]` of points, and their derivatives `[B, P, 2, D]`."""
  slopes = camera.projection_slopes(*posed, intrinsics)
  return camera.project(posed.points, intrinsics), slopes


def _robust(
  error: tf.Tensor, weights: tf.Tensor, sigma: float, cut: float
) -> tf.Tensor:
  """Weights `[B, P]` of squared errors `[B, P, C]`: w rho' / sigma^2."""
  square = tf.reduce_sum(error * error, axis=-1) / sigma**2
  return weights / (sigma**2 * (1.0 + square / cut**2))
