"""One shard: its photos are read, reconstructed and written.

Beside the tables it leaves shard-STEM.json, `ShardReport`, which is written
last: a shard that has it is done.
"""

import dataclasses
import hashlib
import json
import os
import shutil
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np

from hund_tf import files
from hund_tf.bulk import meshes, reading, tables
from hund_tf.bulk.config import BulkConfig
from hund_tf.bulk.listing import Shard
from hund_tf.bulk.model import PLAIN, WITH_MESH, PeopleModel
from hund_tf.bulk.reading import Photo

FORMAT = 1  # of the tables


@dataclasses.dataclass(frozen=True)
class Job:
  """All shards have this in common; can be pickled, for other machines."""

  config: BulkConfig
  folder: str  # of the results, absolute
  shards: int  # number of them
  fingerprint: str  # of the model

  def stem(self, index: int) -> str:
    """What the files of a shard are numbered by."""
    return f"{index:05d}-of-{self.shards:05d}"

  def report_path(self, index: int) -> Path:
    """The file that tells that a shard is done."""
    return Path(self.folder) / f"shard-{self.stem(index)}.json"


class ShardReport(NamedTuple):
  """What became of a shard."""

  digest: str  # of what made it
  model: str  # fingerprint
  inputs: list[list]  # name, bytes and time of change (ns) of each
  files: dict[str, int]  # bytes of each table
  photos: int
  people: int
  bad: list[list[str]]  # photo and error
  qualities: list[int]  # people of quality 0 to 0.1, ... 0.9 to 1
  megabytes: float  # of photos read
  seconds: dict[str, float]  # load (of the model), read, model, write


def digest(job: Job, shard: Shard) -> tuple[str, list[list]]:
  """Digest of what makes the results of a shard, and its inputs' states."""
  config, inputs = job.config, []
  for name in shard.inputs:
    try:
      status = os.stat(name)
      inputs.append([files.printable(name), status.st_size, status.st_mtime_ns])
    except OSError:
      inputs.append([files.printable(name), -1, 0])
  made_by = (FORMAT, job.fingerprint, config.tables, config.with_glb)
  made_by += (config.image_feature, config.limits.photo_mb, inputs)
  return hashlib.sha256(json.dumps(made_by).encode()).hexdigest(), inputs


def finished(job: Job, shard: Shard) -> ShardReport | None:
  """The report of a shard if it is there, whole and of this job."""
  try:
    content = files.read_json(job.report_path(shard.index), 1000.0)
    report = ShardReport(**content)
    right = report.digest == digest(job, shard)[0]
    sizes = {
      name: (Path(job.folder) / name).stat().st_size for name in report.files
    }
  except (OSError, ValueError, TypeError):
    return None
  return report if right and sizes == report.files else None


def load_model(job: Job) -> PeopleModel:
  """The model of a job.

  Raises:
    ModelError: if it cannot be loaded.
    ValueError: if it is not the one that the job began with.
  """
  config = job.config
  signature = WITH_MESH if config.with_glb else PLAIN
  model = PeopleModel(config.people_model, signature)
  if model.fingerprint != job.fingerprint:
    raise ValueError(
      f"{files.printable(config.people_model)}: is another model here than "
      "where the run was started; give the same one to all machines"
    )
  return model


def make(job: Job, shard: Shard, model: PeopleModel) -> ShardReport:
  """Makes a shard, unless it is done; nothing half done has a final name.

  Raises:
    OutputError: if the files cannot be written.
  """
  done = finished(job, shard)
  if done is not None:
    return done
  folder, stem = Path(job.folder), job.stem(shard.index)
  made_by, inputs = digest(job, shard)
  job.report_path(shard.index).unlink(missing_ok=True)
  shutil.rmtree(folder / meshes.folder_name(stem), ignore_errors=True)
  work = _Work(job, stem, model)
  kinds = job.config.tables
  with tables.open_tables(folder, stem, kinds, model.columns) as writer:
    work.run(shard, writer)
  report = ShardReport(
    digest=made_by,
    model=job.fingerprint,
    inputs=inputs,
    files={
      name: (folder / name).stat().st_size
      for name in tables.table_files(stem, kinds)
    },
    photos=work.photos,
    people=work.people,
    bad=work.bad,
    qualities=work.qualities.tolist(),
    megabytes=work.megabytes,
    seconds={"load": model.seconds, **work.seconds},
  )
  model.seconds = 0.0  # counted once
  files.write_json(job.report_path(shard.index), report._asdict())
  return report


class _Work:
  """Goes through the photos of a shard and counts."""

  def __init__(self, job: Job, stem: str, model: PeopleModel):
    self._job, self._stem, self._model = job, stem, model
    self.photos = self.people = 0
    self.bad: list[list[str]] = []
    self.qualities = np.zeros(10, np.int64)
    self.megabytes = 0.0
    self.seconds = {"read": 0.0, "model": 0.0, "write": 0.0}
    self._since = time.perf_counter()

  def run(self, shard: Shard, writer: tables.TableWriter) -> None:
    """Reads, reconstructs and writes batch after batch."""
    config = self._job.config
    photos = (
      photo
      for name in shard.inputs
      for photo in reading.read(name, config.limits, config.image_feature)
    )
    for batch in reading.batches(photos, config.limits):
      self._took("read")
      good = [photo for photo in batch if not photo.error]
      found = self._model([photo.data for photo in good]) if good else {}
      self._took("model")
      self._write(batch, found, writer)
      self._took("write")
    self._took("read")

  def _write(
    self, batch: list[Photo], found: dict, writer: tables.TableWriter
  ) -> None:
    rows = tables.photo_rows(batch, found, self.photos)
    given = [
      row for row, photo in zip(rows, batch, strict=True) if not photo.error
    ]
    if "vertices" in found:
      faces = self._model.faces()
      folder = Path(self._job.folder)
      meshes.write(folder, self._stem, given, found["vertices"], faces)
    people = tables.people_columns(given, found, self._model.columns)
    writer.write(rows, people)
    self.photos += len(rows)
    self.people += len(people["row"])
    self.bad += [[r["photo"], r["error"]] for r in rows if r["error"]]
    self.megabytes += sum(len(photo.data) for photo in batch) / 1e6
    if "quality" in people:
      bins = np.histogram(people["quality"], 10, (0.0, 1.0))[0]
      self.qualities += bins

  def _took(self, step: str) -> None:
    now = time.perf_counter()
    self.seconds[step] += now - self._since
    self._since = now
