"""Anchors, decoding and suppression for MediaPipe's single-shot detectors.

The settings are those of MediaPipe's own graphs: every anchor has unit size, so
only its centre matters; a score is the sigmoid of a logit; boxes and keypoints
are offsets in input pixels from the anchor.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.special import expit

POSE_STRIDES = (8, 16, 32, 32, 32)
FACE_STRIDES = (8, 16, 16, 16)


class Candidates(NamedTuple):
  """What a single-shot detector proposes, in [0, 1] of its input."""

  boxes: np.ndarray  # [N, 4] left, top, width, height
  keypoints: np.ndarray  # [N, K, 2] x, y
  scores: np.ndarray  # [N] in [0, 1]


def ssd_anchors(side: int, strides: Sequence[int]) -> np.ndarray:
  """Anchor centres of an input of `side` pixels.

  Two anchors per cell and layer; layers of equal stride share their cells, as
  the network lays its outputs out.

  Returns:
    [A, 2] float32 x, y in [0, 1].
  """
  centers = []
  layer = 0
  while layer < len(strides):
    stride = strides[layer]
    same = sum(1 for s in strides[layer:] if s == stride)
    cells = -(-side // stride)
    axis = (np.arange(cells) + 0.5) / cells
    y, x = np.meshgrid(axis, axis, indexing="ij")
    grid = np.stack([x, y], -1).reshape(-1, 2)
    centers.append(np.repeat(grid, 2 * same, axis=0))
    layer += same
  return np.concatenate(centers).astype(np.float32)


def decode(
  values: np.ndarray,
  logits: np.ndarray,
  anchors: np.ndarray,
  side: int,
  min_score: float,
) -> Candidates:
  """Turns a detector's raw outputs into candidates.

  Args:
    values: [A, 4 + 2 K] box centre, box size and keypoints, input pixels
      relative to the anchor.
    logits: [A] score logits.
    anchors: [A, 2] centres in [0, 1].
    side: pixels of the input.
    min_score: candidates below are dropped.

  Returns:
    Candidates by descending score.

  Raises:
    ValueError: if the number of anchors differs.
  """
  if len(values) != len(anchors) or len(logits) != len(anchors):
    raise ValueError(
      f"detector output: {len(values)} boxes and {len(logits)} scores, "
      f"expected {len(anchors)} of each"
    )
  scores = expit(np.clip(logits, -100.0, 100.0))
  keep = np.flatnonzero(scores >= min_score)
  keep = keep[np.argsort(-scores[keep], kind="stable")]
  raw, origin = values[keep] / side, anchors[keep]
  center, size = raw[:, :2] + origin, raw[:, 2:4]
  points = (
    raw[:, 4:].reshape(len(keep), (raw.shape[1] - 4) // 2, 2) + origin[:, None]
  )
  boxes = np.concatenate([center - size / 2, size], axis=-1)
  return Candidates(boxes, points, scores[keep])


def box_iou(a: np.ndarray, b: np.ndarray) -> np.ndarray:
  """Intersection over union of boxes [N, 4] and [M, 4] -> [N, M]."""
  a, b = np.asarray(a, float)[:, None], np.asarray(b, float)[None]
  low = np.maximum(a[..., :2], b[..., :2])
  high = np.minimum(a[..., :2] + a[..., 2:], b[..., :2] + b[..., 2:])
  inner = np.prod(np.maximum(high - low, 0.0), axis=-1)
  union = np.prod(a[..., 2:], -1) + np.prod(b[..., 2:], -1) - inner
  return inner / np.maximum(union, 1e-9)


def non_maximum_suppression(
  boxes: np.ndarray, scores: np.ndarray, max_iou: float
) -> list[int]:
  """Indices of the boxes [N, 4] kept, by descending score [N]."""
  order = np.argsort(-np.asarray(scores), kind="stable")
  overlap = box_iou(boxes, boxes) if len(order) else np.zeros((0, 0))
  kept: list[int] = []
  for i in order:
    if all(overlap[i, j] <= max_iou for j in kept):
      kept.append(int(i))
  return kept


def share_inside(box: np.ndarray, regions: np.ndarray) -> float:
  """The largest share of a box that lies in one of some regions `[M, 4]`."""
  if not len(regions):
    return 0.0
  low = np.maximum(box[:2], regions[:, :2])
  high = np.minimum(box[:2] + box[2:], regions[:, :2] + regions[:, 2:])
  inside = np.prod(np.maximum(high - low, 0.0), axis=-1)
  return float(inside.max() / np.prod(box[2:]))
