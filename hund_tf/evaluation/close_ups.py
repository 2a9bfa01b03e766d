"""Annotated hands and faces in photos.

A *close-up* is a hand or a face with annotated points: of a whole person
(COCO-WholeBody), of a photo that shows nothing else (FreiHAND, 300-W), or of a
person record.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from hund_tf.body import keypoints
from hund_tf.datasets import annotated_photos, part_photos
from hund_tf.datasets.coco import CocoPerson, read_coco_keypoints
from hund_tf.evaluation import annotated_people
from hund_tf.evaluation.part_metrics import OUTER_EYE_CORNERS
from hund_tf.evaluation.photo_predictions import sighting_of
from hund_tf.photos import cameras, loading
from hund_tf.records.schema import PersonRecord
from hund_tf.types import NUM_KEYPOINTS, Intrinsics

# Rows of the 137 of each part, in the order of `CocoPerson.part_boxes`.
PARTS = {
  "face": part_photos.FACE_68,
  "left hand": keypoints.LEFT_HAND,
  "right hand": keypoints.RIGHT_HAND,
}
HANDS = ("left hand", "right hand")
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
