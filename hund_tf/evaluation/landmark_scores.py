"""Protocol `landmarks`: a detector's keypoints against annotated ones.

Errors are in larger sides of the person's annotated box, over the annotated
visible joints of COCO (17, and the feet where they are annotated). A joint that
the detector does not have is wrong, and so are all of a person whom it does
not find.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from scipy.stats import rankdata

from hund_tf.body import keypoints as names
from hund_tf.datasets.coco import COCO_INDICES, FOOT_INDICES, CocoPerson
from hund_tf.detection.interface import Detection
from hund_tf.evaluation import figures
from hund_tf.evaluation.figures import Row

JOINTS = COCO_INDICES + FOOT_INDICES  # J of the 137
LIMITS = (0.05, 0.1, 0.2)  # box sides
RIGHT = 0.1  # box sides; what a confidence of 1 promises
MOST = 0.5  # box sides, at which an error is cut
BINS = 10  # of the confidence
MIN_JOINTS = 6  # annotated and visible, from which on somebody is judged
_VISIBLE = 2
_GROUPS = {
  "head": ("nose", "eye", "ear"),
  "shoulders": ("shoulder",),
  "elbows": ("elbow",),
  "wrists": ("wrist",),
  "hips": ("hip",),
  "knees": ("knee",),
  "ankles": ("ankle",),
  "feet": ("toe", "heel"),
}
# Rows of the joints that have a left and a right.
_PAIRS = [
  (JOINTS.index(i), JOINTS.index(names.MIRROR[i]))
  for i in JOINTS
  if names.NAMES[i].startswith("l_")
]


class Landmarks(NamedTuple):
  """P people with J joints each."""

  predicted: np.ndarray  # [P, J, 2] pixels; NaN where unknown
  confidence: np.ndarray  # [P, J] in [0, 1]; 0 where unknown
  annotated: np.ndarray  # [P, J, 2] pixels
  visible: np.ndarray  # [P, J] bool, which count
  boxes: np.ndarray  # [P, 4] annotated, pixels
  found: np.ndarray  # [P] bool

  @property
  def errors(self) -> np.ndarray:
    """`[P, J]` distances in larger sides of the boxes; inf where unknown."""
    distance = np.linalg.norm(self.predicted - self.annotated, axis=-1)
    side = self.boxes[:, 2:].max(-1)[:, None]
    return np.where(np.isfinite(distance), distance / side, np.inf)


def chosen(
  people: Sequence[CocoPerson], min_side: float = 60.0
) -> list[CocoPerson]:
  """The people that are judged: large enough, and enough of them visible."""
  return [
    person
    for person in people
    if person.box[2:].max() >= min_side
    and visible_joints(person).sum() >= MIN_JOINTS
  ]


def visible_joints(person: CocoPerson) -> np.ndarray:
  """`[J]` bool, the annotated visible joints."""
  return person.visibility[list(JOINTS)] >= _VISIBLE


def collect(
  people: Sequence[CocoPerson], detections: Sequence[Detection | None]
) -> Landmarks:
  """Annotated people beside what a detector says of each.

  Args:
    people: P of them.
    detections: of each; None where nobody is found.
  """
  rows, count = list(JOINTS), len(people)
  predicted = np.full([count, len(rows), 2], np.nan)
  confidence = np.zeros([count, len(rows)])
  for i, detection in enumerate(detections):
    if detection is not None:
      points = np.asarray(detection.keypoints[rows], np.float64)
      known = points[:, 2:] > 0
      predicted[i] = np.where(known, points[:, :2], np.nan)
      confidence[i] = points[:, 2]
  shape = [count, len(rows)]
  return Landmarks(
    predicted=predicted,
    confidence=confidence,
    annotated=np.array([p.keypoints[rows] for p in people]).reshape(*shape, 2),
    visible=np.array([visible_joints(p) for p in people], bool).reshape(shape),
    boxes=np.array([p.box for p in people]).reshape(-1, 4),
    found=np.array([d is not None for d in detections], bool),
  )


def swaps(landmarks: Landmarks) -> tuple[np.ndarray, np.ndarray]:
  """Joints whose left and right are exchanged.

  A pair of joints is judged if both are annotated and visible, lie more than
  0.1 box sides apart, and the detector has both. It is exchanged if the two
  points, exchanged, are nearer to the annotated in sum, and within 0.1 box
  sides of them on average.

  Returns:
    `[P]` exchanged pairs, `[P]` judged pairs.
  """
  side = landmarks.boxes[:, 2:].max(-1)
  wrong, judged = np.zeros(len(side), int), np.zeros(len(side), int)
  for left, right in _PAIRS:
    own, true = (
      x[:, [left, right]] for x in (landmarks.predicted, landmarks.annotated)
    )
    apart = np.linalg.norm(true[:, 0] - true[:, 1], axis=-1) / side
    pair = landmarks.visible[:, [left, right]].all(-1) & (apart > RIGHT)
    pair &= np.isfinite(own).all((-1, -2))
    straight = np.linalg.norm(own - true, axis=-1).mean(-1) / side
    crossed = np.linalg.norm(own[:, ::-1] - true, axis=-1).mean(-1) / side
    judged += pair
    wrong += pair & (crossed < straight) & (crossed < RIGHT)
  return wrong, judged


def ranking_auc(confidence: np.ndarray, right: np.ndarray) -> float:
  """Area under the ROC curve of confidences `[N]` for being right.

  The probability that a point that is right has a higher confidence than one
  that is wrong; equal ones count half. NaN without both kinds.
  """
  right = np.asarray(right, bool)
  good, bad = int(right.sum()), int((~right).sum())
  if not good or not bad:
    return float("nan")
  ranks = rankdata(confidence)
  return float((ranks[right].sum() - good * (good + 1) / 2) / (good * bad))


def reliability(
  confidence: np.ndarray, right: np.ndarray
) -> list[dict[str, Any]]:
  """What confidences `[N]` in [0, 1] promise, and what they keep, by tenths.

  Returns:
    A line for each tenth that has points: `from`, `to`, `points`, their mean
    `confidence`, and the share that is `right`.
  """
  confidence = np.asarray(confidence, np.float64)
  tenth = np.clip((confidence * BINS).astype(int), 0, BINS - 1)
  return [
    {
      "from": k / BINS,
      "to": (k + 1) / BINS,
      "points": int((tenth == k).sum()),
      "confidence": round(float(confidence[tenth == k].mean()), 4),
      "right": round(float(np.mean(right[tenth == k])), 4),
    }
    for k in range(BINS)
    if (tenth == k).any()
  ]


def calibration_error(lines: Sequence[dict[str, Any]]) -> float:
  """Mean of |confidence - share right| over the points of `reliability`."""
  points = np.array([line["points"] for line in lines])
  gaps = np.array([abs(line["confidence"] - line["right"]) for line in lines])
  return float((points * gaps).sum() / points.sum()) if lines else float("nan")


def confidences(landmarks: Landmarks) -> tuple[np.ndarray, np.ndarray]:
  """Confidences `[N]` of the points that the detector has, and which of these
  are within 0.1 box sides."""
  known = landmarks.visible & np.isfinite(landmarks.predicted).all(-1)
  right = landmarks.errors < RIGHT
  return landmarks.confidence[known], right[known]


def _row(name: str, landmarks: Landmarks, columns: Sequence[int]) -> Row:
  visible = landmarks.visible[:, columns]
  errors = landmarks.errors[:, columns]
  counted = visible.sum(-1)
  shares = {
    f"PCK@{limit:g}": figures.share(
      (visible & (errors <= limit)).sum(-1), counted
    )
    for limit in LIMITS
  }
  cut = np.where(visible, np.minimum(errors, MOST), 0.0).sum(-1)
  return Row(
    name,
    {"joints": int(counted.sum())},
    {**shares, "error": figures.share(cut, counted)},
  )


def summarize(landmarks: Landmarks) -> list[Row]:
  """PCK and mean error by joint and over all; errors are over people.

  `error` is the mean distance in box sides, cut at 0.5, which also stands for
  joints that are not found.
  """
  rows = []
  for name, ends in _GROUPS.items():
    columns = [k for k, i in enumerate(JOINTS) if names.NAMES[i].endswith(ends)]
    if landmarks.visible[:, columns].any():
      rows.append(_row(name, landmarks, columns))
  return [*rows, _row("all", landmarks, range(len(JOINTS)))]


def about(landmarks: Landmarks) -> dict[str, Any]:
  """Swaps, and how far confidences can be trusted, for JSON."""
  wrong, judged = swaps(landmarks)
  confidence, right = confidences(landmarks)
  lines = reliability(confidence, right)
  return {
    "people": len(landmarks.found),
    "found": int(landmarks.found.sum()),
    "swaps": {"exchanged": int(wrong.sum()), "pairs": int(judged.sum())},
    "confidence": {
      "auc": figures.rounded(ranking_auc(confidence, right)),
      "calibration_error": figures.rounded(calibration_error(lines)),
      "reliability": lines,
    },
  }
