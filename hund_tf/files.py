"""Writing results: the folder, names, and files that are never half done."""

import collections
import dataclasses
import hashlib
import json
import os
import secrets
import shutil
import stat
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from hund_tf import json_text
from hund_tf.options import REQUIRED, option

_MARK = ".tmp"  # what the names of unfinished files have before their suffix
_LONGEST_LINE = 400  # characters of what an error says
_SHORT = 100  # bytes; shorter temporary names are not cut
# File systems take names of 255 bytes; the results of a photo end in at most 32
# more than its stem, such as "_overlay.png".
_LONGEST_STEM = 255 - 32


@dataclasses.dataclass(frozen=True)
class OutputFolder:
  """Where the results go."""

  output_dir: str = option(
    REQUIRED, "Folder for the results; made if it is missing."
  )


class FileError(ValueError):
  """A file that cannot be used; `str()` is one line naming it.

  Attributes:
    path: the file, folder or pattern as given.
    problem: what is wrong.
    remedy: what would be right.
  """

  def __init__(self, path: str | os.PathLike, problem: str, remedy: str):
    self.path, self.problem, self.remedy = str(path), problem, remedy
    line = " ".join(f"{printable(path)}: {problem}; {remedy}".split())
    super().__init__(_escaped(line))

  def __reduce__(self):
    """For other processes, which would call the class with the line alone."""
    return type(self), (self.path, self.problem, self.remedy), self.__dict__


class OutputError(FileError):
  """A result that cannot be written."""


def _escaped(line: str) -> str:
  """A line in which what would steer a terminal is `\\xNN`."""
  return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in line)


def printable(path: str | os.PathLike) -> str:
  """A path as text that every encoding and JSON takes.

  Bytes of a name that are no UTF-8 become `\\xNN`.
  """
  return os.fsencode(path).decode("utf-8", "backslashreplace")


def expand(path: str | os.PathLike) -> Path:
  """A path with `~` expanded; one of an unknown user stays as it is."""
  try:
    return Path(path).expanduser()
  except RuntimeError:
    return Path(path)


def exists(path: str | os.PathLike) -> bool:
  """Whether a path exists; false for a text that no file can be named."""
  try:
    return Path(path).exists()
  except (OSError, ValueError):  # too long, or with a zero byte
    return False


class JsonError(ValueError):
  """A file that is no JSON as it may be; `str()` is a line that names it."""

  def __init__(self, path: str | os.PathLike, problem: str):
    super().__init__(path, problem)
    self.problem = problem  # without the file

  def __str__(self) -> str:
    return f"{printable(self.args[0])}: is not JSON ({self.problem})"


def check_size(path: str | os.PathLike, largest_mb: float) -> None:
  """Looks at a file before it is read.

  Raises:
    OSError: if there is none.
    ValueError: of one line, without the file's name, if it is larger, or no
      regular file.
  """
  status = os.stat(path)
  if not stat.S_ISREG(status.st_mode):
    raise ValueError("it is no regular file")
  if status.st_size > largest_mb * 1e6:
    raise ValueError(
      f"it has {status.st_size / 1e6:,.0f} MB, expected at most "
      f"{largest_mb:,.0f}"
    )


def read_json(
  path: str | os.PathLike, largest_mb: float = 64.0, only_finite: bool = True
) -> Any:
  """Reads a JSON file as `json_text.parse` allows it.

  Args:
    path: of the file.
    largest_mb: most megabytes that it may have.
    only_finite: whether NaN and Infinity are refused.

  Raises:
    OSError: if it cannot be read.
    JsonError: naming the file, if it is larger, or not such JSON.
  """
  room = int(largest_mb * 1e6)
  try:
    with Path(path).open("rb") as file:
      data = file.read(room + 1)
    if len(data) > room:
      raise ValueError(f"it has more than {largest_mb:g} MB")
    return json_text.parse(data, only_finite)
  except ValueError as error:
    raise JsonError(path, " ".join(str(error).split())) from error


def problem(error: Exception) -> str:
  """What an error says, in a line; of a `JsonError` without the file's name."""
  if isinstance(error, JsonError):
    return error.problem
  line = str(error)
  if not isinstance(error, ValueError | OSError):
    line = f"{type(error).__name__}: {line}"
  return one_line(line)


def one_line(text: str) -> str:
  """A text of a stranger's file as a line that can be printed, not too long."""
  line = _escaped(" ".join(text.split()))
  return line if len(line) <= _LONGEST_LINE else f"{line[:_LONGEST_LINE]}..."


def prepare_output_dir(path: str | os.PathLike) -> Path:
  """Makes the folder, with its parents, and tries whether it can be written to.

  Raises:
    OutputError: if it is a file, cannot be made or cannot be written to.
  """
  folder = expand(path)
  if exists(folder) and not folder.is_dir():
    raise OutputError(path, "is a file", "give a folder for the results")
  try:
    folder.mkdir(parents=True, exist_ok=True)
    probe = _temporary_name(folder / "probe")
    probe.touch(exist_ok=False)
    probe.unlink()
  except OSError as error:
    raise OutputError(
      path,
      f"the output folder cannot be written to ({error.strerror})",
      "give a folder that you may write to",
    ) from error
  return folder


def unique_stems(paths: Sequence[str | os.PathLike]) -> list[str]:
  """One name for the results of each photo, different for all of them.

  A name is the file's without its suffix. Where several photos share it, the
  suffix is kept (a.jpg, a.png -> a_jpg, a_png), and where that is not enough
  the later ones are numbered (a_jpg, a_jpg_2). Names that differ in case or in
  the composition of accents count as one, as on some file systems they are. A
  name that leaves no room for what results are called loses its end to a digest
  of the whole.
  """
  paths = [Path(path) for path in paths]
  stems = collections.Counter(_folded(path.stem) for path in paths)
  names: list[str] = []
  taken: set[str] = set()
  for path in paths:
    base = path.stem
    if stems[_folded(base)] > 1:
      base += "_" + path.suffix.lstrip(".").lower()
    name, number = _shortened(base), 1
    while _folded(name) in taken:
      number += 1
      name = _shortened(base, f"_{number}")
    taken.add(_folded(name))
    names.append(name)
  return names


def _folded(name: str) -> str:
  """What is equal for names that a file system may take for one."""
  return unicodedata.normalize("NFC", name).casefold()


def _shortened(base: str, end: str = "") -> str:
  """`base + end` within `_LONGEST_STEM` bytes."""
  if len(os.fsencode(base + end)) <= _LONGEST_STEM:
    return base + end
  end = f"~{hashlib.sha256(os.fsencode(base)).hexdigest()[:8]}{end}"
  return _cut(base, _LONGEST_STEM - len(end)) + end


def _cut(text: str, room: int) -> str:
  """The first characters of a text that fit into so many bytes."""
  kept = ""
  for character in text:
    room -= len(os.fsencode(character))
    if room < 0:
      break
    kept += character
  return kept


def _temporary_name(path: Path) -> Path:
  """A fresh hidden name beside `path`, with its suffix.

  It is not longer than the name of `path`, or than `_SHORT` bytes, so that any
  name a file system takes can be written. A long stem loses its end.
  """
  suffix = path.suffix if len(path.suffix) <= 20 else ""
  end = os.fsencode(f".{secrets.token_hex(4)}{_MARK}{suffix}")
  room = max(len(os.fsencode(path.name)), _SHORT) - len(end) - 1
  stem = _cut(path.stem, room)
  return path.with_name(f".{stem}{os.fsdecode(end)}")


def remove_unfinished(folder: str | os.PathLike, pattern: str) -> None:
  """Removes what killed programs left of the files that they were writing.

  Args:
    folder: to look into.
    pattern: glob pattern of the stems of the finished files.
  """
  for path in Path(folder).glob(f".{pattern}.????????{_MARK}*"):
    if path.is_dir():
      shutil.rmtree(path, ignore_errors=True)
    else:
      path.unlink(missing_ok=True)


@contextmanager
def atomic_path(path: str | os.PathLike) -> Iterator[Path]:
  """A temporary name beside `path` that takes its place at the end.

  What is written there is a file or a folder. If anything is raised inside, it
  is removed and `path` stays as it was.

  Yields:
    The name to write to; it has the suffix of `path`.

  Raises:
    OutputError: if writing fails (disk full, no permission, no such folder), or
      if a folder is to take the place of something that is no empty folder.
  """
  path = Path(path)
  temporary = _temporary_name(path)
  try:
    yield temporary
    os.replace(temporary, path)
  except OSError as error:
    raise OutputError(
      path,
      f"cannot be written ({error.strerror or error})",
      "give a folder with room that you may write to",
    ) from error
  finally:
    if temporary.is_dir():
      shutil.rmtree(temporary, ignore_errors=True)
    with suppress(OSError):  # there may be no such folder
      temporary.unlink(missing_ok=True)


def write_text(path: str | os.PathLike, text: str) -> None:
  """Writes a text file (UTF-8) atomically.

  Raises:
    OutputError: if the file cannot be written.
  """
  with atomic_path(path) as temporary:
    temporary.write_text(text, encoding="utf-8")


def write_json(path: str | os.PathLike, value: Any) -> None:
  """Writes a value as indented JSON, atomically.

  Raises:
    OutputError: if the file cannot be written.
  """
  write_text(path, json.dumps(value, indent=2) + "\n")


def write_npz(
  path: str | os.PathLike, arrays: Mapping[str, Any], compressed: bool = True
) -> None:
  """Writes named arrays as an npz archive, atomically.

  Equal arrays give equal bytes. The name is taken as it is: no suffix is added.

  Raises:
    OutputError: if the file cannot be written.
  """
  save = np.savez_compressed if compressed else np.savez
  with atomic_path(path) as temporary, temporary.open("wb") as file:
    save(file, **arrays)


def write_png(path: str | os.PathLike, image: np.ndarray) -> None:
  """Writes a picture atomically as PNG.

  Args:
    path: of the file.
    image: uint8 [H, W, 3] RGB, [H, W, 4] RGBA or [H, W] grey.

  Raises:
    ValueError: if the array is not a picture.
    OutputError: if the file cannot be written.
  """
  image = np.asarray(image)
  channels = image.shape[2:] in ((), (3,), (4,))
  if (
    image.dtype != np.uint8 or image.ndim < 2 or not channels or not image.size
  ):
    raise ValueError(
      f"{path}: picture of type {image.dtype} and shape {image.shape}, "
      "expected uint8 [H, W], [H, W, 3] or [H, W, 4]"
    )
  with atomic_path(path) as temporary:
    Image.fromarray(image).save(temporary, format="PNG")


def update_json(path: str | os.PathLike, values: dict) -> None:
  """Writes values into a JSON file, atomically; its other ones stay.

  Raises:
    ValueError: if the file exists and is not a JSON object.
  """
  path, old = Path(path), {}
  if path.exists():
    try:
      old = read_json(path)
    except JsonError as error:
      raise ValueError(f"{error}; remove it") from error
    if not isinstance(old, dict):
      raise ValueError(f"{path}: not a JSON object; remove it")
  write_json(path, old | values)
