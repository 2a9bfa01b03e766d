"""Percentage of correct keypoints, and the pairing of people it needs."""

import numpy as np
from scipy.optimize import linear_sum_assignment


def correct_keypoints(
  predicted: np.ndarray,
  annotated: np.ndarray,
  visible: np.ndarray,
  box: np.ndarray,
  alpha: float = 0.1,
) -> np.ndarray:
  """Which visible keypoints lie within alpha x the larger box side.

  Args:
    predicted: [N, K, 2] pixels; a keypoint that is not finite is wrong.
    annotated: [N, K, 2] pixels.
    visible: [N, K] which keypoints count.
    box: [N, 4] left, top, width, height, pixels.
    alpha: fraction of the larger box side.

  Returns:
    [N, K] bool, False where not visible.

  Raises:
    ValueError: if the shapes do not agree.
  """
  predicted, annotated = np.asarray(predicted), np.asarray(annotated)
  visible, box = np.asarray(visible, bool), np.asarray(box)
  if predicted.ndim != 3 or predicted.shape[-1] != 2:
    raise ValueError(
      f"predicted keypoints: shape is {predicted.shape}, expected [N, K, 2]"
    )
  count = predicted.shape[:2]
  if annotated.shape != predicted.shape:
    raise ValueError(
      f"annotated keypoints: shape is {annotated.shape}, "
      f"expected {predicted.shape}"
    )
  if visible.shape != count or box.shape != (count[0], 4):
    raise ValueError(
      f"visible and box: shapes are {visible.shape} and {box.shape}, "
      f"expected {count} and {(count[0], 4)}"
    )
  distance = np.linalg.norm(predicted - annotated, axis=-1)
  limit = alpha * np.max(box[:, 2:], axis=-1, keepdims=True)
  return visible & np.isfinite(distance) & (distance <= limit)


def pck(
  predicted: np.ndarray,
  annotated: np.ndarray,
  visible: np.ndarray,
  box: np.ndarray,
  alpha: float = 0.1,
) -> float:
  """PCK@alpha: the fraction of visible keypoints that are correct.

  Arguments as in `correct_keypoints`.

  Returns:
    Fraction in [0, 1]; NaN if nothing is visible.
  """
  total = int(np.sum(np.asarray(visible, bool)))
  correct = correct_keypoints(predicted, annotated, visible, box, alpha)
  return float(correct.sum() / total) if total else float("nan")


def match_people(
  predicted: np.ndarray,
  annotated: np.ndarray,
  visible: np.ndarray,
  box: np.ndarray,
  max_distance: float = 0.3,
) -> list[int]:
  """Pairs annotated people with predicted ones, one to one.

  The cost of a pair is the mean distance of the visible keypoints in units of
  the larger side of the annotated box, each cut at 0.5 so that one mistaken
  limb does not break a pair; the pairing has the least total cost.

  Args:
    predicted: [P, K, 2] pixels; keypoints that are not finite count as far.
    annotated: [N, K, 2] pixels.
    visible: [N, K] annotated keypoints that count.
    box: [N, 4] annotated boxes.
    max_distance: pairs with a greater cost are no pairs.

  Returns:
    For each annotated person the index of the prediction, -1 if none.
  """
  people = len(annotated)
  if not people or not len(predicted):
    return [-1] * people
  side = np.max(np.asarray(box)[:, 2:], axis=-1)
  offset = np.asarray(annotated)[:, None] - np.asarray(predicted)[None]
  distance = np.linalg.norm(offset, axis=-1) / side[:, None, None]
  distance = np.where(np.isfinite(distance), np.minimum(distance, 0.5), 0.5)
  weight = np.asarray(visible, float)[:, None]
  total = np.maximum(weight.sum(-1), 1e-9)
  cost = np.where(weight.sum(-1) > 0, (distance * weight).sum(-1) / total, 0.5)
  pairs = [-1] * people
  for i, j in zip(*linear_sum_assignment(cost), strict=True):
    if cost[i, j] <= max_distance:
      pairs[i] = int(j)
  return pairs
