"""What this project says of annotated hands and faces."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from hund_tf.detection.interface import Detection, PersonDetector
from hund_tf.evaluation import annotated_people
from hund_tf.evaluation.close_ups import (
  HANDS,
  PARTS,
  Photo,
  Subject,
  judged_parts,
  part_box,
)
from hund_tf.reconstruction.reconstructor import Person
from hund_tf.types import NUM_KEYPOINTS


class Seen(NamedTuple):
  """What a system says of a person; NaN where it says nothing."""

  points: np.ndarray  # [137, 2] of the body that was reconstructed, pixels
  joints: np.ndarray  # [137, 3] of the same, metres, camera frame
  landmarks: np.ndarray  # [137, 2] of the detector, pixels
  landmarks_3d: np.ndarray  # [137, 3] of the detector, metres, from the root of
  # each group of keypoints, in the viewing frame


Look = Callable[[Photo], list[Seen | None]]
# Photos, boxes and sides of hands to detections of these alone.
ReadHands = Callable[
  [Sequence[np.ndarray], Sequence[np.ndarray], Sequence[str]],
  list[Detection | None],
]


def looker(
  detector: PersonDetector,
  reconstruct: Callable[..., list[Person]],
  search: bool = False,
  read_hands: ReadHands | None = None,
) -> Look:
  """What says of each annotated person of a photo what is seen of them.

  Whole people are detected in their annotated boxes, or with `search` found in
  the photo and paired. Where a hand or a face stands alone the photo is
  searched, and the person is taken whose same part lies nearest, by the middle
  of its points, within the larger side of the part's box. With `read_hands` and
  without `search`, hands that stand alone are read in their boxes, and
  reconstructed of nothing else: the hand is that of the hand network where
  there is one, else the body's.

  Args:
    detector: of people.
    reconstruct: from detections, intrinsics and the photo to people; a
      `Reconstructor`.
    search: do not tell where anybody is.
    read_hands: gives the landmarks of hands in boxes.
  """

  told = None if search else read_hands

  def look(photo: Photo) -> list[Seen | None]:
    whole = [s.person for s in photo.subjects if not s.alone]
    found: list[Detection | None] = []
    if whole:
      found = annotated_people.detected(detector, photo.image, whole, search)
    hands = [
      (k, part)
      for k, subject in enumerate(photo.subjects)
      if told is not None and subject.alone
      for part in judged_parts(subject)
      if part in HANDS
    ]
    if hands:
      found += told(
        [photo.image] * len(hands),
        [part_box(photo.subjects[k].person, part) for k, part in hands],
        [part.split()[0] for _, part in hands],
      )
    searched = {
      k for k, subject in enumerate(photo.subjects) if subject.alone
    } - {k for k, _ in hands}
    others = detector.detect(photo.image) if searched else []
    detections = [d for d in found if d is not None] + others
    people = iter(reconstruct(detections, photo.intrinsics, photo.image))
    own = [None if d is None else next(people) for d in found]
    rest = [_seen(person) for person in people]
    seen: list[Seen | None] = []
    of_whole = iter(own[: len(whole)])
    of_hands = list(zip(hands, own[len(whole) :], strict=True))
    for k, subject in enumerate(photo.subjects):
      if k in searched:
        seen.append(_nearest(subject, rest))
      elif subject.alone:
        seen.append(_joined([(p, x) for (i, p), x in of_hands if i == k]))
      else:
        person = next(of_whole)
        seen.append(None if person is None else _seen(person))
    return seen

  return look


def _joined(hands: Sequence[tuple[str, Person | None]]) -> Seen | None:
  """The hands of one subject, each reconstructed by itself."""
  seen = None
  for part, person in hands:
    if person is None:
      continue
    if seen is None:
      seen = Seen(
        *(np.full([NUM_KEYPOINTS, size], np.nan) for size in (2, 3, 2, 3))
      )
    for own, new in zip(seen, _seen(person), strict=True):
      own[PARTS[part]] = new[PARTS[part]]
    for result in person.parts:
      if result.name == part.replace(" ", "_") and result.keypoints is not None:
        seen.points[PARTS[part]] = result.keypoints_2d
        seen.joints[PARTS[part]] = result.keypoints
  return seen


def _seen(person: Person) -> Seen:
  return Seen(
    np.asarray(person.keypoints_2d, np.float64),
    np.asarray(person.body.keypoints, np.float64),
    *_landmarks(person.detection),
  )


def _landmarks(detection: Detection) -> tuple[np.ndarray, np.ndarray]:
  """The keypoints [137, 2] and 3D landmarks [137, 3]; NaN where unknown."""
  spatial = detection.landmarks_3d
  if spatial is None:
    spatial = np.zeros([NUM_KEYPOINTS, 4])
  points, spatial = (
    np.where(rows[:, -1:] > 0, rows[:, :-1], np.nan).astype(np.float64)
    for rows in (np.asarray(detection.keypoints), np.asarray(spatial))
  )
  return points, spatial


def _nearest(subject: Subject, people: Sequence[Seen]) -> Seen | None:
  """The person whose part lies at a part that stands alone, if one does."""
  best, least = None, 1.0  # larger sides of the part's box
  for part in judged_parts(subject):
    rows = PARTS[part]
    known = subject.person.weights[rows] > 0
    middle = subject.person.keypoints[rows][known].mean(axis=0)
    side = float(part_box(subject.person, part)[2:].max())
    for seen in people:
      offset = seen.points[rows][known].mean(axis=0) - middle
      distance = float(np.linalg.norm(offset)) / side
      if distance < least:
        best, least = seen, distance
  return best
