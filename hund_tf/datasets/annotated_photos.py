"""What readers of annotated photos share: the photo, and a person's record."""

import functools
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from hund_tf import files
from hund_tf.datasets.region_fields import region_fields
from hund_tf.datasets.source import Skipped, WorkItem
from hund_tf.geometry import camera
from hund_tf.photos.loading import PhotoError, load_photo
from hund_tf.records import regions
from hund_tf.records.schema import PersonRecord

LARGEST_JSON_MB = 4000.0  # of the annotations of a dataset
_FILES_KEPT = 3  # as many as a dataset's annotations consist of


@functools.lru_cache(maxsize=_FILES_KEPT)
def _load_json(path: str, size: int, modified: int) -> dict:
  return files.read_json(path, LARGEST_JSON_MB, only_finite=False)


def read_json(path: Path) -> dict:
  """A JSON file; the last three are kept, as shards read the same ones.

  Raises:
    OSError: if there is no such file.
    JsonError: if it is not JSON.
  """
  status = path.stat()
  return _load_json(str(path), status.st_size, status.st_mtime_ns)


def existing(items: Iterable[WorkItem], folder: str) -> list[WorkItem]:
  """Those items whose key is the name of a photo that is in the folder."""
  return [item for item in items if (Path(folder) / item.key).exists()]


def open_photo(
  key: str, path: Path, size: tuple[int, int] | None = None
) -> np.ndarray | Skipped:
  """The pixels `[H, W, 3]` of a photo, or why it cannot be used.

  Args:
    key: names the photo in what is skipped.
    path: of the file.
    size: width and height for which the photo is annotated, if known.
  """
  try:
    image = load_photo(path)
  except PhotoError as error:
    reason = "damaged photo" if path.exists() else "missing photo"
    return Skipped(key, reason, str(error), damaged=True)
  height, width = image.shape[:2]
  if size is not None and (width, height) != size:
    problem = (
      f"{path}: {width} x {height} pixels, its annotations are for "
      f"{files.one_line(f'{size[0]} x {size[1]}')}; give the photo of the "
      "dataset"
    )
    return Skipped(key, "photo of another size", problem, damaged=True)
  return image


def with_region(
  record: PersonRecord, image: np.ndarray, margin: float, max_side: int
) -> PersonRecord:
  """Stores the region of the photo around a person.

  Args:
    record: box, keypoints and intrinsics in photo pixels; intrinsics of weight
      0 become the assumed ones of the photo, f = max(H, W).
    image: `[H, W, 3]` uint8, the photo.
    margin: side of the region over the longer side of the box.
    max_side: largest stored side, pixels.

  Returns:
    The record with its image, all in pixels of that.

  Raises:
    ValueError: if the box has no area within the photo.
  """
  region = regions.person_region(image, record.box, margin, max_side)
  known = record.intrinsics_weight
  intrinsics = record.intrinsics
  if known == 0:
    intrinsics = np.concatenate(camera.default_intrinsics(*image.shape[:2]))
  fields = region_fields(region, intrinsics, record.box, record.keypoints)
  return record._replace(**fields | {"intrinsics_weight": known})
