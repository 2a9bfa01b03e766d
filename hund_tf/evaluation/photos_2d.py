"""Protocol `photos_2d`: reprojected keypoints against annotated ones.

For each annotated person that the detector finds, PCK@0.1 is the fraction of
annotated visible joints (COCO-17 and feet) whose reprojection lies within 0.1
of the larger box side, and PCK@0.05 likewise. How well the body lies on what
the detector saw is the mean distance of its 25 keypoints to sure landmarks.
"""

import csv
import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from hund_tf.body import keypoints
from hund_tf.datasets.coco import COCO_INDICES, FOOT_INDICES, CocoPerson
from hund_tf.evaluation import pck as pck_metric
from hund_tf.files import atomic_path
from hund_tf.photos.people import SeenPhoto
from hund_tf.reconstruction.reconstructor import Person

_JOINTS = np.array(COCO_INDICES + FOOT_INDICES)
_VISIBLE = 2
_CLOSE = 0.05  # of the larger box side
_SURE = 0.5  # confidence of landmarks


class PersonScore(NamedTuple):
  """Result for one annotated person."""

  image: str
  box: np.ndarray  # [4] annotated box, pixels
  found: bool
  joints: int  # annotated visible joints
  correct: int  # of the reprojected body
  correct_landmarks: int  # of the detector's landmarks, for comparison
  close: int = 0  # of the body, within half the distance
  close_landmarks: int = 0
  distance: float = np.nan  # mean from the body to sure landmarks of BODY_25,
  # larger sides of the detected box; NaN without any


def _scored(person: CocoPerson, prediction: Person | None) -> PersonScore:
  visible = (person.visibility[_JOINTS] >= _VISIBLE)[None]
  counts, close = [0, 0], [0, 0]
  if prediction is not None:
    points = (
      prediction.keypoints_2d[_JOINTS],
      prediction.detection.keypoints[_JOINTS, :2],
    )
    known = prediction.detection.keypoints[_JOINTS, 2] > 0
    for i, (predicted, usable) in enumerate(
      zip(points, (np.ones_like(known), known), strict=True)
    ):
      for hits, alpha in ((counts, 0.1), (close, _CLOSE)):
        correct = pck_metric.correct_keypoints(
          predicted[None],
          person.keypoints[_JOINTS][None],
          visible,
          person.box[None],
          alpha,
        )
        hits[i] = int((correct & usable).sum())
  return PersonScore(
    image=person.image.name,
    box=person.box,
    found=prediction is not None,
    joints=int(visible.sum()),
    correct=counts[0],
    correct_landmarks=counts[1],
    close=close[0],
    close_landmarks=close[1],
    distance=np.nan if prediction is None else _distance(prediction),
  )


def _distance(person: Person) -> float:
  """Mean distance of the body to sure landmarks, larger box sides."""
  seen = np.asarray(person.detection.keypoints)[keypoints.BODY]
  sure = seen[:, 2] > _SURE
  if not sure.any():
    return np.nan
  offset = (person.keypoints_2d[keypoints.BODY] - seen[:, :2])[sure]
  side = float(np.max(person.detection.box[2:]))
  return float(np.linalg.norm(offset, axis=-1).mean() / side)


def evaluate_photos(
  people: Iterable[CocoPerson],
  find: Callable[[Path], SeenPhoto],
  reconstruct: Callable[..., list[Person]],
  min_joints: int = 6,
  min_height: float = 60.0,
) -> list[PersonScore]:
  """Scores every annotated person of a set of photos.

  Args:
    people: annotations, of any number of photos.
    find: from a photo's path to who is seen in it; a `Finder`.
    reconstruct: from detections, intrinsics and the photo to people; a
      `Reconstructor`.
    min_joints: people with fewer annotated visible joints are left out.
    min_height: people whose box is lower (pixels) are left out.

  Returns:
    One score for each person, photo by photo.
  """
  return [
    _scored(person, prediction)
    for person, prediction, _ in paired_people(
      people, find, reconstruct, min_joints, min_height
    )
  ]


def paired_people(
  people: Iterable[CocoPerson],
  find: Callable[[Path], SeenPhoto],
  reconstruct: Callable[..., list[Person]],
  min_joints: int,
  min_height: float,
) -> Iterator[tuple[CocoPerson, Person | None, SeenPhoto]]:
  """Annotated people, photo by photo, who they are found to be, and the photo.

  Args: as of `evaluate_photos`.
  """
  photos = defaultdict(list)
  for person in people:
    joints = (person.visibility[_JOINTS] >= _VISIBLE).sum()
    if joints >= min_joints and person.box[3] >= min_height:
      photos[person.image].append(person)
  for image, annotated in photos.items():
    seen = find(image)
    found = reconstruct(seen.detections, seen.camera.intrinsics, seen.image)
    pairs = pck_metric.match_people(
      np.array([p.detection.keypoints[_JOINTS, :2] for p in found]),
      np.array([p.keypoints[_JOINTS] for p in annotated]),
      np.array([p.visibility[_JOINTS] >= _VISIBLE for p in annotated]),
      np.array([p.box for p in annotated]),
    )
    for person, pair in zip(annotated, pairs, strict=True):
      yield person, found[pair] if pair >= 0 else None, seen


def mean_pck(scores: Iterable[PersonScore], landmarks: bool = False) -> float:
  """Fraction of correct joints over the people that were found.

  Args:
    scores: of the people.
    landmarks: score the detector's landmarks instead of the fitted body.

  Returns:
    Fraction in [0, 1]; NaN if nobody was found.
  """
  found = [score for score in scores if score.found]
  joints = sum(score.joints for score in found)
  hits = sum(s.correct_landmarks if landmarks else s.correct for s in found)
  return hits / joints if joints else float("nan")


def closeness(scores: Iterable[PersonScore]) -> dict[str, float]:
  """PCK@0.05 of body and landmarks, and the distance with standard error."""
  found = [score for score in scores if score.found]
  joints = max(sum(score.joints for score in found), 1)
  distances = np.array([s.distance for s in found if np.isfinite(s.distance)])
  spread = distances.std(ddof=1) if len(distances) > 1 else np.nan
  return {
    "pck_0.05": sum(s.close for s in found) / joints,
    "pck_0.05_landmarks": sum(s.close_landmarks for s in found) / joints,
    "distance": float(distances.mean()) if len(distances) else np.nan,
    "distance_error": float(spread / np.sqrt(max(len(distances), 1))),
    "distance_people": len(distances),
  }


def table(scores: list[PersonScore]) -> str:
  """A Markdown table: one row for each photo, then the mean."""
  rows = [
    "| photo | annotated | found | joints | PCK@0.1 body | landmarks |",
    "|---|---|---|---|---|---|",
  ]
  names = list(dict.fromkeys(score.image for score in scores))
  groups = [(n, [s for s in scores if s.image == n]) for n in names]
  for name, group in [*groups, ("**all**", scores)]:
    found = [score for score in group if score.found]
    rows.append(
      f"| {name} | {len(group)} | {len(found)} "
      f"| {sum(score.joints for score in found)} "
      f"| {mean_pck(group):.3f} | {mean_pck(group, landmarks=True):.3f} |"
    )
  near = closeness(scores)
  rows += [
    "",
    f"PCK@0.05: body {near['pck_0.05']:.3f}, landmarks "
    f"{near['pck_0.05_landmarks']:.3f}",
    f"Body to sure landmarks: {near['distance']:.4f} +- "
    f"{near['distance_error']:.4f} box sides ({near['distance_people']} "
    "people)",
  ]
  return "\n".join(rows)


def write(scores: list[PersonScore], folder: Path, seconds: float) -> None:
  """Writes `photos_2d.csv`, a row for each person, and `photos_2d.json`.

  Raises:
    OutputError: if a file cannot be written.
  """
  fields = ("image", "found", "joints", "correct", "correct_landmarks")
  with (
    atomic_path(folder / "photos_2d.csv") as temporary,
    temporary.open("w", newline="", encoding="utf-8") as file,
  ):
    writer = csv.writer(file)
    writer.writerow((*fields, "left", "top", "width", "height"))
    for score in scores:
      row = [getattr(score, name) for name in fields]
      writer.writerow([*row, *(f"{value:.1f}" for value in score.box)])
  summary = {
    "protocol": "photos_2d",
    "people": len(scores),
    "found": sum(score.found for score in scores),
    "pck_0.1": mean_pck(scores),
    "pck_0.1_landmarks": mean_pck(scores, landmarks=True),
    **{
      name: value if np.isfinite(value) else None
      for name, value in closeness(scores).items()
    },
    "seconds": round(seconds, 1),
  }
  with atomic_path(folder / "photos_2d.json") as temporary:
    temporary.write_text(json.dumps(summary, indent=2), encoding="utf-8")
