"""Whether a keypoint's confidence is the probability that it is right.

By group, over the annotated keypoints that the detector has: body and feet that
are visible, and all of an annotated face or hand. Right is what
`detection.confidence` promises.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from scipy.optimize import minimize
from scipy.special import log_expit, logit

from hund_tf.body import keypoints
from hund_tf.datasets.coco import COCO_INDICES, FOOT_INDICES, CocoPerson
from hund_tf.detection.interface import Detection
from hund_tf.evaluation import figures
from hund_tf.evaluation.landmark_scores import (
  calibration_error,
  ranking_auc,
  reliability,
)

_RIGHT = {"body": 0.1, "feet": 0.1, "face": 0.1, "hands": 0.2}
_LEAST_POINTS = 10  # annotated ones of a face or a hand, which give its size
_PARTS = (
  ("body", COCO_INDICES),
  ("feet", FOOT_INDICES),
  ("face", tuple(range(25, 93))),
  ("hands", tuple(range(*keypoints.LEFT_HAND.indices(137)))),
  ("hands", tuple(range(*keypoints.RIGHT_HAND.indices(137)))),
)
GROUPS = tuple(_RIGHT)


class Judged(NamedTuple):
  """Keypoints of a group."""

  confidence: np.ndarray  # [N] in (0, 1]
  right: np.ndarray  # [N] bool
  people: np.ndarray  # [N] number of the person


def judge(
  people: Sequence[CocoPerson], detections: Sequence[Detection | None]
) -> dict[str, Judged]:
  """The keypoints of each group that are annotated and detected.

  Args:
    people: annotated.
    detections: of each; None where nobody is found.
  """
  rows: dict[str, list[tuple[np.ndarray, np.ndarray, int]]] = {
    group: [] for group in GROUPS
  }
  for number, (person, found) in enumerate(
    zip(people, detections, strict=True)
  ):
    if found is None:
      continue
    for group, part in _PARTS:
      index = list(part)
      points, truth = found.keypoints[index], person.keypoints[index]
      known = person.visibility[index] > 0
      if group in ("body", "feet"):
        size, counted = person.box[2:].max(), person.visibility[index] > 1
      elif known.sum() >= _LEAST_POINTS:
        size, counted = np.ptp(truth[known], axis=0).max(), known
      else:
        continue
      counted = counted & (points[:, 2] > 0)
      error = np.linalg.norm(points[:, :2] - truth, axis=-1)
      right = error[counted] < _RIGHT[group] * size
      rows[group].append((points[counted, 2], right, number))
  return {
    group: Judged(
      np.concatenate([np.zeros(0), *(c for c, _, _ in found)]),
      np.concatenate([np.zeros(0, bool), *(r for _, r, _ in found)]),
      np.repeat([n for *_, n in found], [len(c) for c, _, _ in found]),
    )
    for group, found in rows.items()
  }


def correction(judged: Judged) -> tuple[float, float]:
  """Offset and slope of the log-odds that would calibrate the confidences.

  The logistic regression of being right on the confidences' log-odds; 0 and 1
  where they are calibrated. NaN where all are right or all are wrong.
  """
  right = judged.right
  if right.all() or not right.any():
    return float("nan"), float("nan")
  odds = logit(np.clip(judged.confidence.astype(np.float64), 1e-6, 1 - 1e-3))

  def loss(fitted: np.ndarray) -> float:
    value = fitted[0] + fitted[1] * odds
    return -float(np.mean(np.where(right, log_expit(value), log_expit(-value))))

  offset, slope = minimize(loss, [0.0, 1.0]).x
  return float(offset), float(slope)


def about(groups: dict[str, Judged]) -> dict[str, Any]:
  """Figures of each group that has points, for JSON and for tables."""
  found = {}
  for group, judged in groups.items():
    if len(judged.right):
      lines = reliability(judged.confidence, judged.right)
      offset, slope = correction(judged)
      found[group] = {
        "points": len(judged.right),
        "people": len(np.unique(judged.people)),
        "confidence": figures.rounded(judged.confidence.mean()),
        "right": figures.rounded(judged.right.mean()),
        "auc": figures.rounded(ranking_auc(judged.confidence, judged.right)),
        "calibration_error": figures.rounded(calibration_error(lines)),
        "correction": [figures.rounded(offset), figures.rounded(slope)],
        "reliability": lines,
      }
  return found


def table(found: dict[str, Any]) -> str:
  """A Markdown table of `about`."""
  lines = [
    "| keypoints | people | points | mean confidence | right | AUC "
    "| calibration error |",
    "| --- " * 7 + "|",
  ]
  for group, values in found.items():
    auc = "-" if values["auc"] is None else f"{values['auc']:.3f}"
    lines.append(
      f"| {group} | {values['people']} | {values['points']} "
      f"| {values['confidence']:.3f} | {values['right']:.3f} | {auc} "
      f"| {values['calibration_error']:.3f} |"
    )
  return "\n".join(lines)
