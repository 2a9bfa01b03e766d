"""Photos without any label as person records: what a detector says of them.

The paper's self-supervised regime needs images only: the keypoints K and the
foreground B are those of a detector, and L_u (Eq. 3) compares bodies with them.
"""

import dataclasses
import hashlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from hund_tf import files, locks
from hund_tf.body import keypoints as keypoint_table
from hund_tf.datasets.conversion import runners, shard, summary
from hund_tf.datasets.conversion.summary import Summary
from hund_tf.datasets.source import Skipped, WorkItem
from hund_tf.detection.interface import Detection
from hund_tf.options import check, option
from hund_tf.photos import people
from hund_tf.photos.listing import list_photos
from hund_tf.photos.loading import PhotoError
from hund_tf.records import regions, schema
from hund_tf.records.regions import Region
from hund_tf.records.schema import PersonRecord
from hund_tf.records.shards import Manifest

_SEEN = 0.3  # confidence of a keypoint that counts


@dataclasses.dataclass(frozen=True)
class LabelConfig:
  """How photos become records."""

  name: str = option(
    "photos", "Name of the dataset, and of its files.", name="label_name"
  )
  min_keypoints: int = option(
    6,
    "Keypoints of the body, of at most 25, that a person must show.",
    low=1,
    high=25,
  )
  shards: int = option(
    16,
    "Number of files that the records are spread over.",
    name="label_shards",
    low=1,
  )
  workers: int = option(
    1, "Number of processes that look for people.", name="label_workers", low=1
  )

  def __post_init__(self):
    check(self)
    if not self.name or "/" in self.name or self.name.startswith("."):
      raise ValueError(f"name: got {self.name!r}, expected the name of a file")


@dataclasses.dataclass(frozen=True)
class PhotoPeople:
  """A `DatasetSource` of photos: their people as a detector finds them."""

  name: str
  patterns: tuple[str, ...]  # photos, globs and folders
  finder: people.Finder = people.Finder()
  min_keypoints: int = 6  # of the body, with a confidence of 0.3
  margin: float = regions.DEFAULT_MARGIN
  max_side: int = regions.DEFAULT_MAX_SIDE
  listing: str = ""  # digest of the photos' names and states: `with_listing`

  def with_listing(self) -> "PhotoPeople":
    """The same with `listing`, so that other photos are another dataset.

    Raises:
      PhotoError: if a pattern gives no photo.
    """
    digest = hashlib.sha256()
    for path in self._paths():
      status = path.stat()
      state = f"{path} {status.st_size} {status.st_mtime_ns}\n"
      digest.update(state.encode())
    return dataclasses.replace(self, listing=digest.hexdigest()[:16])

  def _paths(self) -> list[Path]:
    found = list_photos(self.patterns)
    if found.errors:
      raise found.errors[0]
    return found.paths

  def items(self) -> list[WorkItem]:
    """A photo each, in the order of the patterns.

    Raises:
      PhotoError: if a pattern gives no photo.
    """
    paths = self._paths()
    stems = files.unique_stems(paths)
    return [
      WorkItem(stem, (str(path),))
      for stem, path in zip(stems, paths, strict=True)
    ]

  def convert(self, item: WorkItem) -> Iterator[PersonRecord | Skipped]:
    """The people of a photo."""
    path = item.payload[0]
    try:
      photo = self.finder(path)
    except PhotoError as error:
      yield Skipped(item.key, "damaged photo", str(error), damaged=True)
      return
    except ValueError as error:
      reason = "unusable camera, box or landmarks"
      yield Skipped(item.key, reason, people.named(error, path), damaged=True)
      return
    if not photo.detections:
      problem = f"{path}: no person found; give one that shows most of a person"
      yield Skipped(item.key, "no person found", problem, damaged=False)
    for number, person in enumerate(photo.detections):
      yield self._record(f"{item.key}/{number}", photo, person)

  def _record(
    self,
    key: str,
    photo: people.SeenPhoto,
    person: Detection,
  ) -> PersonRecord | Skipped:
    path, lens = photo.name, photo.camera
    seen = person.keypoints[keypoint_table.BODY, 2] >= _SEEN
    if seen.sum() < self.min_keypoints:
      problem = f"{path}: person {key} shows {seen.sum()} keypoints of the body"
      return Skipped(key, "few keypoints", problem, damaged=False)
    try:
      region = regions.person_region(
        photo.image, person.box, self.margin, self.max_side
      )
    except ValueError as error:
      return Skipped(key, "box outside the photo", f"{path}: {error}", True)
    intrinsics = np.concatenate(lens.intrinsics)
    return PersonRecord(
      key=key,
      dataset=self.name,
      **region._asdict(),
      intrinsics=regions.region_intrinsics(intrinsics, region),
      intrinsics_weight=float(lens.source != "default"),
      box=regions.region_box(person.box, region),
      detected=_in_region(person.keypoints, region),
      mask=_region_mask(person.mask, region),
      **_landmarks_3d(person),
    )


def _landmarks_3d(person: Detection) -> dict[str, np.ndarray]:
  """The field of a record, if the detector gives 3D landmarks."""
  if person.landmarks_3d is None:
    return {}
  return {"landmarks_3d": person.landmarks_3d}


def _in_region(points: np.ndarray, region: Region) -> np.ndarray:
  """Keypoints `[137, 3]` (x, y, confidence) of the photo, in the region."""
  known = points[:, 2] > 0
  moved = np.zeros_like(points)
  moved[known, :2] = regions.region_points(points[known, :2], region)
  moved[known, 2] = np.clip(points[known, 2], 0.0, 1.0)
  return moved


def _region_mask(mask: np.ndarray | None, region: Region) -> bytes:
  if mask is None:
    return b""
  bright = np.where(mask > 0, 255, 0).astype(np.uint8)
  return regions.encode_png(
    regions.region_labels(bright, region, schema.UNKNOWN_MASK)
  )


def label_photos(
  source: PhotoPeople,
  folder: Path,
  shards: int = 16,
  workers: int = 1,
  progress: Callable[[int, int], object] = lambda done, total: None,
) -> tuple[Manifest, Summary]:
  """Makes the records of photos; goes on where it was stopped.

  Args:
    source: the photos.
    folder: for the shards, the manifest and the report; made if missing.
    shards: files that the records are spread over, at most one a photo.
    workers: processes.
    progress: called with the number of shards that are done and to make.

  Raises:
    ValueError: if a pattern gives no photo, the folder cannot be written to,
      or no photo gives a record; names the first problems.
  """
  folder = files.prepare_output_dir(folder).absolute()
  source = source.with_listing()
  number = max(1, min(shards, len(source.items())))
  job = shard.make_job(source, folder, number)
  with locks.only_writer(folder, job.source.name):
    todo = runners.prepare(job)
    done = iter(range(1, len(todo) + 1))
    progress(0, len(todo))
    runners.run_local(
      job, todo, workers, lambda: progress(next(done), len(todo))
    )
    result = summary.summarize(job)
    summary.write_report(folder, result)
    # However many photos are damaged, the others can be trained on.
    return summary.finish(job, result, max_bad_fraction=1.0), result


def problems(result: Summary) -> Sequence[str]:
  """One line for each of the first photos that were left out."""
  return [line for lines in result.named.values() for line in lines]
