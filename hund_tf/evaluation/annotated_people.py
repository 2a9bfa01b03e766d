"""Lists of annotated photos, and the detections that belong to their people."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment

from hund_tf.datasets import mpii
from hund_tf.datasets.annotated_photos import LARGEST_JSON_MB
from hund_tf.datasets.coco import CocoPerson, read_coco_keypoints
from hund_tf.detection.anchors import box_iou
from hund_tf.detection.interface import Detection, PersonDetector
from hund_tf.evaluation.pck import match_people
from hund_tf.files import problem, read_json
from hund_tf.records.schema import PersonRecord

_LEAST_OVERLAP = 0.5  # IoU of boxes that are of one person


def read_list(
  path: Path, photo_dir: Path | None, expected: str
) -> tuple[Any, Path]:
  """Reads a JSON file about photos.

  Args:
    path: the file.
    photo_dir: folder of the photos; by default that of the file.
    expected: what the file should be, for the message.

  Returns:
    What it says, and the folder of the photos.

  Raises:
    ValueError: of one line, if it is no JSON file.
  """
  try:
    content = read_json(path, LARGEST_JSON_MB, only_finite=False)
  except (OSError, ValueError) as error:
    raise ValueError(
      f"{path}: cannot be read ({problem(error)}); {expected}"
    ) from error
  return content, Path(photo_dir or Path(path).parent)


def read_people(
  annotations: Path, photo_dir: Path | None = None
) -> list[CocoPerson]:
  """The people of a COCO keypoint file, or of MPII's list of people.

  Args:
    annotations: the JSON file.
    photo_dir: folder of the photos; by default that of the file.

  Raises:
    ValueError: of one line, if it is neither.
  """
  if mpii.is_mpii(annotations):
    return mpii.read_mpii(annotations, photo_dir)
  return read_coco_keypoints(annotations, photo_dir)


def person_of(record: PersonRecord) -> CocoPerson:
  """The annotated person of a record, in the pixels of its image."""
  weights = record.keypoints[:, 2]
  seen = np.where(record.visibility > 0, 2, 1)
  return CocoPerson(
    Path(record.key),
    record.box,
    record.keypoints[:, :2],
    np.where(weights > 0, seen, 0),
    weights,
  )


def detect(
  detector: PersonDetector, image: np.ndarray, boxes: Sequence[np.ndarray]
) -> list[Detection | None]:
  """Who a detector finds in each of some boxes; None for nobody.

  Args:
    detector: is given the boxes one by one.
    image: `[H, W, 3]` uint8 RGB.
    boxes: N boxes `[4]`, pixels.

  Raises:
    ValueError: if the image or a box cannot be used.
  """
  found = [detector.detect(image, [box], max_people=1) for box in boxes]
  return [people[0] if people else None for people in found]


def search(
  detector: PersonDetector,
  image: np.ndarray,
  boxes: Sequence[np.ndarray],
  points: np.ndarray,
  known: np.ndarray,
) -> list[Detection | None]:
  """Searches a photo and pairs who is found with annotated people.

  Those who are not paired by keypoints, as the detector mistook the pose, are
  paired by boxes that overlap by half (IoU).

  Args:
    detector: is not told where anybody is.
    image: `[H, W, 3]` uint8 RGB.
    boxes: N annotated boxes `[4]`, pixels.
    points: `[N, 137, 2]` annotated keypoints, pixels.
    known: `[N, 137]` which of them count.

  Returns:
    For each annotated person the detection, or None.

  Raises:
    ValueError: if the image cannot be used.
  """
  found = detector.detect(image)
  if not found or not len(boxes):
    return [None] * len(boxes)
  boxes = np.array(boxes)
  seen = np.array([_known_points(person) for person in found])
  pairs = np.array(match_people(seen, points, known, boxes))
  overlap = box_iou(boxes, np.array([person.box for person in found]))
  overlap[pairs >= 0] = 0.0
  overlap[:, pairs[pairs >= 0]] = 0.0
  for i, j in zip(*linear_sum_assignment(-overlap), strict=True):
    if overlap[i, j] >= _LEAST_OVERLAP:
      pairs[i] = j
  return [found[pair] if pair >= 0 else None for pair in pairs]


def _known_points(person: Detection) -> np.ndarray:
  """`[137, 2]` keypoints; NaN where unknown."""
  points = person.keypoints
  return np.where(points[:, 2:] > 0, points[:, :2], np.nan)


def detected(
  detector: PersonDetector,
  image: np.ndarray,
  people: Sequence[CocoPerson],
  search_photo: bool,
) -> list[Detection | None]:
  """The detections of a photo's annotated people; None for who is not found.

  Args:
    detector: asked.
    image: `[H, W, 3]` uint8 RGB.
    people: of the photo.
    search_photo: whether it is searched, in place of telling the boxes.
  """
  boxes = [person.box for person in people]
  if not search_photo:
    return detect(detector, image, boxes)
  points = np.array([person.keypoints for person in people])
  known = np.array([person.visibility > 0 for person in people])
  return search(detector, image, boxes, points, known)
