"""Who is in photos, for the protocol `detection`: boxes or keypoints.

A list of boxes is JSON, with paths relative to the folder of the photos and
boxes [left, top, width, height] in pixels:

    {"bus.jpg": {"people": [[50, 400, 190, 500]], "ignored": []}}

`ignored` are regions in which nothing counts: people that cannot be told apart,
hidden ones, pictures of people.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from hund_tf.datasets import coco, mpii
from hund_tf.evaluation.annotated_people import read_list
from hund_tf.types import NUM_KEYPOINTS

_EXPECTED = (
  'expected {"photo.jpg": {"people": [[left, top, width, height], ...], '
  '"ignored": [...]}, ...}'
)
_EVERYTHING = np.array([[0.0, 0.0, 1e6, 1e6]])  # a region, pixels


class PhotoTruth(NamedTuple):
  """The N people of a photo."""

  photo: Path
  boxes: np.ndarray  # [N, 4] left, top, width, height, pixels
  ignored: np.ndarray  # [M, 4] regions in which nothing counts
  keypoints: np.ndarray  # [N, 137, 3] x, y, pixels, and 1 where annotated, or
  # 0; without annotated keypoints people are matched by their boxes


def read_boxes(path: Path, photo_dir: Path | None = None) -> list[PhotoTruth]:
  """Reads a list of boxes; `path` and `photo_dir` are those of `read_list`.

  Raises:
    ValueError: of one line, if it is not such a list.
  """
  content, folder = read_list(path, photo_dir, _EXPECTED)
  if not isinstance(content, dict) or not content:
    raise ValueError(f"{path}: is no list of photos; {_EXPECTED}")
  photos = []
  for name, entry in content.items():
    if not isinstance(entry, dict) or "people" not in entry:
      raise ValueError(f"{path}: {name!r} has no people; {_EXPECTED}")
    boxes = _boxes(path, name, entry["people"])
    photos.append(
      PhotoTruth(
        photo=folder / name,
        boxes=boxes,
        ignored=_boxes(path, name, entry.get("ignored", [])),
        keypoints=np.zeros([len(boxes), NUM_KEYPOINTS, 3], np.float32),
      )
    )
  return photos


def _boxes(path: Path, name: str, rows: Any) -> np.ndarray:
  if rows == []:
    return np.zeros([0, 4], np.float32)
  try:
    boxes = np.array(rows, np.float32)
  except (TypeError, ValueError):
    boxes = np.zeros(0)
  if boxes.shape[1:] != (4,) or not (boxes[:, 2:] > 0).all():
    raise ValueError(
      f"{path}: {name!r} has {rows!r}, which are no boxes; {_EXPECTED}"
    )
  return boxes


def read_keypoints(
  annotations: Path, photo_dir: Path | None = None
) -> list[PhotoTruth]:
  """Reads a COCO keypoint file, or MPII's list of people.

  Of COCO, crowds and people without an annotated keypoint are ignored regions.
  MPII annotates some of the people of a photo only, so that nobody else is a
  ghost: the whole photo is ignored.

  Args:
    annotations: the JSON file.
    photo_dir: folder of the photos; by default that of the file.

  Raises:
    ValueError: of one line, if it is not such a file.
  """
  annotations = Path(annotations)
  if mpii.is_mpii(annotations):
    people = mpii.read_mpii(annotations, photo_dir)
    return [
      _photo(photo, [p for p in people if p.image == photo], _EVERYTHING)
      for photo in dict.fromkeys(person.image for person in people)
    ]
  folder = annotations.parent if photo_dir is None else Path(photo_dir)
  photos = []
  for item in coco.read_photos(annotations):
    _, rows = item.payload
    people, ignored = [], []
    for row in rows:
      try:
        person = coco.parse_person(row, folder / item.key)
      except (KeyError, TypeError, ValueError) as error:
        raise ValueError(
          f"{annotations}: annotation {row.get('id')} cannot be used "
          f"({type(error).__name__}: {error}); expected COCO keypoints"
        ) from error
      crowd = row.get("iscrowd") or not person.visibility.any()
      (ignored if crowd else people).append(person)
    regions = np.array([p.box for p in ignored]).reshape(-1, 4)
    photos.append(_photo(folder / item.key, people, regions))
  return photos


def _photo(
  photo: Path, people: Sequence[coco.CocoPerson], ignored: np.ndarray
) -> PhotoTruth:
  return PhotoTruth(
    photo=photo,
    boxes=np.array([p.box for p in people]).reshape(-1, 4),
    ignored=ignored,
    keypoints=np.array(
      [np.column_stack([p.keypoints, p.visibility > 0]) for p in people]
    ).reshape(-1, NUM_KEYPOINTS, 3),
  )
