"""Annotated hands and faces in photos, and what a system says of them.

A *close-up* is a hand or a face with annotated points: of a whole person
(COCO-WholeBody), of a photo that shows nothing else (FreiHAND, 300-W), or of a
person record.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from hund_tf.body import keypoints
from hund_tf.datasets import annotated_photos, part_photos
from hund_tf.datasets.coco import CocoPerson, read_coco_keypoints
from hund_tf.detection.interface import Detection, PersonDetector
from hund_tf.evaluation import annotated_people
from hund_tf.evaluation.part_metrics import OUTER_EYE_CORNERS
from hund_tf.evaluation.photo_predictions import sighting_of
from hund_tf.photos import cameras, loading
from hund_tf.reconstruction.reconstructor import Person
from hund_tf.records.schema import PersonRecord
from hund_tf.types import NUM_KEYPOINTS, Intrinsics

# Rows of the 137 of each part, in the order of `CocoPerson.part_boxes`.
PARTS = {
  "face": part_photos.FACE_68,
  "left hand": keypoints.LEFT_HAND,
  "right hand": keypoints.RIGHT_HAND,
}
MIN_POINTS = 6  # annotated, from which on a hand or a face is judged
_MARGIN = 0.1  # of a box around points, larger sides of them
_HANDS_42 = "hands_42"


class Subject(NamedTuple):
  """A person, or the part of one, whose hands or face are annotated."""

  name: str
  alone: bool  # nothing but hands or a face is annotated
  person: CocoPerson  # photo pixels
  joints: np.ndarray  # [137, 3] metres, camera frame; NaN where unknown


class Photo(NamedTuple):
  """A photo and those of its people who are judged."""

  image: np.ndarray  # [H, W, 3] uint8 RGB
  intrinsics: Intrinsics  # fields [2], pixels
  subjects: list[Subject]


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


def judged_parts(subject: Subject) -> list[str]:
  """The parts of `PARTS` of which enough is annotated.

  A face needs its outer eye corners, whose distance is the unit.
  """
  known = subject.person.weights > 0
  parts = []
  for name, rows in PARTS.items():
    of_part = known[rows]
    corners = name != "face" or of_part[list(OUTER_EYE_CORNERS)].all()
    if of_part.sum() >= MIN_POINTS and corners:
      parts.append(name)
  return parts


def part_box(person: CocoPerson, part: str) -> np.ndarray:
  """The annotated box `[4]` of a part, pixels.

  Where there is none it is that of the annotated points, a tenth of its larger
  side wider everywhere, as FreiHAND's boxes are made.
  """
  box = person.part_boxes[list(PARTS).index(part)]
  if (box[2:] > 0).all():
    return box
  rows = PARTS[part]
  points = person.keypoints[rows][person.weights[rows] > 0]
  low, high = points.min(axis=0), points.max(axis=0)
  margin = _MARGIN * float(np.max(high - low))
  return np.concatenate([low - margin, high - low + 2 * margin])


def read_subjects(
  annotations: Path, photo_dir: Path | None = None, min_side: float = 0.0
) -> dict[Path, list[Subject]]:
  """The people of an annotation file by photo.

  Args:
    annotations: COCO-WholeBody's form, or that of `part_photos`.
    photo_dir: folder of the photos; by default that of the file.
    min_side: whole people whose box has no larger side are left out, pixels.

  Raises:
    ValueError: if the file is neither.
  """
  alone = part_photos.is_of_parts(_rows(annotations))
  read = part_photos.read_part_photos if alone else read_coco_keypoints
  photos: dict[Path, list[Subject]] = defaultdict(list)
  for person in read(annotations, photo_dir):
    if alone or person.box[2:].max() >= min_side:
      group = photos[person.image]
      name = f"{person.image.name}/{len(group)}"
      nothing = np.full([NUM_KEYPOINTS, 3], np.nan)
      group.append(Subject(name, alone, person, nothing))
  return photos


def _rows(annotations: Path) -> Sequence[dict]:
  try:
    content = annotated_photos.read_json(Path(annotations))
    return content["annotations"][:1]
  except (OSError, ValueError, KeyError, TypeError):
    return ()  # the reader says what is wrong


def read_photo(path: Path, subjects: list[Subject]) -> Photo:
  """A photo with the camera that it is taken for.

  Raises:
    PhotoError: if it cannot be read.
  """
  seen = loading.read_photo(path)
  size = seen.image.shape[:2]
  lens = cameras.photo_camera(cameras.CameraOptions(), path, *size, seen.exif)
  return Photo(seen.image, lens.intrinsics, subjects)


def photo_of(record: PersonRecord) -> Photo | None:
  """The image of a record, whose only person is the record's."""
  sighting = sighting_of(record)
  if sighting.image is None:
    return None
  joints = np.full([NUM_KEYPOINTS, 3], np.nan)
  alone = not (record.keypoints[keypoints.BODY, 2] > 0).any()
  if record.joint_set == _HANDS_42:
    rows = slice(keypoints.LEFT_HAND.start, keypoints.RIGHT_HAND.stop)
    known = record.joint_weights[:, None] > 0
    joints[rows] = np.where(known, record.joints, np.nan)
  person = annotated_people.person_of(record)
  subject = Subject(record.key, alone, person, joints)
  return Photo(sighting.image, sighting.intrinsics, [subject])


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
  of its points, within the larger side of the part's box.

  Args:
    detector: of people.
    reconstruct: from detections, intrinsics and the photo to people; a
      `Reconstructor`.
    search: do not tell where anybody is.
    read_hands: without `search`, gives the landmarks of hands that stand alone,
      from their boxes.
  """

  def look(photo: Photo) -> list[Seen | None]:
    whole = [s.person for s in photo.subjects if not s.alone]
    found: list[Detection | None] = []
    if whole:
      found = _whole(detector, photo.image, whole, search)
    alone = len(whole) < len(photo.subjects)
    others = detector.detect(photo.image) if alone else []
    detections = [d for d in found if d is not None] + others
    people = iter(reconstruct(detections, photo.intrinsics, photo.image))
    own = iter([None if d is None else _seen(next(people)) for d in found])
    rest = [_seen(person) for person in people]
    seen = [
      _nearest(subject, rest) if subject.alone else next(own)
      for subject in photo.subjects
    ]
    if read_hands is not None and not search:
      seen = [
        _with_hands(subject, one, photo.image, read_hands)
        if subject.alone
        else one
        for subject, one in zip(photo.subjects, seen, strict=True)
      ]
    return seen

  return look


def _whole(detector, image, people, search) -> list[Detection | None]:
  boxes = [person.box for person in people]
  if not search:
    return annotated_people.detect(detector, image, boxes)
  points = np.array([person.keypoints for person in people])
  known = np.array([person.visibility > 0 for person in people])
  return annotated_people.search(detector, image, boxes, points, known)


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


def _with_hands(
  subject: Subject, seen: Seen | None, image: np.ndarray, read: ReadHands
) -> Seen | None:
  """The same with the landmarks that are read in the boxes of its hands."""
  for part in set(judged_parts(subject)) - {"face"}:
    box = part_box(subject.person, part)
    (found,) = read([image], [box], [part.split()[0]])
    if found is None:
      continue
    if seen is None:
      seen = Seen(
        *(np.full([NUM_KEYPOINTS, size], np.nan) for size in (2, 3, 2, 3))
      )
    rows = PARTS[part]
    for own, new in zip(seen[2:], _landmarks(found), strict=True):
      own[rows] = new[rows]
  return seen


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


def photos_of_files(
  annotations: Sequence[str], photo_dir: str | None, min_side: float
) -> Iterator[tuple[Path, list[Subject]]]:
  """The photos of some annotation files with those who are judged in them.

  Raises:
    ValueError: if a file cannot be read.
  """
  for name in annotations:
    folder = None if photo_dir is None else Path(photo_dir)
    photos = read_subjects(Path(name), folder, min_side)
    for path, subjects in photos.items():
      judged = [subject for subject in subjects if judged_parts(subject)]
      if judged:
        yield path, judged
