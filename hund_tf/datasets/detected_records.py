"""Person records with what the detector says of them, beside their truth.

The detector looks at the stored image, in the record's box. What was known of
the person stays; `detected`, `mask` and `landmarks_3d` are the detector's.
"""

import dataclasses
import functools
import io
import itertools
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from hund_tf import files, locks
from hund_tf.datasets.conversion import runners, shard, summary
from hund_tf.datasets.conversion.summary import Summary
from hund_tf.datasets.source import Skipped, WorkItem
from hund_tf.detection.detector import PeopleDetector
from hund_tf.detection.interface import Detection
from hund_tf.options import check, option
from hund_tf.records import regions, schema, shards
from hund_tf.records.regions import Region
from hund_tf.records.schema import PersonRecord
from hund_tf.records.shards import Manifest

_TOGETHER = 16  # photos that the detector looks at together


@dataclasses.dataclass(frozen=True)
class DetectConfig:
  """Which records are looked at, and how many."""

  records: str = option(
    "",
    "Folder or manifest of the person records, with images, whose people are "
    "looked at.",
    name="looked_at_records",
  )
  people: int = option(
    0,
    "People that are looked at, as many of each shard; 0: all.",
    name="looked_at_people",
    low=0,
  )
  workers: int = option(
    1, "Number of processes that look at people.", name="look_workers", low=1
  )

  def __post_init__(self):
    check(self)


@dataclasses.dataclass(frozen=True)
class DetectedRecords:
  """A `DatasetSource` of records: each shard of theirs is an item.

  Attributes:
    manifest: path of the records' manifest.
    people: of each shard, the first ones; 0: all.
  """

  manifest: str
  people: int = 0

  @property
  def name(self) -> str:
    """Of the records."""
    return self._manifest().name

  def _manifest(self) -> shards.Manifest:
    return shards.read_manifest(Path(self.manifest))

  def items(self) -> list[WorkItem]:
    """The shards of the records.

    Raises:
      RecordError: if the manifest cannot be used.
    """
    return [
      WorkItem(path.stem, (str(path),)) for path in self._manifest().paths()
    ]

  def convert(self, item: WorkItem) -> Iterator[PersonRecord | Skipped]:
    """The records of a shard as the detector sees them.

    A record without a box or image is left out, and so is one in whose box
    nobody is found.
    """
    records = iter(shards.ShardReader(Path(item.payload[0])))
    records = itertools.islice(records, self.people or None)
    while batch := list(itertools.islice(records, _TOGETHER)):
      yield from _looked_at(batch)


def detect(
  config: DetectConfig,
  folder: Path,
  progress: Callable[[int, int], object] = lambda done, total: None,
) -> tuple[Manifest, Summary]:
  """Writes the records; goes on where it was stopped.

  Args:
    config: which are looked at.
    folder: for as many shards, the manifest and the report; made if missing.
    progress: called with the number of shards that are done and to make.

  Raises:
    ValueError: if there are no records to be read, they lie in `folder`, or it
      cannot be written to.
  """
  if not config.records:
    raise ValueError("--looked_at_records: got none, expected a folder")
  read = shards.read_manifest(Path(config.records))
  folder = files.prepare_output_dir(folder).absolute()
  if read.folder.absolute() == folder:
    raise ValueError(
      f"--output_dir: got {folder}, the folder of the records that are looked "
      "at; expected another one"
    )
  path = read.folder.absolute() / f"{read.name}.manifest.json"
  each = -(-config.people // len(read.shards))
  source = DetectedRecords(str(path), each)
  job = shard.make_job(source, folder, len(read.shards))
  with locks.only_writer(folder, job.source.name):
    todo = runners.prepare(job)
    done = iter(range(1, len(todo) + 1))
    progress(0, len(todo))
    runners.run_local(
      job, todo, config.workers, lambda: progress(next(done), len(todo))
    )
    result = summary.summarize(job)
    summary.write_report(folder, result)
    return summary.finish(job, result, max_bad_fraction=1.0), result


@functools.cache
def _detector() -> PeopleDetector:
  return PeopleDetector()


def _looked_at(
  records: Iterable[PersonRecord],
) -> Iterator[PersonRecord | Skipped]:
  """Records with what the detector says of them, in their order."""
  usable, images, places = [], [], []
  for record in records:
    try:
      image = np.asarray(Image.open(io.BytesIO(record.image)).convert("RGB"))
      place = photo_place(record)
      if not (record.box[2:] > 0).all():
        raise ValueError("it has no box")
    except (OSError, ValueError) as error:
      problem = f"{record.key}: cannot be looked at ({error})"
      yield Skipped(record.key, "no image or box", problem, damaged=True)
      continue
    left, top, width, height = place
    images.append(image[top : top + height, left : left + width])
    usable.append(record)
    places.append(place)
  boxes = [
    [record.box - [*place[:2], 0, 0]]
    for record, place in zip(usable, places, strict=True)
  ]
  found = _detector().detect_photos(images, boxes, max_people=1)
  for record, place, people in zip(usable, places, found, strict=True):
    if people:
      yield with_detection(record, place, people[0])
    else:
      problem = f"{record.key}: nobody is found in its box"
      yield Skipped(record.key, "nobody found", problem, damaged=False)


def photo_place(record: PersonRecord) -> tuple[int, int, int, int]:
  """Where the stored image shows the photo: left, top, width, height, pixels.

  A detector sees a photo and nothing beyond its border, so that what the
  region has there, black, is not to be shown to it. A record that does not
  tell its photo's size tells the border by its part labels, if it has any.

  Raises:
    ValueError: if the image shows nothing of the photo.
  """
  width, height = (int(value) for value in record.image_size)
  known = np.ones([height, width], bool)
  if record.photo_size.all():
    photo = np.ones([int(value) for value in record.photo_size[::-1]], np.uint8)
    known = regions.region_labels(photo, _region(record)) > 0
  elif record.part_labels:
    labels = np.asarray(Image.open(io.BytesIO(record.part_labels)))
    known = labels != schema.UNKNOWN_PART
  rows, columns = (np.flatnonzero(known.any(axis)) for axis in (1, 0))
  if not rows.size:
    raise ValueError("its image shows nothing of the photo")
  left, top = int(columns[0]), int(rows[0])
  return left, top, int(columns[-1]) + 1 - left, int(rows[-1]) + 1 - top


def _region(record: PersonRecord) -> Region:
  return Region(*(getattr(record, name) for name in Region._fields))


def with_detection(
  record: PersonRecord, place: tuple[int, int, int, int], person: Detection
) -> PersonRecord:
  """The record with a detection.

  Args:
    record: of the person.
    place: of the photo in its image; see `photo_place`.
    person: as found in that part of the image.
  """
  left, top, width, height = place
  detected = person.keypoints.copy()
  detected[:, :2] += np.where(detected[:, 2:] > 0, [left, top], 0)
  spatial = person.landmarks_3d
  if spatial is None:
    spatial = np.zeros_like(record.landmarks_3d)
  encoded = b""
  if person.mask is not None:
    size = [int(value) for value in record.image_size[::-1]]
    mask = np.full(size, schema.UNKNOWN_MASK, np.uint8)
    mask[top : top + height, left : left + width] = 255 * (person.mask > 0)
    encoded = regions.encode_png(mask)
  return record._replace(detected=detected, mask=encoded, landmarks_3d=spatial)
