"""Sharded TFRecord files with checksums, random access and a manifest.

A dataset is a folder of

  NAME-00000-of-00004.tfrecord   records, plain TFRecord framing
  NAME-00000-of-00004.index.npy  [N, 3] int64: offset, length, CRC-32 of each
  NAME-00000-of-00004.json       `ShardInfo`; written last: the shard is done
  NAME.manifest.json             all shards; written when all are done

Shards are written under temporary names, so one that exists is whole, and a
program that is started again with the same settings makes only the others.
"""

import dataclasses
import hashlib
import json
import os
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from hund_tf.compat import tf
from hund_tf.files import atomic_path, problem, read_json
from hund_tf.json_text import shown
from hund_tf.options import check as option_check
from hund_tf.options import option
from hund_tf.records import integrity, schema
from hund_tf.records.integrity import FOOTER, HEADER, RecordError, index_path
from hund_tf.records.schema import PersonRecord

_FORMAT = "hund_tf person records"


@dataclasses.dataclass(frozen=True)
class DamageConfig:
  """What becomes of damaged records."""

  max_bad_fraction: float = option(
    0.01,
    "Share of damaged records that is left out; more of them stop the run.",
    name="max_bad_records",
    low=0.0,
    high=1.0,
  )
  verify: bool = option(
    False,
    "Read all records before the start and compare their checksums; counts and "
    "lengths are always compared.",
    name="verify_records",
  )

  def __post_init__(self):
    option_check(self)


@dataclasses.dataclass(frozen=True)
class HeldOutConfig:
  """Which records models are judged by."""

  validation_records: str | None = option(
    None,
    "Manifest (or folder) of held-out person records; without it there is no "
    "validation on records.",
  )


class ShardInfo(NamedTuple):
  """What is in a shard."""

  file: str
  count: int
  bytes: int
  sha256: str
  settings: str  # digest of what made it
  skipped: dict[str, int]  # reason: number of inputs that were left out


class Manifest(NamedTuple):
  """All shards of a dataset."""

  folder: Path
  name: str
  shards: tuple[ShardInfo, ...]
  settings: dict  # what made it

  @property
  def count(self) -> int:
    """Number of records."""
    return sum(shard.count for shard in self.shards)

  def paths(self) -> list[Path]:
    """The TFRecord files."""
    return [self.folder / shard.file for shard in self.shards]


def settings_digest(settings: dict) -> str:
  """Digest of settings; another one means other records."""
  text = json.dumps(settings, sort_keys=True, default=str)
  return hashlib.sha256(text.encode()).hexdigest()[:16]


def shard_path(folder: Path, name: str, index: int, number: int) -> Path:
  """The TFRecord file of a shard."""
  return Path(folder) / f"{name}-{index:05d}-of-{number:05d}.tfrecord"


def finished(path: Path, settings: str) -> ShardInfo | None:
  """What is in a shard if it is already there, whole and of these settings."""
  try:
    info = ShardInfo(**read_json(path.with_suffix(".json")))
  except (OSError, ValueError, TypeError):
    return None
  whole = path.exists() and path.stat().st_size == info.bytes
  if whole and info.settings == settings and index_path(path).exists():
    return info
  return None


def write_shard(
  path: Path,
  records: Iterable[PersonRecord],
  settings: str = "",
  skipped: dict[str, int] | None = None,
) -> ShardInfo:
  """Writes a shard with its index; nothing is left of it if that fails.

  Args:
    path: of the TFRecord file; see `shard_path`. Its folder is made.
    records: in their order.
    settings: digest of what makes them.
    skipped: counts of inputs that were left out; read after the last record,
      so that the maker of `records` can fill it.

  Raises:
    ValueError: if a record is not one.
    OutputError: if the files cannot be written.
  """
  rows, offset = [], 0
  with atomic_path(path) as temporary:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.with_suffix(".json").unlink(missing_ok=True)
    try:
      with tf.io.TFRecordWriter(str(temporary)) as writer:
        for record in records:
          data = schema.encode(record)
          writer.write(data)
          rows.append((offset + HEADER, len(data), zlib.crc32(data)))
          offset += HEADER + len(data) + FOOTER
    except tf.errors.OpError as error:
      raise OSError(error.message) from error
    digest = _sha256(temporary)
  index = np.array(rows, np.int64).reshape(-1, 3)
  with atomic_path(index_path(path)) as temporary, temporary.open("wb") as out:
    np.save(out, index)
  info = ShardInfo(
    path.name, len(rows), offset, digest, settings, dict(skipped or {})
  )
  with atomic_path(path.with_suffix(".json")) as temporary:
    temporary.write_text(json.dumps(info._asdict()))
  return info


def write_manifest(
  folder: Path,
  name: str,
  shards: Sequence[ShardInfo],
  settings: dict,
  summary: dict | None = None,
) -> Manifest:
  """Writes `NAME.manifest.json`, when all shards are done.

  Args:
    folder: of the shards.
    name: of the dataset.
    shards: all of them.
    settings: what made them.
    summary: counts and the like, for people who read the file.
  """
  content = {
    "format": _FORMAT,
    "version": schema.SCHEMA_VERSION,
    "name": name,
    "records": sum(shard.count for shard in shards),
    "settings": settings,
    "summary": summary or {},
    "shards": [shard._asdict() for shard in shards],
  }
  with atomic_path(Path(folder) / f"{name}.manifest.json") as temporary:
    temporary.write_text(json.dumps(content, indent=1, default=str))
  return Manifest(Path(folder), name, tuple(shards), settings)


def read_manifest(path: Path) -> Manifest:
  """Reads a manifest and checks that its files are there, of their sizes.

  Args:
    path: `NAME.manifest.json`, or the folder of one dataset.

  The counts and lengths in the manifest, beside the shards and in their indices
  must be the same, and those of the files; `verify` reads the files.

  Raises:
    RecordError: if there is not one manifest, it is not one of ours, or a
      shard or its index is missing or does not fit.
  """
  path = Path(path)
  if path.is_dir():
    found = sorted(path.glob("*.manifest.json"))
    if len(found) != 1:
      raise RecordError(
        f"{path}: {len(found)} manifests (*.manifest.json), expected one; give "
        "the manifest's path"
      )
    path = found[0]
  try:
    content = read_json(path)
    rows = content["shards"]
    for row in rows:
      integrity.check_row(row, path)
    shards = tuple(ShardInfo(**row) for row in rows)
    version = content["version"]
    total = content.get("records")
    manifest = Manifest(
      path.parent, content["name"], shards, content["settings"]
    )
  except RecordError:
    raise
  except (OSError, ValueError, TypeError, KeyError) as error:
    raise RecordError(
      f"{path}: not a manifest of person records ({problem(error)}); expected "
      "the *.manifest.json that a program of this project wrote"
    ) from error
  if version != schema.SCHEMA_VERSION:
    raise RecordError(
      f"{path}: records of version {shown(version)}, expected "
      f"{schema.SCHEMA_VERSION}"
    )
  if total not in (None, manifest.count):
    raise RecordError(
      f"{path}: {shown(total)} records, but its shards have {manifest.count}; "
      "make the dataset again"
    )
  integrity.check_all_there([shard.file for shard in shards], path)
  for shard, file in zip(shards, manifest.paths(), strict=True):
    integrity.check_shard(file, shard.count, shard.bytes)
    _check_info(file, shard)
  return manifest


def _check_info(path: Path, shard: ShardInfo) -> None:
  """Compares what is written beside a shard with the manifest, if it is."""
  beside = path.with_suffix(".json")
  try:
    found = read_json(beside)
    said = {name: found[name] for name in ("count", "bytes", "sha256")}
  except FileNotFoundError:
    return
  except (OSError, ValueError, TypeError, KeyError) as error:
    raise RecordError(
      f"{beside}: cannot be read ({problem(error)}); make the dataset again"
    ) from error
  for name, value in said.items():
    expected = getattr(shard, name)
    if value != expected:
      raise RecordError(
        f"{beside}: {name} is {shown(value)}, expected the {expected!r} of "
        "the manifest; make the dataset again"
      )


def verify(manifest: Manifest) -> None:
  """Compares the checksums of all shards and their records.

  Raises:
    RecordError: naming the first file that was changed.
  """
  for shard, file in zip(manifest.shards, manifest.paths(), strict=True):
    integrity.check_data(file, shard.sha256)


class ShardReader:
  """Records of a shard by their number."""

  def __init__(self, path: Path):
    """Opens a shard.

    Raises:
      RecordError: if the shard or its index cannot be read.
    """
    self.path = Path(path)
    self._index = integrity.read_index(self.path)
    try:
      self._file = os.open(self.path, os.O_RDONLY)
    except OSError as error:
      raise RecordError(f"{self.path}: cannot be opened ({error})") from error

  def __len__(self) -> int:
    return len(self._index)

  def serialized(self, number: int) -> bytes:
    """The bytes of a record.

    Raises:
      RecordError: if they were damaged; others can still be read.
    """
    offset, length, checksum = (int(value) for value in self._index[number])
    data = os.pread(self._file, length, offset)
    if zlib.crc32(data) != checksum:
      raise RecordError(f"{self.path}: record {number} is damaged")
    return data

  def record(self, number: int) -> PersonRecord:
    """A record.

    Raises:
      RecordError: if it was damaged or is of another version.
    """
    data = self.serialized(number)
    try:
      return schema.decode(data)
    except ValueError as error:
      raise RecordError(f"{self.path}: record {number}: {error}") from error

  def __iter__(self) -> Iterator[PersonRecord]:
    return (self.record(number) for number in range(len(self)))

  def close(self) -> None:
    """Closes the file."""
    if self._file >= 0:
      os.close(self._file)
      self._file = -1

  def __del__(self):
    self.close() if hasattr(self, "_file") else None


def read_records(manifest: Manifest) -> Iterator[PersonRecord]:
  """All records of a dataset in their order.

  Raises:
    RecordError: at a damaged record.
  """
  for path in manifest.paths():
    yield from ShardReader(path)


def _sha256(path: Path) -> str:
  with Path(path).open("rb") as file:
    return hashlib.file_digest(file, "sha256").hexdigest()


def first_records(
  manifest: Manifest,
  count: int,
  check: Callable[[bytes], None] = lambda data: None,
) -> list[bytes]:
  """The first records of a dataset as they are stored, or all of them.

  Args:
    manifest: of the dataset.
    count: number of records.
    check: raises a ValueError for a record that cannot be used.

  Raises:
    RecordError: if one of them is damaged or cannot be used.
  """
  records: list[bytes] = []
  for path in manifest.paths():
    reader = ShardReader(path)
    missing = count - len(records)
    some = [reader.serialized(i) for i in range(min(missing, len(reader)))]
    reader.close()
    for number, data in enumerate(some):
      try:
        check(data)
      except ValueError as error:
        raise RecordError(f"{path}: record {number}: {error}") from error
    records += some
  return records
