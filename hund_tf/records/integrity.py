"""Whether the files of shards fit together: counts, lengths and checksums."""

import hashlib
import os
import re
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from hund_tf.json_text import shown, shown_key

HEADER, FOOTER = 12, 4  # bytes of TFRecord framing around the data
_AGAIN = "make the dataset again"


class RecordError(ValueError):
  """A shard, an index or a record that cannot be used; names the file."""


def index_path(path: Path) -> Path:
  """The index of a TFRecord file."""
  return path.with_suffix(".index.npy")


def read_index(path: Path) -> np.ndarray:
  """The index of a shard: rows that lie in the file and do not overlap.

  Args:
    path: the TFRecord file.

  Returns:
    `[N, 3]` int64: offset, length and CRC-32 of each record.

  Raises:
    RecordError: if it cannot be read or does not fit the file.
  """
  try:
    size = path.stat().st_size
    # Mapped, a header that claims more than there is takes no memory.
    index = np.lib.format.open_memmap(index_path(path), mode="r")
  except Exception as error:  # of damaged headers numpy raises any kind
    raise RecordError(
      f"{path}: cannot be opened with its index ({error}); {_AGAIN}"
    ) from error
  if index.shape[1:] != (3,) or index.dtype != np.int64:
    raise RecordError(
      f"{index_path(path)}: holds {index.dtype} {index.shape}, expected int64 "
      f"[N, 3]; {_AGAIN}"
    )
  index = np.array(index)
  offsets, lengths = index[:, 0], index[:, 1]
  inside = (offsets >= HEADER) & (lengths >= 0)
  inside &= (offsets <= size) & (lengths <= size)
  if inside.all():  # now sums cannot overflow
    ends = np.concatenate([[0], offsets + lengths + FOOTER])
    inside = (ends[:-1] + HEADER == offsets) & (ends[1:] <= size)
  if not inside.all():
    row = int(np.argmin(inside))
    raise RecordError(
      f"{index_path(path)}: record {row} is said to be {lengths[row]} bytes at "
      f"{offsets[row]}, which does not fit the shard's {size} bytes; {_AGAIN}"
    )
  return index


def check_row(row: Any, where: Path) -> None:
  """Looks whether what a manifest says of a shard can be.

  Args:
    row: fields of `ShardInfo` by name.
    where: the file that says it.

  Raises:
    RecordError: naming the field.
  """
  if not isinstance(row, dict):
    raise RecordError(f"{where}: a shard is {shown(row)}, expected an object")
  file = row.get("file")
  if not isinstance(file, str) or Path(file).name != file or "\0" in file:
    raise RecordError(
      f"{where}: a shard's file is {shown(file)}, expected a name"
    )
  said = shown_key(file)
  for name in ("count", "bytes"):
    value = row.get(name)
    if type(value) is not int or not 0 <= value < 2**53:
      raise RecordError(
        f"{where}: {name} of {said} is {shown(value)}, expected a number of at "
        f"least 0; {_AGAIN}"
      )
  digest = row.get("sha256")
  if not isinstance(digest, str) or not re.fullmatch("[0-9a-f]{64}", digest):
    raise RecordError(
      f"{where}: sha256 of {said} is {shown(digest)}, expected 64 digits; "
      f"{_AGAIN}"
    )


def check_all_there(names: Sequence[str], where: Path) -> None:
  """Looks whether a manifest names all of the shards, each once.

  Raises:
    RecordError: if shards are missing or named twice.
  """
  if len(set(names)) < len(names):
    raise RecordError(f"{where}: a shard is named twice; {_AGAIN}")
  found = [re.search(r"-(\d{5,})-of-(\d{5,})\.tfrecord$", n) for n in names]
  total = {int(match[2]) for match in found if match}
  if total and (None in found or total != {len(names)}):
    raise RecordError(
      f"{where}: it names {len(names)} shards of {max(total)}; {_AGAIN}"
    )


def check_shard(path: Path, count: int, size: int) -> None:
  """Compares a shard and its index with what the manifest says of them.

  Raises:
    RecordError: naming the file that does not fit.
  """
  found = path.stat().st_size if path.is_file() else None
  if found != size:
    state = "missing" if found is None else f"{found} bytes"
    raise RecordError(f"{path}: {state}, expected {size} bytes; {_AGAIN}")
  index = read_index(path)
  if len(index) != count:
    raise RecordError(
      f"{index_path(path)}: {len(index)} records, expected the {count} of the "
      f"manifest; {_AGAIN}"
    )
  end = int(index[-1, 0] + index[-1, 1]) + FOOTER if count else 0
  if end != size:
    raise RecordError(
      f"{index_path(path)}: its records end at {end}, expected the end of the "
      f"shard at {size} bytes; {_AGAIN}"
    )


def check_data(path: Path, sha256: str) -> None:
  """Reads a shard whole and compares its checksums.

  Raises:
    RecordError: naming the shard, and the first record that was changed.
  """
  with path.open("rb") as file:
    digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != sha256:
      raise RecordError(
        f"{path}: its sha256 is not that of the manifest; it was damaged or "
        f"changed: {_AGAIN}"
      )
    for number, (offset, length, checksum) in enumerate(read_index(path)):
      if zlib.crc32(os.pread(file.fileno(), length, offset)) != checksum:
        raise RecordError(
          f"{path}: record {number} has another checksum than its index says; "
          f"{_AGAIN}"
        )
