"""OpenImages: boxes around people.

https://storage.googleapis.com/openimages/web/factsfigures_v7.html: a CSV file
with a header, one box a row, its corners as fractions of the photo's sides.
"""

import csv
import functools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hund_tf import files
from hund_tf.datasets import annotated_photos
from hund_tf.datasets.source import Skipped, WorkItem
from hund_tf.records import regions
from hund_tf.records.schema import PersonRecord

PERSON_CLASSES = {
  "/m/01g317": "person",
  "/m/04yx4": "man",
  "/m/03bt1vf": "woman",
  "/m/01bl7v": "boy",
  "/m/05r655": "girl",
}
_CORNERS = ("XMin", "YMin", "XMax", "YMax")
# Flag of a row that is not a person's box, and what it says.
_LEFT_OUT = {
  "IsGroupOf": "group of people",
  "IsDepiction": "depiction",
  "IsInside": "seen from inside",
}
_LARGEST_MB = 4000.0  # the largest list of boxes has 2,300
_COLUMNS = ("ImageID", "LabelName", *_CORNERS)


@functools.lru_cache(maxsize=1)
def _read(path: str, size: int, modified: int) -> tuple[WorkItem, ...]:
  """The photos with people, in the order of the file."""
  photos: dict[str, list[tuple]] = {}
  with open(path, newline="", encoding="utf-8") as file:
    reader = csv.DictReader(file)
    missing = [n for n in _COLUMNS if n not in (reader.fieldnames or ())]
    if missing:
      raise ValueError(f"no column {', '.join(missing)}")
    for line, row in enumerate(reader, start=2):
      if row["LabelName"] not in PERSON_CLASSES:
        continue
      flags = tuple(n for n in _LEFT_OUT if (row.get(n) or "").strip() == "1")
      corners = tuple(row[name] for name in _CORNERS)
      photos.setdefault(row["ImageID"], []).append((line, corners, flags))
  return tuple(
    WorkItem(f"{photo}.jpg", tuple(rows)) for photo, rows in photos.items()
  )


@dataclass(frozen=True)
class OpenImages:
  """OpenImages: one record for each box of a person, a man, a woman, ..."""

  annotations: str  # the CSV file of boxes
  photo_dir: str  # folder of the photos, ImageID.jpg
  name: str = "openimages"
  only_present: bool = False  # leave out photos that are not in the folder
  margin: float = regions.DEFAULT_MARGIN  # region's side over the box's
  max_side: int = regions.DEFAULT_MAX_SIDE  # of the stored region, pixels

  def items(self) -> list[WorkItem]:
    """The photos with people; the payload are the rows of their boxes.

    Raises:
      ValueError: if the CSV file cannot be used.
    """
    path = Path(self.annotations)
    try:
      files.check_size(path, _LARGEST_MB)
      status = path.stat()
      items = _read(str(path), status.st_size, status.st_mtime_ns)
    except (OSError, ValueError, csv.Error) as error:
      raise ValueError(
        f"{path}: not an OpenImages box file ({files.problem(error)}); "
        "expected CSV with the "
        f"columns {', '.join(_COLUMNS)}"
      ) from error
    if self.only_present:
      return annotated_photos.existing(items, self.photo_dir)
    return list(items)

  def convert(self, item: WorkItem) -> Iterator[PersonRecord | Skipped]:
    """The people of a photo."""
    image = annotated_photos.open_photo(
      files.one_line(item.key), Path(self.photo_dir) / item.key
    )
    if isinstance(image, Skipped):
      yield image
      return
    for row in item.payload:
      yield self._convert_box(item.key, row, image)

  def _convert_box(
    self, photo: str, row: tuple, image: np.ndarray
  ) -> PersonRecord | Skipped:
    line, corners, flags = row
    key = files.one_line(f"{Path(photo).stem}/{line}")
    if flags:
      reason = _LEFT_OUT[flags[0]]
      return Skipped(key, reason, f"{key}: {reason}", damaged=False)
    height, width = image.shape[:2]
    try:
      record = PersonRecord(
        key=key, dataset=self.name, box=_box(corners, width, height)
      )
      return annotated_photos.with_region(
        record, image, self.margin, self.max_side
      )
    except (ValueError, TypeError) as error:
      problem = f"{self.annotations}: line {line}: {files.problem(error)}"
      return Skipped(key, "damaged annotation", problem, damaged=True)


def _box(corners: tuple[str, ...], width: int, height: int) -> np.ndarray:
  """`[4]` pixels of fractions left, top, right, bottom."""
  x0, y0, x1, y1 = (float(value) for value in corners)
  if not (0 <= x0 < x1 <= 1 and 0 <= y0 < y1 <= 1):
    raise ValueError(
      f"XMin, YMin, XMax, YMax are {', '.join(corners)}; expected fractions "
      "in [0, 1], the first two below the last two"
    )
  return np.array(
    [x0 * width, y0 * height, (x1 - x0) * width, (y1 - y0) * height],
    np.float32,
  )
