"""Protocol `detection`: who of a photo is found, and who is a ghost.

Detections are taken by descending score. Each finds the person who is most
like it among those not found yet, if the likeness is at least 0.5: the overlap
of the boxes (IoU), or, where keypoints are annotated, COCO's object keypoint
similarity. A detection that finds nobody counts for nothing if it lies mostly
in an ignored region or is smaller than what is asked for; else it is a ghost.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from hund_tf.datasets.coco import COCO_INDICES
from hund_tf.detection.anchors import box_iou, share_inside
from hund_tf.detection.interface import Detection
from hund_tf.evaluation import figures
from hund_tf.evaluation.detection_truth import PhotoTruth
from hund_tf.evaluation.figures import Row

LEAST_LIKENESS = 0.5  # of a detection and the person it finds
MOSTLY = 0.5  # share of a detection's box that lies in an ignored region
CROWD = 6  # people from which on a photo is crowded
SIZES = (60, 120, 240, np.inf)  # larger side of a box, pixels
_JOINTS = list(COCO_INDICES)
# COCO's deviations of annotators by joint, in square roots of areas.
_SIGMAS = np.array(
  (0.026, 0.025, 0.025, 0.035, 0.035, 0.079, 0.079, 0.072, 0.072)
  + (0.062, 0.062, 0.107, 0.107, 0.087, 0.087, 0.089, 0.089)
)

# What becomes of a detection.
FOUND = "person"
UNCOUNTED = "not counted"
SECOND = "ghost: second detection of a person"
NOBODY = "ghost: nobody there"


class PhotoMatch(NamedTuple):
  """What was found in a photo with N people and D detections."""

  photo: str
  boxes: np.ndarray  # [N, 4]
  sizes: np.ndarray  # [N] larger sides of the boxes, pixels
  counts: np.ndarray  # [N] bool: large enough
  finder: np.ndarray  # [N] detection by which a person is found; -1: missed
  detections: np.ndarray  # [D, 4] their boxes, by descending score
  scores: np.ndarray  # [D]
  detected_sizes: np.ndarray  # [D] of the person found, or of the detection
  outcomes: tuple[str, ...]  # D, see above
  likeness: np.ndarray  # [D] to the most similar person, found or not


def keypoint_similarity(
  annotated: np.ndarray, boxes: np.ndarray, detected: np.ndarray
) -> np.ndarray:
  """COCO's object keypoint similarity of N people and D detections.

  The mean over a person's annotated joints of exp(-d^2 / (2 a (2 sigma)^2)),
  with the distance d, the area a of the person's box, and COCO's sigmas. A
  joint that a detection does not have adds 0.

  Args:
    annotated: `[N, 137, 3]` x, y, pixels, and 1 where annotated.
    boxes: `[N, 4]` of the people.
    detected: `[D, 137, 3]` x, y, pixels, and confidence; 0 is unknown.

  Returns:
    `[N, D]` in [0, 1]; 0 without annotated joints.
  """
  annotated, detected = annotated[:, _JOINTS], detected[:, _JOINTS]
  offset = annotated[:, None, :, :2] - detected[None, :, :, :2]
  area = np.prod(boxes[:, 2:], axis=-1)[:, None, None]
  square = (offset**2).sum(-1) / (2.0 * area * (2.0 * _SIGMAS) ** 2)
  near = np.exp(-square) * (detected[None, ..., 2] > 0)
  known = (annotated[..., 2] > 0)[:, None]
  total = known.sum(-1)
  return np.where(known, near, 0.0).sum(-1) / np.maximum(total, 1)


def _likeness(truth: PhotoTruth, found: Sequence[Detection]) -> np.ndarray:
  """`[N, D]` by keypoints where a person has them, else by boxes."""
  if not len(truth.boxes) or not found:
    return np.zeros([len(truth.boxes), len(found)])
  overlap = box_iou(truth.boxes, np.array([d.box for d in found]))
  similarity = keypoint_similarity(
    truth.keypoints, truth.boxes, np.array([d.keypoints for d in found])
  )
  known = (truth.keypoints[:, _JOINTS, 2] > 0).any(-1)
  return np.where(known[:, None], similarity, overlap)


def match_photo(
  truth: PhotoTruth,
  found: Sequence[Detection],
  min_side: float = SIZES[0],
) -> PhotoMatch:
  """Pairs detections with the people of a photo, one to one.

  Args:
    truth: of the photo.
    found: in the photo.
    min_side: people and ghosts whose larger side is less, pixels, count for
      nothing.
  """
  found = sorted(found, key=lambda d: -d.score)
  sizes = truth.boxes[:, 2:].max(-1) if len(truth.boxes) else np.zeros(0)
  boxes = np.array([d.box for d in found], np.float32).reshape(-1, 4)
  detected_sizes = boxes[:, 2:].max(-1) if len(boxes) else np.zeros(0)
  counts = sizes >= min_side
  likeness = _likeness(truth, found)
  finder = np.full(len(truth.boxes), -1)
  outcomes = []
  for i, box in enumerate(boxes):
    free = np.where(finder < 0, likeness[:, i], -1.0)
    person = int(free.argmax()) if len(free) else -1
    if person >= 0 and free[person] >= LEAST_LIKENESS:
      finder[person] = i
      detected_sizes[i] = sizes[person]
      outcomes.append(FOUND if counts[person] else UNCOUNTED)
    elif (
      detected_sizes[i] < min_side or share_inside(box, truth.ignored) >= MOSTLY
    ):
      outcomes.append(UNCOUNTED)
    else:
      taken = (likeness[:, i] >= LEAST_LIKENESS).any()
      outcomes.append(SECOND if taken else NOBODY)
  return PhotoMatch(
    photo=str(truth.photo),
    boxes=truth.boxes,
    sizes=sizes,
    counts=counts,
    finder=finder,
    detections=boxes,
    scores=np.array([d.score for d in found], np.float64),
    detected_sizes=detected_sizes,
    outcomes=tuple(outcomes),
    likeness=likeness.max(0) if len(likeness) else np.zeros(len(found)),
  )


def evaluate(
  photos: Iterable[PhotoTruth],
  find: Callable[..., Sequence[Detection]],
  min_side: float = SIZES[0],
) -> list[PhotoMatch]:
  """Looks for people in photos.

  Args:
    photos: with who is in them.
    find: from a photo's path to detections.
    min_side: see `match_photo`.
  """
  return [match_photo(truth, find(truth.photo), min_side) for truth in photos]


def _row(
  name: str, matches: Sequence[PhotoMatch], low: float, high: float
) -> Row:
  """Recall and precision over people and detections of some sizes."""
  people, found, right, ghosts = [], [], [], []
  for match in matches:
    chosen = match.counts & (match.sizes >= low) & (match.sizes < high)
    people.append(chosen.sum())
    found.append((chosen & (match.finder >= 0)).sum())
    here = (match.detected_sizes >= low) & (match.detected_sizes < high)
    kinds = Counter(
      outcome
      for outcome, inside in zip(match.outcomes, here, strict=True)
      if inside
    )
    right.append(kinds[FOUND])
    ghosts.append(kinds[SECOND] + kinds[NOBODY])
  people, found, right, ghosts = map(np.array, (people, found, right, ghosts))
  return Row(
    name,
    {
      "photos": len(matches),
      "people": int(people.sum()),
      "found": int(found.sum()),
      "ghosts": int(ghosts.sum()),
    },
    {
      "recall": figures.share(found, people),
      "precision": figures.share(right, right + ghosts),
    },
  )


def summarize(matches: Sequence[PhotoMatch]) -> list[Row]:
  """Recall and precision by size, by crowd, and over all.

  Errors are over photos. A photo is crowded if six or more people are listed.
  """
  rows = []
  for low, high in zip(SIZES, SIZES[1:], strict=False):
    name = f"{low:g} to {high:g} px" if np.isfinite(high) else f"{low:g} px on"
    rows.append(_row(name, matches, low, high))
  crowded = [match for match in matches if len(match.boxes) >= CROWD]
  others = [match for match in matches if len(match.boxes) < CROWD]
  rows.append(_row(f"photos of fewer than {CROWD}", others, 0, np.inf))
  rows.append(_row(f"photos of {CROWD} or more", crowded, 0, np.inf))
  rows.append(_row("all", matches, 0, np.inf))
  return rows


def cases(matches: Iterable[PhotoMatch]) -> list[dict[str, Any]]:
  """A line for each person and each detection that found nobody, for CSV."""
  lines = []
  for match in matches:
    for k, finder in enumerate(match.finder):
      what = "found" if finder >= 0 else "missed"
      if not match.counts[k]:
        what = "too small"
      score = match.scores[finder] if finder >= 0 else None
      like = match.likeness[finder] if finder >= 0 else None
      lines.append(_case(match.photo, what, match.boxes[k], score, like))
    for i, outcome in enumerate(match.outcomes):
      if i not in match.finder:
        box, score = match.detections[i], match.scores[i]
        like = match.likeness[i]
        lines.append(_case(match.photo, outcome, box, score, like))
  return lines


def _case(
  photo: str,
  what: str,
  box: np.ndarray,
  score: float | None,
  likeness: float | None,
) -> dict[str, Any]:
  sides = ("left", "top", "width", "height")
  return {
    "photo": photo,
    "what": what,
    **dict(zip(sides, (round(float(v), 1) for v in box), strict=True)),
    "score": None if score is None else round(float(score), 4),
    "likeness": None if likeness is None else round(float(likeness), 4),
  }
