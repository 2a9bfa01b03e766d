"""One writer a folder.

The lock is the operating system's (`filelock`), on a file in the folder. It
ends with its process, however that ends, so a dead one locks nobody out.
"""

import json
import os
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path

import filelock

from hund_tf import files

_held: dict[Path, int] = {}  # by this process: how many blocks are inside
_guard = threading.Lock()


class LockedError(ValueError):
  """Another process writes to the folder."""


@contextmanager
def only_writer(
  folder: str | os.PathLike, name: str = "hund"
) -> Iterator[None]:
  """Inside, no other process is in a block like this one.

  A process may enter blocks of the same folder within each other.

  Args:
    folder: made if it is missing.
    name: of what is written; in one folder things of different names may be
      written at once.

  Raises:
    LockedError: if another process is inside; says which one, and since when.
    OutputError: if the folder cannot be written to.
  """
  path = files.prepare_output_dir(folder).resolve() / f".{name}.lock"
  with _guard:
    inside = _held.get(path, 0)
    lock = None if inside else _acquire(folder, path)
    _held[path] = inside + 1
  try:
    yield
  finally:
    with _guard:
      _held[path] -= 1
      if lock is not None:
        del _held[path]
        with suppress(OSError):
          path.unlink()
        lock.release()


def _acquire(folder: str | os.PathLike, path: Path) -> filelock.BaseFileLock:
  # Given back by any thread: generators are closed where they are dropped.
  lock = filelock.FileLock(path, timeout=0, thread_local=False)
  try:
    lock.acquire()
    holder = {
      "process": os.getpid(),
      "host": socket.gethostname(),
      "program": Path(sys.argv[0]).stem if sys.argv else "",
      "since": datetime.now().astimezone().isoformat(timespec="seconds"),
    }
    if not isinstance(lock, filelock.SoftFileLock):  # which has marks in it
      path.write_text(json.dumps(holder), encoding="utf-8")
  except filelock.Timeout as error:
    raise LockedError(
      f"{files.printable(folder)}: {_holder(path)} writes to it; wait for its "
      "end, or give another folder"
    ) from error
  except OSError as error:
    lock.release()
    raise files.OutputError(
      folder,
      f"cannot be locked ({error.strerror or error})",
      "give a folder with room that you may write to",
    ) from error
  return lock


def _holder(path: Path) -> str:
  """Who is inside, as far as the file tells."""
  try:
    held = files.read_json(path)
    return (
      f"process {held['process']} on {held['host']} ({held['program']}, since "
      f"{held['since']})"
    )
  except (OSError, ValueError, KeyError, TypeError):
    return "another process"
