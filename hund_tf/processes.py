"""Work in several processes, which end with the one that started them."""

import multiprocessing
import os
import pickle
import signal
import threading
from collections.abc import Callable, Generator, Sequence
from concurrent import futures
from typing import Any


class WorkerError(ValueError):
  """A process ended that nobody in it ended."""


def run(
  function: Callable[[Any], Any],
  jobs: Sequence[Any],
  workers: int,
  start: Callable[..., object] | None = None,
  args: tuple = (),
) -> Generator[tuple[int, Any], None, None]:
  """Calls a function for each of the jobs, in processes.

  After an error no job is begun; those at work are finished. An interrupt ends
  the processes at once.

  Args:
    function: can be pickled, as its jobs and results can.
    jobs: arguments of the calls.
    workers: processes.
    start: called in each process before its first job.
    args: of `start`.

  Yields:
    Number of a job and its result, in the order in which they are done.

  Raises:
    WorkerError: if a process was ended from outside.
    Exception: what the function raised, of the same type and text.
  """
  if not jobs:
    return
  # TensorFlow does not survive a fork.
  context = multiprocessing.get_context("spawn")
  pool = futures.ProcessPoolExecutor(
    min(workers, len(jobs)), context, _begin, (start, args)
  )
  try:
    numbers = {
      pool.submit(_call, function, job): i for i, job in enumerate(jobs)
    }
    for task in futures.as_completed(numbers):
      yield numbers[task], task.result()
  except futures.process.BrokenProcessPool as error:
    raise WorkerError(
      "a process was ended from outside, perhaps for want of memory; start "
      "again to go on, with fewer processes"
    ) from error
  except Exception:
    raise
  except BaseException:  # an interrupt, or nobody wants the other results
    for process in multiprocessing.active_children():
      process.terminate()
    raise
  finally:
    pool.shutdown(cancel_futures=True)


def _begin(start: Callable[..., object] | None, args: tuple) -> None:
  # An interrupt from the keyboard is for the first process, which ends these.
  signal.signal(signal.SIGINT, signal.SIG_IGN)
  signal.signal(signal.SIGTERM, signal.SIG_DFL)
  threading.Thread(target=_end_with_parent, daemon=True).start()
  if start:
    start(*args)


def _end_with_parent() -> None:
  """Waits for the end of the process that started this one, and ends it."""
  parent = multiprocessing.parent_process()
  if parent is not None:
    parent.join()
    os._exit(1)


def _call(function: Callable[[Any], Any], job: Any) -> Any:
  """The result of a job; an error that cannot travel is told in words."""
  try:
    return function(job)
  except Exception as error:
    try:
      pickle.loads(pickle.dumps(error))
    except Exception:
      text = f"{type(error).__name__}: {error}"
      raise RuntimeError(text) from None
    raise
