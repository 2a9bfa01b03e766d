"""COCO keypoints and COCO-WholeBody, in the order of our 137 keypoints.

COCO: https://cocodataset.org/#format-data. COCO-WholeBody adds feet, face and
hands to its people (Jin et al., ECCV 2020): 133 = 17 + 6 + 68 + 21 + 21, of
which the 68 of the face and the 21 of a hand have our order. The two pupils,
which it lacks, have weight 0.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from hund_tf import files
from hund_tf.body import keypoints
from hund_tf.body.keypoints import COCO_INDICES
from hund_tf.datasets import annotated_photos
from hund_tf.datasets.source import Skipped, WorkItem
from hund_tf.records import regions
from hund_tf.records.schema import PersonRecord
from hund_tf.types import NUM_KEYPOINTS

FOOT_NAMES = (
  "l_big_toe",
  "l_small_toe",
  "l_heel",
  "r_big_toe",
  "r_small_toe",
  "r_heel",
)
FOOT_INDICES = tuple(keypoints.INDEX[name] for name in FOOT_NAMES)
HIDDEN_WEIGHT = 0.5  # of a joint whose place was guessed, as it is hidden
PERSON_CATEGORY = 1

_BOXES = ("face_box", "lefthand_box", "righthand_box")
_FACE = range(keypoints.FACE.start, keypoints.FACE.start + 68)
_LEFT_HAND = range(*keypoints.LEFT_HAND.indices(NUM_KEYPOINTS))
_RIGHT_HAND = range(*keypoints.RIGHT_HAND.indices(NUM_KEYPOINTS))
# Field, flag that it was annotated, places, and whether its third number is
# COCO's visibility (0, 1 hidden, 2 seen). That of face and hands is a
# confidence in [0, 1], which does not tell what is hidden.
_GROUPS = (
  ("keypoints", None, COCO_INDICES, True),
  ("foot_kpts", "foot_valid", FOOT_INDICES, True),
  ("face_kpts", "face_valid", tuple(_FACE), False),
  ("lefthand_kpts", "lefthand_valid", tuple(_LEFT_HAND), False),
  ("righthand_kpts", "righthand_valid", tuple(_RIGHT_HAND), False),
)


class CocoPerson(NamedTuple):
  """An annotated person of a photo."""

  image: Path  # the photo
  box: np.ndarray  # [4] left, top, width, height, pixels
  keypoints: np.ndarray  # [137, 2] pixels, 0 where not annotated, NaN where
  # a number of the annotation is not finite
  visibility: np.ndarray  # [137] 0 not annotated, 1 hidden or unknown, 2 seen
  weights: np.ndarray  # [137] in [0, 1]: 1 seen, HIDDEN_WEIGHT hidden; of face
  # and hands COCO-WholeBody's confidence
  polygons: tuple[np.ndarray, ...] = ()  # of the mask, [N, 2] pixels each
  part_boxes: np.ndarray = np.zeros((3, 4), np.float32)  # [3, 4] of face, left
  # and right hand, as `box`; without area where unknown


def _fill_midpoints(points, visibility, weights) -> None:
  """Neck and mid hip where both ends are annotated, in place."""
  for target, ends in keypoints.MIDPOINT_ROWS.items():
    if np.all(visibility[ends] > 0):
      points[target] = points[ends].mean(axis=0)
      visibility[target] = visibility[ends].min()
      weights[target] = weights[ends].min()


def parse_person(annotation: dict, image: Path) -> CocoPerson:
  """A person of an annotation file.

  Raises:
    KeyError: if it has no box.
    ValueError: if a list has not as many numbers as it should, or the box one
      that is not finite.
  """
  where = f"annotation {annotation.get('id')}"
  points = np.zeros((NUM_KEYPOINTS, 2), np.float32)
  visibility = np.zeros(NUM_KEYPOINTS, np.int32)
  weights = np.zeros(NUM_KEYPOINTS, np.float32)
  for name, flag, indices, graded in _GROUPS:
    if name not in annotation or not annotation.get(flag, True):
      continue
    values = _numbers(where, name, annotation[name], 3 * len(indices))
    values, rows = values.reshape(-1, 3), list(indices)
    finite = np.isfinite(values).all(axis=1, keepdims=True)
    values = np.where(finite, values, [np.nan, np.nan, 1.0])
    known = values[:, 2] > 0
    points[rows] = np.where(known[:, None], values[:, :2], 0.0)
    if graded:
      visibility[rows] = np.where(known, np.maximum(values[:, 2], 1), 0)
      weights[rows] = np.where(
        values[:, 2] >= 2, 1.0, np.where(known, HIDDEN_WEIGHT, 0.0)
      )
    else:
      visibility[rows] = known
      weights[rows] = np.clip(values[:, 2], 0.0, 1.0)
  _fill_midpoints(points, visibility, weights)
  box = _numbers(where, "bbox", annotation["bbox"], 4)
  if not np.isfinite(box).all():
    raise ValueError(f"{where}: bbox has numbers that are not finite")
  polygons = _polygons(where, annotation.get("segmentation"))
  parts = [_numbers(where, n, annotation.get(n, [0] * 4), 4) for n in _BOXES]
  return CocoPerson(
    image, box, points, visibility, weights, polygons, np.nan_to_num(parts)
  )


def _polygons(where: str, segmentation) -> tuple[np.ndarray, ...]:
  """Of a mask of polygons; none of one in run lengths, as crowds have."""
  if not isinstance(segmentation, list):
    return ()
  return tuple(
    _numbers(where, "segmentation", row, len(row) // 2 * 2).reshape(-1, 2)
    for row in segmentation
  )


def _numbers(where: str, name: str, values: list, number: int) -> np.ndarray:
  with np.errstate(over="ignore"):
    array = np.asarray(values, np.float32)
  if array.size != number:
    raise ValueError(
      f"{where}: {name} has {array.size} numbers, expected {number}"
    )
  return array


def read_photos(annotations: Path) -> list[WorkItem]:
  """The photos of a COCO annotation file with their annotations.

  Returns:
    An item for each photo that has annotations, in the order of the file: its
    file name, and as payload its size (None if not told) and the annotations.
    Those that name no photo come last, one item each, with the payload
    `(None, (annotation,))`.

  Raises:
    ValueError: if it is not such a file.
  """
  annotations = Path(annotations)
  try:
    content = annotated_photos.read_json(annotations)
    rows: dict[int, list[dict]] = {row["id"]: [] for row in content["images"]}
    stray = []
    for row in content["annotations"]:
      rows.get(row.get("image_id"), stray).append(row)
    items = [
      WorkItem(
        _file_name(image),
        ((image.get("width"), image.get("height")), tuple(rows[image["id"]])),
      )
      for image in content["images"]
      if rows[image["id"]]
    ]
  except (
    *(OSError, ValueError, KeyError, TypeError),
    *(AttributeError, OverflowError),
  ) as error:
    raise ValueError(
      f"{annotations}: not a COCO annotation file "
      f"({files.problem(error)}); expected JSON with images and "
      "annotations, each with image_id"
    ) from error
  return items + [
    WorkItem(files.one_line(f"annotation {row.get('id')}"), (None, (row,)))
    for row in stray
  ]


def _file_name(image: dict) -> str:
  name = image["file_name"]
  if not isinstance(name, str) or not name.isprintable():
    raise ValueError(f"a file_name is no text for a photo: {name!r:.50}")
  return name


@dataclass(frozen=True)
class CocoPeople:
  """COCO keypoints, or COCO-WholeBody: one record for each annotated person."""

  annotations: str  # the JSON file
  photo_dir: str  # folder of the photos
  name: str = "coco"  # "coco" or "coco_wholebody"
  only_present: bool = False  # leave out photos that are not in the folder
  margin: float = regions.DEFAULT_MARGIN  # region's side over the box's
  max_side: int = regions.DEFAULT_MAX_SIDE  # of the stored region, pixels

  def items(self) -> list[WorkItem]:
    """The photos; see `read_photos`.

    Raises:
      ValueError: if the annotation file cannot be used.
    """
    items = read_photos(Path(self.annotations))
    if self.only_present:
      return annotated_photos.existing(items, self.photo_dir)
    return items

  def convert(self, item: WorkItem) -> Iterator[PersonRecord | Skipped]:
    """The people of a photo; one that cannot be used is one `Skipped`."""
    size, rows = item.payload
    if size is None:
      problem = f"{item.key}: its image_id is not among the file's images"
      reason = "annotation without a photo"
      yield Skipped(item.key, reason, problem, damaged=True)
      return
    image = annotated_photos.open_photo(
      item.key,
      Path(self.photo_dir) / item.key,
      None if None in size else size,
    )
    if isinstance(image, Skipped):
      yield image
      return
    for row in rows:
      if row.get("category_id", PERSON_CATEGORY) == PERSON_CATEGORY:
        yield self._convert_person(item.key, row, image)

  def _convert_person(
    self, photo: str, row: dict, image: np.ndarray
  ) -> PersonRecord | Skipped:
    key = files.one_line(f"{Path(photo).stem}/{row.get('id')}")
    if row.get("iscrowd"):
      return Skipped(key, "crowd", f"{key}: a crowd, not a person", False)
    try:
      person = self.parse(row, Path(self.photo_dir) / photo)
      reason = self.reason_to_skip(row, person)
      if reason:
        return Skipped(key, reason, f"{key}: {reason}", damaged=False)
      record = PersonRecord(
        key=key,
        dataset=self.name,
        box=person.box,
        keypoints=np.column_stack([person.keypoints, person.weights]),
        visibility=(person.visibility == 2).astype(np.float32),
      )
      record = annotated_photos.with_region(
        record, image, self.margin, self.max_side
      )
      return self.add_labels(row, record)
    except (ValueError, KeyError, TypeError, OverflowError) as error:
      problem = f"{key}: {files.problem(error)}"
      return Skipped(key, "damaged annotation", problem, damaged=True)

  def parse(self, row: dict, image: Path) -> CocoPerson:
    """What an annotation tells; see `parse_person`."""
    return parse_person(row, image)

  def reason_to_skip(self, row: dict, person: CocoPerson) -> str:
    """Why the rules leave a person out; empty if they do not."""
    return "" if person.weights.any() else "no annotated keypoint"

  def add_labels(self, row: dict, record: PersonRecord) -> PersonRecord:
    """The record with what else the annotation tells; here it is as it was."""
    return record


def read_coco_keypoints(
  annotations: Path, images: Path | None = None
) -> list[CocoPerson]:
  """Reads the people of a COCO or COCO-WholeBody keypoint file.

  Crowds and people without an annotated keypoint are left out. The order of the
  137 differs from COCO's; neck and mid hip are midpoints.

  Args:
    annotations: the JSON file.
    images: folder of the photos; by default that of the JSON file.

  Returns:
    People photo by photo, in the order of the file.

  Raises:
    ValueError: if the file is not such a JSON file.
  """
  annotations = Path(annotations)
  folder = annotations.parent if images is None else Path(images)
  people = []
  for item in read_photos(annotations):
    size, rows = item.payload
    if size is None:
      raise ValueError(
        f"{annotations}: {item.key}: its image_id is not among the file's "
        "images; expected an annotated photo"
      )
    for row in rows:
      if row.get("iscrowd") or not row.get("num_keypoints"):
        continue
      try:
        person = parse_person(row, folder / item.key)
        if not np.isfinite(person.keypoints).all():
          raise ValueError(f"annotation {row.get('id')}: keypoints not finite")
        people.append(person)
      except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise ValueError(
          f"{annotations}: not a COCO keypoint file "
          f"({files.problem(error)}); expected people with keypoints"
        ) from error
  return people
