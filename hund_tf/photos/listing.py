"""Which photos files, globs and folders name, and what is left out of them."""

import collections
import glob
import os
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from hund_tf import files
from hund_tf.photos.loading import (
  HEIF_SUFFIXES,
  IMAGE_SUFFIXES,
  VIDEO_SUFFIXES,
  PhotoError,
  heif_is_readable,
)


class PhotoList(NamedTuple):
  """What `list_photos` found."""

  paths: list[Path]  # in the order asked for, without duplicates
  errors: list[PhotoError]  # one for each pattern that gave nothing
  left_out: list[str]  # one line for each folder or glob that holds more


def list_photos(
  patterns: Sequence[str | os.PathLike],
  output_dir: str | os.PathLike | None = None,
  results: Collection[str] = (),
) -> PhotoList:
  """Resolves files, globs and folders to photo files.

  A path that exists is taken literally, even if it holds glob characters. A
  file is taken whatever its suffix; a folder gives its files (not those of its
  subfolders), and a glob (`**` crosses folders) its matches, that have a suffix
  of `IMAGE_SUFFIXES` and are not hidden, sorted by name. A photo that is named
  twice is listed once, where it came first.

  Args:
    patterns: files, globs and folders; `~` is expanded.
    output_dir: folder of the results. Where it lies inside a folder that is
      searched, its files are left out.
    results: names of the results in `output_dir`; where that is itself the
      folder that is searched, these are left out.

  Returns:
    The photos, an error for each missing path, empty glob or folder without
    photos, and what was left out. Nothing is opened yet: see `load_photo`.
  """
  search = _Search(
    Path(os.path.realpath(files.expand(output_dir))) if output_dir else None,
    set(results),
  )
  paths: dict[str, Path] = {}
  errors = []
  left_out: list[str] = []
  for pattern in patterns:
    try:
      for path in _resolve(pattern, search, left_out):
        paths.setdefault(os.path.realpath(path), path)
    except PhotoError as error:
      errors.append(error)
  return PhotoList(list(paths.values()), errors, left_out)


def split_names(entry: str) -> list[str]:
  """A name that exists as it is, or the names that commas join."""
  if files.exists(files.expand(entry)) or "," not in entry:
    return [entry]
  return [name for name in entry.split(",") if name.strip()]


class _Search(NamedTuple):
  """Where results lie that are no photos."""

  output_dir: Path | None
  results: set[str]

  def reason(self, path: Path, base: Path) -> tuple[str, str] | None:
    """What a file below `base` is, and why it is left out, if it is."""
    suffix = path.suffix.lower()
    kind = f"{suffix} file" if suffix else "file without a suffix"
    if path.is_dir():
      return "folder", ""
    if path.name.startswith("."):
      return "hidden file", ""
    if self._is_result(path, base):
      return "result", ""
    if suffix in HEIF_SUFFIXES and not heif_is_readable():
      return kind, " (pillow-heif is not installed)"
    if suffix in VIDEO_SUFFIXES:
      return kind, " (video)"
    if suffix not in (*IMAGE_SUFFIXES, *HEIF_SUFFIXES):
      return kind, " (no photo)"
    return None if path.is_file() else ("broken link or device", "")

  def _is_result(self, path: Path, base: Path) -> bool:
    if self.output_dir is None:
      return False
    folder = Path(os.path.realpath(path.parent))
    if folder == self.output_dir and path.name in self.results:
      return True
    base = Path(os.path.realpath(base))
    inside = base in self.output_dir.parents
    return inside and self.output_dir in (folder, *folder.parents)


def _resolve(
  pattern: str | os.PathLike, search: _Search, left_out: list[str]
) -> list[Path]:
  """The photo files of one pattern; raises PhotoError if there are none."""
  if not str(pattern).strip():
    raise PhotoError("''", "is an empty name", "give a photo, folder or glob")
  path = files.expand(pattern)
  there = files.exists(path)
  if there and path.is_dir():
    try:
      entries = list(path.iterdir())
    except OSError as error:
      raise PhotoError(
        pattern,
        f"the folder cannot be listed ({error.strerror})",
        "give a folder that you may read",
      ) from error
    problem, remedy = "the folder holds no photo", "give a folder of files"
    base = path
  elif there:
    return [path]
  elif glob.has_magic(str(path)):
    entries = [Path(match) for match in glob.glob(str(path), recursive=True)]
    problem, remedy = (
      "no photo matches the pattern",
      "give a pattern that matches files",
    )
    base = _literal_part(path)
  else:
    raise PhotoError(
      pattern, "does not exist", "give an existing photo, folder or glob"
    )
  found, others = _photos_among(entries, search, base)
  if others:
    problem += f" but {others}"
  if not found:
    suffixes = ", ".join(IMAGE_SUFFIXES)
    raise PhotoError(pattern, problem, f"{remedy} named {suffixes}")
  if others:
    left_out.append(f"{pattern}: left out {others}")
  return found


def _literal_part(pattern: Path) -> Path:
  """The folder in which a glob begins to search."""
  parts: list[str] = []
  for part in pattern.parts:
    if glob.has_magic(part):
      break
    parts.append(part)
  return Path(*parts)


def _photos_among(
  entries: Iterable[Path], search: _Search, base: Path
) -> tuple[list[Path], str]:
  """The photos by name, and how many others there are of each kind."""
  found, counts = [], collections.Counter[tuple[str, str]]()
  for path in entries:
    reason = search.reason(path, base)
    if reason is None:
      found.append(path)
    else:
      counts[reason] += 1
  return sorted(found), ", ".join(
    f"{count} {_plural(kind) if count > 1 else kind}{why}"
    for (kind, why), count in sorted(counts.items())
  )


def _plural(kind: str) -> str:
  return kind.replace("file", "files") if "file" in kind else f"{kind}s"
