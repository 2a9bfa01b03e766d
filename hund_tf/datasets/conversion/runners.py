"""Where the shards of a conversion are made: here, or on Apache Beam.

Both call `convert_shard` for each index, so the files are the same. Beam's
workers must see the dataset and the output folder under the same paths.
"""

import contextlib
import functools
from collections.abc import Callable, Sequence
from pathlib import Path

from hund_tf import beam, files, processes
from hund_tf.datasets.conversion import shard
from hund_tf.datasets.conversion.shard import Job
from hund_tf.datasets.conversion.summary import ConversionError


def prepare(job: Job, retry_damaged: bool = False) -> list[int]:
  """Gets the folder ready and tells which shards are to be made.

  Files that a killed process left half done are removed, and so is the
  manifest, unless every shard is done.

  Args:
    job: the conversion.
    retry_damaged: make shards again that miss a damaged input.

  Raises:
    ValueError: if the dataset cannot be used or is empty.
  """
  if not job.items():
    raise ConversionError(
      f"{job.source.name}: there is nothing to convert; look at the folder and "
      "the split"
    )
  folder, name = Path(job.folder), job.source.name
  _remove_unfinished(job)
  todo = []
  for index in range(job.shards):
    done = shard.finished(job, index)
    if done is not None and retry_damaged and done[1].damaged > 0:
      shard.discard(job, index)
      done = None
    if done is None:
      todo.append(index)
  if todo:
    (folder / f"{name}.manifest.json").unlink(missing_ok=True)
  return todo


def run_local(
  job: Job,
  todo: Sequence[int],
  workers: int = 1,
  progress: Callable[[], object] = lambda: None,
) -> None:
  """Makes shards in processes of this machine.

  Args:
    job: the conversion.
    todo: numbers of the shards.
    workers: processes; 1 works in this one.
    progress: called after each shard.

  Raises:
    ValueError: if a shard cannot be made; the others are kept.
  """
  convert = functools.partial(shard.convert_shard, job)
  try:
    if min(workers, len(todo)) <= 1:
      for index in todo:
        convert(index)
        progress()
      return
    with contextlib.closing(processes.run(convert, todo, workers)) as results:
      for _ in results:
        progress()
  except processes.WorkerError as error:
    raise ConversionError(f"{job.source.name}: {error} (--workers)") from error
  finally:
    _remove_unfinished(job)


def _remove_unfinished(job: Job) -> None:
  """Removes what processes that were ended left of their shards."""
  files.remove_unfinished(job.folder, f"{job.source.name}-?????-of-?????*")


def _convert(index: int, job: Job) -> str:
  """For Beam: makes a shard and tells its file."""
  return shard.convert_shard(job, index).file


def run_beam(
  job: Job, todo: Sequence[int], runner: str, options: Sequence[str] = ()
) -> None:
  """Makes shards by an Apache Beam pipeline; waits for its end.

  Args:
    job: the conversion.
    todo: numbers of the shards.
    runner: a key of `beam.RUNNERS`.
    options: of the runner, as Beam's own command line takes them.

  Raises:
    BeamError: if Beam is not installed or the pipeline fails.
  """
  step = lambda apache_beam: apache_beam.Map(_convert, job=job)
  try:
    beam.run(todo, step, runner, options)
  finally:
    _remove_unfinished(job)
