"""One shard of a conversion: the unit of work, wherever it runs.

Shard i of n has the items i, i + n, i + 2n, ... of the dataset. Beside the
files of `hund_tf.records.shards` it leaves NAME-i-of-n.report.json: what
was left out, with names.
"""

import dataclasses
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from hund_tf import files
from hund_tf.body import keypoints as table
from hund_tf.datasets.label_bounds import without_far_labels
from hund_tf.datasets.source import DatasetSource, Skipped
from hund_tf.records import schema, shards
from hund_tf.records.schema import PersonRecord
from hund_tf.records.shards import ShardInfo

EXAMPLES = 5  # inputs that are named, of each reason and shard


@dataclass(frozen=True)
class Job:
  """A conversion; can be pickled, for other processes and machines."""

  source: DatasetSource
  folder: str  # where the shards go
  shards: int  # number of them
  max_items: int = 0  # convert the first so many only; 0: all
  digest: str = ""  # of what makes the records; see `make_job`

  def path(self, index: int) -> Path:
    """The TFRecord file of a shard."""
    return shards.shard_path(
      Path(self.folder), self.source.name, index, self.shards
    )

  def items(self) -> list:
    """What is converted.

    Raises:
      ValueError: if the dataset cannot be used.
    """
    return self.source.items()[: self.max_items or None]


class ShardReport(NamedTuple):
  """What became of a shard's inputs."""

  items: int  # work items of the shard
  damaged: float  # sum over the items of the share of each that is damaged
  counts: dict[str, int]  # of the records that hold something
  skipped: tuple[Skipped, ...]  # the first few of each reason
  far_labels: dict[str, int]  # of each kind: see `without_far_labels`


def settings(job: Job) -> dict:
  """What makes the records: the reader's settings and its files' states."""
  fields = dataclasses.asdict(job.source)
  files = {}
  more = {str(path): path for path in getattr(job.source, "more_files", ())}
  for name, value in (fields | more).items():
    if isinstance(value, str | Path) and Path(value).is_file():
      status = Path(value).stat()
      files[name] = [status.st_size, status.st_mtime_ns]
  return {
    "reader": type(job.source).__name__,
    **fields,
    "files": files,
    "shards": job.shards,
    "max_items": job.max_items,
    "schema_version": schema.SCHEMA_VERSION,
  }


def make_job(
  source: DatasetSource, folder: Path, number: int, max_items: int = 0
) -> Job:
  """A conversion into `number` shards; see `Job`."""
  job = Job(source, str(folder), number, max_items)
  return dataclasses.replace(job, digest=shards.settings_digest(settings(job)))


def _report_path(path: Path) -> Path:
  return path.with_suffix(".report.json")


def finished(job: Job, index: int) -> tuple[ShardInfo, ShardReport] | None:
  """What is in a shard if it is there, whole and of this job."""
  path = job.path(index)
  info = shards.finished(path, job.digest)
  if info is None:
    return None
  try:
    report = ShardReport(**files.read_json(_report_path(path)))
    skipped = tuple(Skipped(*row) for row in report.skipped)
  except (OSError, ValueError, TypeError):
    return None
  return info, report._replace(skipped=skipped)


def discard(job: Job, index: int) -> None:
  """Makes a shard count as not done."""
  job.path(index).with_suffix(".json").unlink(missing_ok=True)


def convert_shard(job: Job, index: int) -> ShardInfo:
  """Makes a shard, unless it is there already.

  Damaged inputs are left out and reported; nothing is left of the shard if
  the process dies.

  Raises:
    ValueError: if the dataset cannot be used, or the shard not be written.
  """
  done = finished(job, index)
  if done is not None:
    return done[0]
  skipped: dict[str, int] = {}
  return shards.write_shard(
    job.path(index), _records(job, index, skipped), job.digest, skipped
  )


def _records(
  job: Job, index: int, skipped: dict[str, int]
) -> Iterator[PersonRecord]:
  """The records of a shard; fills `skipped` and writes the report."""
  counts: Counter[str] = Counter()
  far_labels: Counter[str] = Counter()
  examples: list[Skipped] = []
  damaged = 0.0
  items = job.items()[index :: job.shards]
  for item in items:
    good = bad = 0
    for result, far in _convert(job.source, item):
      if isinstance(result, PersonRecord):
        counts.update(contents(result))
        far_labels.update(far)
        good += 1
        yield result
        continue
      bad += result.damaged
      number = skipped[result.reason] = skipped.get(result.reason, 0) + 1
      if number <= EXAMPLES:
        examples.append(result)
    damaged += bad / max(1, good + bad)
  report = ShardReport(len(items), damaged, counts, tuple(examples), far_labels)
  with files.atomic_path(_report_path(job.path(index))) as temporary:
    temporary.write_text(json.dumps(report._asdict()), encoding="utf-8")


def _convert(
  source: DatasetSource, item
) -> Iterator[tuple[PersonRecord | Skipped, dict[str, int]]]:
  """The results of an item, and labels of each that were far outside.

  What the reader did not catch is damage, too.
  """
  try:
    for result in source.convert(item):
      far: dict[str, int] = {}
      if isinstance(result, PersonRecord):
        try:
          result, far = without_far_labels(result)
          result = schema.check(result)
        except ValueError as error:
          result = Skipped(result.key, "invalid record", str(error), True)
      yield result, far
  except (OSError, ValueError) as error:
    problem = f"{item.key}: {type(error).__name__}: {error}"
    yield Skipped(item.key, "unreadable input", problem, damaged=True), {}


def contents(record: PersonRecord) -> Iterator[str]:
  """Names of what a record holds, for counting."""
  groups = {
    "body keypoints": table.BODY,
    "face keypoints": table.FACE,
    "left hand keypoints": table.LEFT_HAND,
    "right hand keypoints": table.RIGHT_HAND,
  }
  known = {
    "image": record.image,
    "known intrinsics": record.intrinsics_weight > 0,
    **{
      name: np.any(record.keypoints[rows, 2] > 0)
      for name, rows in groups.items()
    },
    "detected keypoints": np.any(record.detected[:, 2] > 0),
    "parts": record.part_labels,
    "mask": record.mask,
    "3D joints": np.any(record.joint_weights > 0),
    "body state": record.state_weight > 0,
  }
  yield from (name for name, value in known.items() if value)
  if record.subject:
    yield f"subject {record.subject}"
