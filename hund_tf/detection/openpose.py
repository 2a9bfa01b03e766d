"""Landmarks that OpenPose wrote, as detections.

OpenPose's order (BODY_25, face 70, left hand 21, right hand 21) is our own, so
nothing is re-ordered. Coordinates must be pixels of the photo.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from hund_tf import json_text
from hund_tf.body import keypoints
from hund_tf.detection.anchors import box_iou
from hund_tf.detection.interface import (
  Detection,
  check_boxes,
  check_image,
  check_people,
  empty_keypoints,
)
from hund_tf.files import JsonError, read_json

# Our slice: the names that versions of OpenPose give to it.
_GROUPS = (
  (keypoints.BODY, ("pose_keypoints_2d", "pose_keypoints")),
  (keypoints.FACE, ("face_keypoints_2d", "face_keypoints")),
  (keypoints.LEFT_HAND, ("hand_left_keypoints_2d", "hand_left_keypoints")),
  (keypoints.RIGHT_HAND, ("hand_right_keypoints_2d", "hand_right_keypoints")),
)
_FARTHEST = 1e6  # pixels; no photo is so large
_OTHER_BODIES = {45: "MPI-15", 54: "COCO-18", 57: "BODY_19"}


class OpenPoseError(ValueError):
  """An OpenPose file that cannot be used."""


def read_openpose(path: str | Path) -> list[Detection]:
  """Reads all people of one OpenPose JSON file.

  Missing face or hands give unknown keypoints; people without any known
  keypoint are left out. The box is the tight one of the known keypoints, the
  score their mean confidence; there is no mask.

  Args:
    path: a file as `--write_json` writes it, one photo's people.

  Returns:
    Detections by descending score.

  Raises:
    OpenPoseError: if the file cannot be read, or is not such a file, or has
      another body model than BODY_25, or coordinates that are not pixels.
  """
  path = Path(path)
  try:
    content = read_json(path)
  except OSError as error:
    raise OpenPoseError(f"{path}: cannot be read ({error.strerror})") from error
  except JsonError as error:
    raise OpenPoseError(
      f"{path}: not a JSON file ({error.problem}); expected OpenPose's "
      "--write_json"
    ) from error
  people = content.get("people") if isinstance(content, dict) else None
  if not isinstance(people, list):
    raise OpenPoseError(
      f"{path}: has no list 'people'; expected OpenPose's --write_json"
    )
  found = []
  for i, person in enumerate(people):
    points = _person(person, f"{path}: person {i}")
    known = points[points[:, 2] > 0]
    if not len(known):
      continue
    if np.abs(known[:, :2]).max() <= 1.0:
      raise OpenPoseError(
        f"{path}: person {i}: all coordinates are within 1; expected pixels "
        "(OpenPose's --keypoint_scale 0)"
      )
    low, high = known[:, :2].min(axis=0), known[:, :2].max(axis=0)
    box = np.concatenate([low, np.maximum(high - low, 1.0)])
    score = float(known[:, 2].mean())
    found.append(Detection(box.astype(np.float32), score, points))
  return sorted(found, key=lambda detection: -detection.score)


def _person(person: object, where: str) -> np.ndarray:
  """[137, 3] keypoints of one entry of the list of people."""
  if not isinstance(person, dict):
    raise OpenPoseError(f"{where}: is not an object with keypoints")
  points = empty_keypoints()
  for group, names in _GROUPS:
    name = next((n for n in names if n in person), None)
    if name is None:
      if group is keypoints.BODY:
        raise OpenPoseError(
          f"{where}: has no 'pose_keypoints_2d'; expected 75 numbers"
        )
      continue
    with np.errstate(over="ignore"):
      points[group] = _numbers(person[name], group, f"{where}: {name}")
  if np.abs(points).max() > _FARTHEST:
    raise OpenPoseError(
      f"{where}: has values of up to {np.abs(points).max():.3g}; expected "
      "pixels of the photo"
    )
  unknown = points[:, 2] <= 0
  points[unknown] = 0.0
  points[:, 2] = np.minimum(points[:, 2], 1.0)
  return points


def _numbers(values: object, group: slice, where: str) -> np.ndarray:
  """[K, 3] of one group of keypoints; zeros if the list is empty."""
  count = group.stop - group.start
  if values is None or values == []:
    return np.zeros((count, 3), np.float32)
  try:
    numbers = json_text.numbers(values)
  except ValueError as error:
    raise OpenPoseError(
      f"{where}: is not a list of {3 * count} numbers"
    ) from error
  if numbers.ndim == 1 and numbers.size == 3 * count:
    return numbers.reshape(count, 3)
  message = f"{where}: has {numbers.size} numbers, expected {3 * count}"
  if group is keypoints.BODY and numbers.size in _OTHER_BODIES:
    message += (
      f" (BODY_25); this is the body model {_OTHER_BODIES[numbers.size]}: "
      "run OpenPose with --model_pose BODY_25"
    )
  raise OpenPoseError(message)


class OpenPoseDetector:
  """A `PersonDetector` that returns what OpenPose found in one photo.

  Args:
    path: the photo's OpenPose JSON file.

  Raises:
    OpenPoseError: as `read_openpose`.
  """

  def __init__(self, path: str | Path):
    self._path = Path(path)
    self._people = read_openpose(path)

  def detect(
    self,
    image: np.ndarray,
    boxes: Sequence[Sequence[float]] | None = None,
    max_people: int | None = None,
  ) -> list[Detection]:
    """The people of the file; see `PersonDetector.detect`.

    With `boxes`, each box gets the person of the file that overlaps it most.

    Raises:
      OpenPoseError: if a person cannot be of this photo; see `check_people`.
      ValueError: if the image, a box or max_people is not usable.
    """
    check_image(image)
    if max_people is not None and max_people < 1:
      raise ValueError(f"max_people: got {max_people}, expected at least 1")
    height, width = image.shape[:2]
    try:
      check_people(self._people, height, width)
    except ValueError as error:
      raise OpenPoseError(f"{self._path}: {error}") from error
    people = list(self._people)
    if boxes is not None:
      given = check_boxes(boxes, height, width)
      overlap = box_iou(given, np.array([p.box for p in people]).reshape(-1, 4))
      people = [
        people[int(row.argmax())]._replace(box=box)
        for box, row in zip(given, overlap, strict=True)
        if row.size and row.max() > 0
      ]
      people.sort(key=lambda person: -person.score)
    return people[:max_people]
