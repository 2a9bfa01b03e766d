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
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from hund_tf.compat import tf
from hund_tf.files import atomic_path
from hund_tf.options import option
from hund_tf.records import schema
from hund_tf.records.schema import PersonRecord

_FORMAT = "hund_tf person records"
_HEADER, _FOOTER = 12, 4  # bytes of TFRecord framing around the data


@dataclasses.dataclass(frozen=True)
class HeldOutConfig:
  """Which records models are judged by."""

  validation_records: str | None = option(
    None,
    "Manifest (or folder) of held-out person records; without it there is no "
    "validation on records.",
  )


class RecordError(ValueError):
  """A shard, an index or a record that cannot be used; names the file."""


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


def _index_path(path: Path) -> Path:
  return path.with_suffix(".index.npy")


def finished(path: Path, settings: str) -> ShardInfo | None:
  """What is in a shard if it is already there, whole and of these settings."""
  try:
    info = ShardInfo(**json.loads(path.with_suffix(".json").read_text()))
  except (OSError, ValueError, TypeError):
    return None
  whole = path.exists() and path.stat().st_size == info.bytes
  if whole and info.settings == settings and _index_path(path).exists():
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
          rows.append((offset + _HEADER, len(data), zlib.crc32(data)))
          offset += _HEADER + len(data) + _FOOTER
    except tf.errors.OpError as error:
      raise OSError(error.message) from error
    digest = _sha256(temporary)
  index = np.array(rows, np.int64).reshape(-1, 3)
  with atomic_path(_index_path(path)) as temporary, temporary.open("wb") as out:
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

  Raises:
    RecordError: if there is not one manifest, it is not one of ours, or a
      shard is missing or of another size.
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
    content = json.loads(path.read_text())
    shards = tuple(ShardInfo(**row) for row in content["shards"])
    version = content["version"]
    manifest = Manifest(
      path.parent, content["name"], shards, content["settings"]
    )
  except (OSError, ValueError, TypeError, KeyError) as error:
    raise RecordError(
      f"{path}: not a manifest of person records ({error}); expected the "
      "*.manifest.json that a program of this project wrote"
    ) from error
  if version != schema.SCHEMA_VERSION:
    raise RecordError(
      f"{path}: records of version {version}, expected {schema.SCHEMA_VERSION}"
    )
  for shard, file in zip(shards, manifest.paths(), strict=True):
    size = file.stat().st_size if file.exists() else None
    if size != shard.bytes:
      raise RecordError(
        f"{file}: {'missing' if size is None else f'{size} bytes'}, expected "
        f"{shard.bytes} bytes; make the dataset again"
      )
  return manifest


def verify(manifest: Manifest) -> None:
  """Compares the checksums of all shards.

  Raises:
    RecordError: naming the first file that was changed.
  """
  for shard, file in zip(manifest.shards, manifest.paths(), strict=True):
    if _sha256(file) != shard.sha256:
      raise RecordError(
        f"{file}: its sha256 is not that of the manifest; it was damaged or "
        "changed: make the dataset again"
      )


class ShardReader:
  """Records of a shard by their number."""

  def __init__(self, path: Path):
    """Opens a shard.

    Raises:
      RecordError: if the shard or its index cannot be read.
    """
    self.path = Path(path)
    try:
      self._index = np.load(_index_path(self.path))
      self._file = os.open(self.path, os.O_RDONLY)
    except (OSError, ValueError) as error:
      raise RecordError(
        f"{self.path}: cannot be opened with its index ({error}); make the "
        "dataset again"
      ) from error

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
      RecordError: if it was damaged.
      ValueError: if it is of another version.
    """
    return schema.decode(self.serialized(number))

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


def first_records(manifest: Manifest, count: int) -> list[bytes]:
  """The first records of a dataset as they are stored, or all of them.

  Raises:
    RecordError: if one of them is damaged.
  """
  records: list[bytes] = []
  for path in manifest.paths():
    reader = ShardReader(path)
    missing = count - len(records)
    records += [reader.serialized(i) for i in range(min(missing, len(reader)))]
    reader.close()
  return records
