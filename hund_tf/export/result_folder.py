"""The results of many photos in one folder: a set of files for each of them.

A set replaces the one that was there before as a whole: all its files are made
first, then they take the places of the old ones, and old files that have no
successor are removed. `results.jsonl` in the folder records each set: the photo
and its digest, a digest of the settings, and the files with their sizes. Of a
set that was written more than once the last line counts. A file that no line of
it names is never touched.
"""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

from hund_tf import files, interrupts, json_text
from hund_tf.files import OutputError
from hund_tf.photos.source import PhotoSource, source_of

RECORD = "results.jsonl"


class Entry(NamedTuple):
  """A photo whose results have a place in a folder."""

  stem: str  # of the names of its files
  source: PhotoSource  # its path as seen from the folder
  settings: str  # digest


class ResultFolder:
  """A folder of results, of one writer; see the module.

  Attributes:
    path: of the folder.
  """

  def __init__(self, path: str | os.PathLike):
    """Makes the folder if it is missing, and reads its record.

    Raises:
      OutputError: if the folder cannot be written to or its record not read.
    """
    self.path = files.prepare_output_dir(path)
    for left in self.path.glob(".????????.tmp"):  # of a killed program
      shutil.rmtree(left, ignore_errors=True)
    self._last: dict[str, dict[str, Any]] = {}  # by stem
    self._files: dict[str, dict[str, int]] = {}  # sizes, by name, by stem
    for entry in self._read():
      self._note(entry)

  def names(self) -> set[str]:
    """The names of the files in the folder that are results."""
    return {RECORD}.union(*self._files.values())

  def entry(self, stem: str, photo: str | os.PathLike, settings: str) -> Entry:
    """The place of a photo's set.

    Args:
      stem: of the names of its files.
      photo: path of the file as it is now.
      settings: what else the results depend on, in any words.

    Raises:
      PhotoError: if the photo cannot be read.
    """
    digest = hashlib.sha256(settings.encode("utf-8", "backslashreplace"))
    source = source_of(photo).seen_from(self.path)
    return Entry(stem, source, digest.hexdigest())

  def holds(self, entry: Entry) -> bool:
    """Whether the set is there, complete, of this photo and these settings."""
    last = self._last.get(files.printable(entry.stem))
    if last is None or not last.get("complete"):
      return False
    made_of = last.get("sha256"), last.get("settings")
    if made_of != (entry.source.sha256, entry.settings):
      return False
    return all(self._size(name) == size for name, size in last["files"].items())

  @contextmanager
  def replace(self, entry: Entry, **facts: Any) -> Iterator[Path]:
    """Makes a set, which takes the place of the old one at the end.

    If anything is raised inside, the old set stays as it was. An interrupt
    waits until the files have changed places.

    Args:
      entry: the photo.
      **facts: about the set, for the record.

    Yields:
      An empty folder, into which the files of the set are to be written.

    Raises:
      OutputError: if a file cannot be written.
    """
    try:
      staging = Path(tempfile.mkdtemp(prefix=".", suffix=".tmp", dir=self.path))
    except OSError as error:
      raise _unwritable(self.path, error) from error
    try:
      yield staging
      sizes = {p.name: p.stat().st_size for p in sorted(staging.iterdir())}
      line = {
        "stem": files.printable(entry.stem),
        "photo": files.printable(entry.source.path),
        "bytes": entry.source.bytes,
        "sha256": entry.source.sha256,
        "settings": entry.settings,
        **facts,
        "files": {files.printable(name): n for name, n in sizes.items()},
      }
      with interrupts.waiting():
        self._commit(staging, list(sizes), line)
    except OSError as error:
      raise _unwritable(self.path, error) from error
    finally:
      shutil.rmtree(staging, ignore_errors=True)

  def _commit(self, staging: Path, names: list[str], entry: dict) -> None:
    self._append({**entry, "complete": False})
    for name in names:
      os.replace(staging / name, self.path / name)
    for name, size in self._files[entry["stem"]].items():
      if name not in entry["files"] and self._size(name) == size:
        self._path(name).unlink()
    self._append({**entry, "complete": True})

  def _path(self, name: str) -> Path:
    """The file whose printable name this is."""
    path = self.path / name
    if "\\" in name and not path.exists():
      for other in self.path.iterdir():
        if files.printable(other.name) == name:
          return other
    return path

  def _size(self, name: str) -> int | None:
    path = self._path(name)
    return path.stat().st_size if path.is_file() else None

  def _note(self, entry: dict[str, Any]) -> None:
    stem = entry["stem"]
    self._last[stem] = entry
    # Of a set that was being replaced old and new files may be there.
    old = {} if entry.get("complete") else self._files.get(stem, {})
    self._files[stem] = {**old, **entry["files"]}

  def _append(self, entry: dict[str, Any]) -> None:
    line = json.dumps(entry) + "\n"
    with open(self.path / RECORD, "a", encoding="utf-8") as file:
      file.write(line)
    self._note(entry)

  def _read(self) -> Iterator[dict[str, Any]]:
    path = self.path / RECORD
    if not path.exists():
      return
    try:
      text = path.read_text(encoding="utf-8")
      if text and not text.endswith("\n"):  # cut by a power failure
        with path.open("a") as file:
          file.write("\n")
    except (OSError, ValueError) as error:
      raise OutputError(
        path, f"cannot be read ({error})", "give another folder, or remove it"
      ) from error
    for line in text.splitlines():
      with suppress(ValueError, TypeError, KeyError):
        entry = json_text.parse(line.encode())
        if isinstance(entry["stem"], str) and isinstance(entry["files"], dict):
          yield entry


def _unwritable(folder: Path, error: OSError) -> OutputError:
  return OutputError(
    folder,
    f"results cannot be written ({error.strerror or error})",
    "give a folder with room that you may write to",
  )
