"""Checkpoints of a run, with a way back where the newest is damaged."""

import os
import pathlib
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from hund_tf.compat import tf
from hund_tf.files import OutputError

_NAME = "ckpt"
_UNFINISHED = "writing"  # name of a checkpoint while it is written
# What TensorFlow's reader raises for files that are cut, changed or missing,
# and for values that do not fit.
_DAMAGE = (
  tf.errors.OpError,
  ValueError,
  AssertionError,
  IndexError,
  RuntimeError,
)


class CheckpointError(ValueError):
  """No checkpoint of a run can be read."""


def _reason(message: str) -> str:
  """Why TensorFlow could not write, without its operations and file names."""
  line = (message.splitlines() or ["no reason"])[0]
  line = re.sub(r"\{\{.*?\}\}|\[Op:\w+\]", "", line)
  return line.rsplit("; ", 1)[-1].strip()


@contextmanager
def writing(path: str | os.PathLike) -> Iterator[None]:
  """Makes errors of Python and TensorFlow that tell of writing one kind.

  Raises:
    OutputError: one line that names `path`.
  """
  try:
    yield
  except OSError as error:
    reason, cause = error.strerror or str(error), error
  except tf.errors.OpError as error:
    reason, cause = _reason(error.message), error
  else:
    return
  raise OutputError(
    path, f"cannot be written ({reason})", "make room or give another folder"
  ) from cause


class Checkpointer:
  """Writes numbered checkpoints to a folder and restores the newest good one.

  The number is the step, kept in the checkpoint too. The folder's files are
  looked at directly, since TensorFlow's own record of them may be what is
  damaged after a crash.
  """

  def __init__(
    self,
    folder: str | os.PathLike,
    keep: int,
    report: Callable[[str], None] = print,
    write_folder: str | os.PathLike | None = None,
    **tracked,
  ):
    """Tracks objects.

    Args:
      folder: made if it does not exist.
      keep: number of checkpoints that stay.
      report: told of damaged checkpoints.
      write_folder: where to write, if not to the folder that is read.
      **tracked: trackable objects by name; `step` must be a variable.
    """
    self._folder = pathlib.Path(folder)
    self._target = pathlib.Path(write_folder or folder)
    for each in (self._folder, self._target):
      each.mkdir(parents=True, exist_ok=True)
    self._keep = keep
    self._report = report
    self._step = tracked["step"]
    self._checkpoint = tf.train.Checkpoint(**tracked)

  def steps(self) -> list[int]:
    """Steps of the checkpoints in the folder, rising."""
    return _steps(self._folder)

  def newest(self) -> str | None:
    """The newest checkpoint in the folder, as `save` returns it."""
    steps = self.steps()
    return str(self._folder / f"{_NAME}-{steps[-1]}") if steps else None

  def save(self) -> str:
    """Writes a checkpoint of the step, and removes the oldest ones.

    Returns:
      Its path, without the suffixes of its files.

    Raises:
      OutputError: if it cannot be written; those that were there stay.
    """
    path = self._target / f"{_NAME}-{int(self._step)}"
    try:
      with writing(path):
        self._write(path)
    except OutputError:
      self.remove_unfinished()
      raise
    return str(path)

  def _write(self, path: pathlib.Path) -> None:
    # Written under another name first: a reader never sees half of one.
    written = self._checkpoint.write(str(self._target / _UNFINISHED))
    for part in self._target.glob(f"{_UNFINISHED}.data-*"):
      os.replace(part, f"{path}{part.name.removeprefix(_UNFINISHED)}")
    os.replace(f"{written}.index", f"{path}.index")
    for step in _steps(self._target)[: -self._keep]:
      # The index goes first: without it the rest is no checkpoint.
      (self._target / f"{_NAME}-{step}.index").unlink()
      for part in self._target.glob(f"{_NAME}-{step}.*"):
        part.unlink()

  def remove_unfinished(self) -> None:
    """Removes what a save left that was cut off; nobody else may be saving."""
    for part in self._target.glob(f"{_UNFINISHED}*"):
      if part.is_dir():
        shutil.rmtree(part, ignore_errors=True)
      else:
        part.unlink(missing_ok=True)
    whole = _steps(self._target)
    for part in self._target.glob(f"{_NAME}-*.data-*"):
      step = part.name.removeprefix(f"{_NAME}-").split(".")[0]
      if step.isdigit() and int(step) not in whole:
        part.unlink(missing_ok=True)

  def restore(self) -> int | None:
    """Restores the newest checkpoint that can be read.

    Returns:
      Its step, or None if the folder has no checkpoint.

    Raises:
      CheckpointError: if there are checkpoints and none can be read.
    """
    steps = self.steps()
    for step in reversed(steps):
      path = str(self._folder / f"{_NAME}-{step}")
      try:
        self._read(path)
      except _DAMAGE as error:
        reason = (str(error).strip().splitlines() or ["empty"])[0]
        self._report(f"checkpoint {path} is damaged ({reason}); trying older")
        continue
      return int(self._step)
    if steps:
      raise CheckpointError(
        f"checkpoints in {self._folder}: none of {steps} can be read; "
        "start again in another folder"
      )
    return None

  def _read(self, path: str) -> None:
    # All values are read once before the first is assigned, so that a damaged
    # file leaves the variables as they were.
    reader = tf.train.load_checkpoint(path)
    for name in reader.get_variable_to_shape_map():
      reader.get_tensor(name)
    self._checkpoint.read(path).assert_existing_objects_matched()


def _steps(folder: pathlib.Path) -> list[int]:
  """Steps of the checkpoints in a folder, rising."""
  names = (path.name for path in folder.glob(f"{_NAME}-*.index"))
  found = (re.fullmatch(rf"{_NAME}-(\d+)\.index", name) for name in names)
  return sorted(int(match[1]) for match in found if match)
