"""Inputs that patterns name, spread over numbered shards."""

import glob
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from hund_tf import files

PHOTO_SUFFIXES = (".jpg", ".jpeg", ".png", ".gif", ".bmp")
TAR_SUFFIXES = (".tar", ".tar.gz", ".tgz")
RECORD_SUFFIXES = (".tfrecord", ".tfrecords")


class Shard(NamedTuple):
  """The unit of work: photo files, or one file that holds many."""

  index: int
  inputs: tuple[str, ...]  # absolute paths


def list_inputs(patterns: Sequence[str], output_dir: str = "") -> list[str]:
  """Files that patterns name, absolute, sorted, each once.

  A folder gives what is in it and in its subfolders, and a glob (`**` crosses
  folders) what matches, of the known suffixes and not hidden. A file that is
  named is taken as a photo if its suffix is not known.

  Args:
    patterns: files, globs and folders; `~` is expanded.
    output_dir: of results, which are no inputs where a folder or glob holds it.

  Raises:
    FileError: if a pattern gives nothing.
    ValueError: if there are no patterns.
  """
  if not patterns:
    raise ValueError("inputs: nothing; give photos, tars, TFRecords or folders")
  found: set[str] = set()
  results = files.expand(output_dir).absolute() if output_dir else None
  for pattern in patterns:
    path = files.expand(pattern)
    if files.exists(path) and not path.is_dir():
      found.add(str(path.absolute()))
      continue
    names: Iterable[Path] = (
      path.rglob("*")
      if files.exists(path)
      else map(Path, glob.glob(str(path), recursive=True))
    )
    some = {
      str(p.absolute())
      for p in names
      if _is_input(p) and results not in p.absolute().parents
    }
    if not some:
      raise files.FileError(
        pattern,
        "names no photo, tar or TFRecord file",
        f"expected files named {', '.join(_SUFFIXES)}",
      )
    found |= some
  return sorted(found)


def shards_of(inputs: Sequence[str], photos: int) -> list[Shard]:
  """Shards of the inputs, in their order.

  Args:
    inputs: of `list_inputs`.
    photos: photo files of a shard; a tar or TFRecord file is one of its own.
  """
  single = [name for name in inputs if not _is_archive(name)]
  groups = [
    tuple(single[first : first + photos])
    for first in range(0, len(single), photos)
  ]
  groups += [(name,) for name in inputs if _is_archive(name)]
  return [Shard(index, some) for index, some in enumerate(groups)]


_SUFFIXES = (*PHOTO_SUFFIXES, *TAR_SUFFIXES, *RECORD_SUFFIXES)


def _is_archive(name: str) -> bool:
  return name.lower().endswith((*TAR_SUFFIXES, *RECORD_SUFFIXES))


def _is_input(path: Path) -> bool:
  name = path.name.lower()
  return (
    name.endswith(_SUFFIXES) and not name.startswith(".") and path.is_file()
  )
