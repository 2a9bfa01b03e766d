"""Rows of several requests in one call of the model.

One thread calls the model. The first row that waits begins a call; rows for the
same signature, with inputs of the same shapes, join it until the call is full
or the first has waited long enough. A call that fails is made again row by row,
so that a row that makes it fail harms none but itself.
"""

import collections
import dataclasses
import logging
import threading
import time
from collections.abc import Callable, Hashable, Mapping, Sequence
from concurrent.futures import Future

import numpy as np

from hund_tf.serving.refusals import Refused, unavailable

Arrays = Mapping[str, np.ndarray]
_LOG = logging.getLogger(__name__)
_KEPT = 0.8  # of the mean time of a row, when a new one is known


@dataclasses.dataclass(frozen=True)
class Job:
  """A row, or a call that has none.

  Attributes:
    signature: its name.
    inputs: of the row, or of the call.
    is_row: whether it may be called together with others.
    future: gets the outputs, also of the row or the call.
  """

  signature: str
  inputs: Arrays
  is_row: bool
  future: Future = dataclasses.field(default_factory=Future)

  @property
  def key(self) -> Hashable:
    """What jobs of one call have in common."""
    if not self.is_row:
      return id(self)
    shapes = [(name, x.shape) for name, x in sorted(self.inputs.items())]
    return self.signature, tuple(shapes)


class Batcher:
  """The queue in front of a model, and the thread that calls it."""

  def __init__(
    self,
    run: Callable[[str, Arrays], Arrays],
    max_batch: int,
    wait_s: float,
    queue_size: int,
    longest_s: float = float("inf"),
    called: Callable[[int, float], None] = lambda rows, seconds: None,
    job_s: float = 0.0,
  ):
    """Starts the thread.

    Args:
      run: calls a signature with whole arrays.
      max_batch: most rows of a call.
      wait_s: how long the first row of a call waits for others, seconds.
      queue_size: most jobs that wait.
      longest_s: most seconds that jobs may be expected to wait.
      called: gets rows and seconds of each call.
      job_s: seconds that a row takes, as far as is known; calls correct it.
    """
    self._run, self._called = run, called
    self._max_batch, self._wait_s = max_batch, wait_s
    self._queue_size, self._longest_s = queue_size, longest_s
    self._jobs: collections.deque[tuple[float, Job]] = collections.deque()
    self._changed = threading.Condition()
    self._closed = False
    self._job_s, self._running = job_s, 0
    self._thread = threading.Thread(
      target=self._work, name="batcher", daemon=True
    )
    self._thread.start()

  @property
  def waiting(self) -> int:
    """Jobs in the queue."""
    return len(self._jobs)

  def submit(self, jobs: Sequence[Job]) -> None:
    """Puts all of the jobs into the queue, or none.

    Raises:
      Refused: with 429 if the queue is full or too slow, with 503 if closed.
    """
    with self._changed:
      if self._closed:
        raise unavailable("the server is shutting down")
      waiting = len(self._jobs)
      before = self._job_s * (waiting + self._running)
      full = waiting + len(jobs) > self._queue_size
      slow = before + self._job_s * len(jobs) > self._longest_s
      if full or (before and slow):
        raise Refused(
          429,
          f"the queue is full ({waiting} photos wait)",
          max(1, round(before)),
        )
      now = time.monotonic()
      self._jobs.extend((now, job) for job in jobs)
      self._changed.notify()

  def close(self) -> None:
    """Ends the thread when the queue is empty; new jobs are refused."""
    with self._changed:
      self._closed = True
      self._changed.notify()
    self._thread.join()

  def _work(self) -> None:
    while jobs := self._next():
      begin = time.monotonic()
      self._running = len(jobs)
      self._call(jobs)
      self._running = 0
      seconds = time.monotonic() - begin
      each = seconds / len(jobs)
      kept = _KEPT if self._job_s else 0.0
      self._job_s = kept * self._job_s + (1.0 - kept) * each
      self._called(len(jobs), seconds)

  def _next(self) -> list[Job]:
    """Jobs for one call; none if there will be no more."""
    while True:
      with self._changed:
        while not self._jobs and not self._closed:
          self._changed.wait()
        if not self._jobs:
          return []
        since, first = self._jobs[0]
        until = since + self._wait_s
        while first.is_row and not self._closed and self._missing(first.key):
          left = until - time.monotonic()
          if left <= 0 or not self._changed.wait(left):
            break
        found = self._taken(first.key)
      alive = [j for j in found if j.future.set_running_or_notify_cancel()]
      if alive:
        return alive

  def _missing(self, key: Hashable) -> bool:
    """Whether a call could take more rows."""
    return sum(job.key == key for _, job in self._jobs) < self._max_batch

  def _taken(self, key: Hashable) -> list[Job]:
    """The oldest jobs of a key, which leave the queue."""
    found: list[Job] = []
    rest: collections.deque[tuple[float, Job]] = collections.deque()
    for since, job in self._jobs:
      if len(found) < self._max_batch and job.key == key:
        found.append(job)
      else:
        rest.append((since, job))
    self._jobs = rest
    return found

  def _call(self, jobs: Sequence[Job]) -> None:
    """Calls the model and hands out what it gives."""
    try:
      for job, outputs in zip(jobs, self._outputs(jobs), strict=True):
        job.future.set_result(outputs)
    except Exception as error:  # a model may raise anything
      if len(jobs) > 1:
        for job in jobs:
          self._call([job])
        return
      _LOG.error("%s failed: %s", jobs[0].signature, error)
      jobs[0].future.set_exception(error)

  def _outputs(self, jobs: Sequence[Job]) -> list[Arrays]:
    first = jobs[0]
    if not first.is_row:
      return [self._run(first.signature, first.inputs)]
    inputs = {
      name: np.stack([job.inputs[name] for job in jobs])
      for name in first.inputs
    }
    outputs = self._run(first.signature, inputs)
    wrong = [n for n, x in outputs.items() if len(x) != len(jobs)]
    if wrong:
      raise ValueError(f"{', '.join(wrong)}: not one row for each instance")
    return [
      {n: x[i, ...] for n, x in outputs.items()} for i in range(len(jobs))
    ]
