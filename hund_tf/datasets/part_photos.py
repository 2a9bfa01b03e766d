"""Photos of one hand or one face, in COCO's form of annotations.

Collections that train networks of hands and faces share data sets so: FreiHAND
with 21 keypoints of right hands, 300-W (C. Sagonas et al., "300 Faces in-the-
Wild Challenge", ICCVW 2013) with the 68 of iBUG. Both have our order. An
annotation is of a person of whom only that part is known, and its box is the
part's.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hund_tf import files
from hund_tf.body import keypoints
from hund_tf.datasets import coco
from hund_tf.datasets.coco import CocoPeople, CocoPerson
from hund_tf.types import NUM_KEYPOINTS

FACE_68 = slice(keypoints.FACE.start, keypoints.FACE.start + 68)
# Rows by the number of keypoints, and the part's row among `part_boxes`.
_ROWS = {21: (keypoints.RIGHT_HAND, 2), 68: (FACE_68, 0)}


def parse_part(annotation: dict, image: Path) -> CocoPerson:
  """The hand or face of an annotation.

  Raises:
    KeyError: if it has no box or no keypoints.
    ValueError: if they are of another number, or the box has one that is not
      finite.
  """
  where = f"annotation {annotation.get('id')}"
  with np.errstate(over="ignore"):
    values = np.asarray(annotation["keypoints"], np.float32).reshape(-1)
    box = np.asarray(annotation["bbox"], np.float32)
  rows, part = _ROWS.get(len(values) // 3, (None, 0))
  if rows is None or len(values) % 3:
    raise ValueError(
      f"{where}: keypoints has {len(values)} numbers, expected 63 of a hand or "
      "204 of a face"
    )
  if box.shape != (4,) or not np.isfinite(box).all():
    raise ValueError(f"{where}: bbox is not four finite numbers")
  values = values.reshape(-1, 3)
  known = ~(values[:, 2] <= 0)
  points = np.zeros((NUM_KEYPOINTS, 2), np.float32)
  visibility = np.zeros(NUM_KEYPOINTS, np.int32)
  points[rows] = np.where(known[:, None], values[:, :2], 0.0)
  visibility[rows] = known
  part_boxes = np.zeros((3, 4), np.float32)
  part_boxes[part] = box
  weights = visibility.astype(np.float32)
  return CocoPerson(
    image, box, points, visibility, weights, part_boxes=part_boxes
  )


@dataclass(frozen=True)
class PartPhotos(CocoPeople):
  """One record for each annotated hand or face."""

  def parse(self, row: dict, image: Path) -> CocoPerson:
    """What an annotation tells; see `parse_part`."""
    return parse_part(row, image)


def is_of_parts(rows: Sequence[dict]) -> bool:
  """Whether annotations are of hands or faces alone, by the first of them.

  False also for what are no annotations.
  """
  try:
    return len(rows[0]["keypoints"]) // 3 in _ROWS
  except (IndexError, KeyError, TypeError):
    return False


def read_part_photos(
  annotations: Path, images: Path | None = None
) -> list[CocoPerson]:
  """Reads the hands or faces of a file.

  Args:
    annotations: the JSON file.
    images: folder of the photos; by default that of the JSON file.

  Raises:
    ValueError: if the file is not such a JSON file.
  """
  annotations = Path(annotations)
  folder = annotations.parent if images is None else Path(images)
  try:
    people = [
      parse_part(row, folder / item.key)
      for item in coco.read_photos(annotations)
      if item.payload[0] is not None
      for row in item.payload[1]
    ]
    if not all(np.isfinite(person.keypoints).all() for person in people):
      raise ValueError("keypoints are not finite")
    return people
  except (KeyError, TypeError, ValueError, OverflowError) as error:
    raise ValueError(
      f"{annotations}: not a file of hands or faces ({files.problem(error)})"
    ) from error
