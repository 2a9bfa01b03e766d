"""A predict request, from the bytes of its body to those of its answer."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any

import numpy as np

from hund_tf.compat import tf
from hund_tf.serving import pictures
from hund_tf.serving.admission import Admission
from hund_tf.serving.batching import Batcher, Job
from hund_tf.serving.config import ServeConfig
from hund_tf.serving.metrics import Metrics
from hund_tf.serving.model import ServedModel, Signature
from hund_tf.serving.refusals import Refused, bad_request, unavailable
from hund_tf.serving.tensors import Call, read_call, write_answer

_ERROR = "error"  # the output that says what is wrong with a row
_LOG = logging.getLogger(__name__)


class Service:
  """The model behind its queue.

  Attributes:
    model: once it is loaded.
    metrics: of this service.
  """

  def __init__(self, config: ServeConfig):
    """A service that is not ready; see `open`."""
    self._config = config
    self._admission = Admission(config.batching, config.limits)
    self._batcher: Batcher | None = None
    self._closing = False
    self.model: ServedModel | None = None
    self.metrics = Metrics(
      lambda: self._batcher.waiting if self._batcher else 0,
      lambda: self.ready,
    )

  @property
  def ready(self) -> bool:
    """Whether requests are answered."""
    return self._batcher is not None and not self._closing

  @property
  def state(self) -> str:
    """The model's, as TensorFlow Serving names it."""
    if self._closing:
      return "UNLOADING"
    return "AVAILABLE" if self.ready else "LOADING"

  def open(self, model: ServedModel, job_s: float = 0.0) -> None:
    """Serves a model from now on.

    Args:
      model: that is served.
      job_s: seconds that a photo takes, as far as is known.
    """
    batching = self._config.batching
    self.model = model
    self._batcher = Batcher(
      model.run,
      batching.max_batch,
      1e-3 * batching.batch_wait_ms,
      batching.queue_size,
      0.5 * batching.request_seconds,
      self.metrics.called,
      job_s,
    )

  def refuse_new(self) -> None:
    """Answers what has come, and refuses what comes."""
    self._closing = True

  def close(self) -> None:
    """Ends when everything that waits has been called."""
    self._closing = True
    if self._batcher is not None:
      self._batcher.close()

  async def predict(
    self,
    chunks: AsyncIterator[bytes],
    length: int | None,
    gone: Callable[[], Awaitable[Any]],
  ) -> bytes:
    """The JSON of the answer to a predict request.

    Args:
      chunks: of the request's body.
      length: of the body, if its head states it.
      gone: ends when the client has left.

    Raises:
      Refused: if there is no answer.
    """
    if self._closing:
      raise unavailable("the server is shutting down")
    if self._batcher is None or self.model is None:
      raise unavailable("the model is being loaded")
    seconds = self._config.batching.request_seconds
    try:
      async with asyncio.timeout(seconds):
        with self._admission.request() as room:
          body = await room.read(chunks, length)
          call = await asyncio.to_thread(read_call, body, self.model.signatures)
          del body
          outputs = await self._outputs(call, gone)
          return await asyncio.to_thread(write_answer, outputs, call.by_row)
    except TimeoutError as error:
      raise Refused(504, f"no answer within {seconds:g} s", 1) from error

  async def _outputs(
    self, call: Call, gone: Callable[[], Awaitable[Any]]
  ) -> dict[str, np.ndarray]:
    """What the model gives, together with rows of other requests."""
    assert self._batcher is not None
    most = self._config.limits.max_images
    if (call.instances or 0) > most:
      raise bad_request(f"got {call.instances} instances, {most} are the most")
    rows, reasons = await asyncio.to_thread(self._checked, call)
    name = call.signature.name
    jobs = [Job(name, row, is_row=True) for row in rows]
    jobs = jobs or [Job(name, call.inputs, is_row=False)]
    self._batcher.submit(jobs)
    found = await _results(jobs, gone)
    if not rows:
      return dict(found[0])
    outputs = {key: np.stack([one[key] for one in found]) for key in found[0]}
    for i, reason in reasons.items():
      outputs[_ERROR][i] = reason.encode()
    return outputs

  def _checked(
    self, call: Call
  ) -> tuple[list[dict[str, np.ndarray]], dict[int, str]]:
    """Rows of a call without photos that are too large, and what these are.

    Raises:
      Refused: if there is such a photo and outputs have no place to say so.
    """
    rows = call.rows()
    reasons = {}
    for i, row in enumerate(rows or [call.inputs]):
      reason = pictures.first_too_large(
        (x for one in row.values() if one.dtype == object for x in one.flat),
        self._config.limits.max_image_pixels,
      )
      if not reason:
        continue
      self.metrics.oversized(1)
      if not rows or not _tells_errors(call.signature):
        raise bad_request(f"instance {i}: {reason}")
      reasons[i] = reason
      rows[i] = {name: _without_text(value) for name, value in row.items()}
    return rows, reasons


async def _results(
  jobs: list[Job], gone: Callable[[], Awaitable[Any]]
) -> list[Mapping[str, np.ndarray]]:
  """What the jobs give; they are cancelled if nobody waits for them."""
  results = asyncio.gather(*(asyncio.wrap_future(job.future) for job in jobs))
  # Nobody waits for it once the client has left.
  results.add_done_callback(lambda done: done.cancelled() or done.exception())
  left = asyncio.ensure_future(gone())
  try:
    await asyncio.wait((results, left), return_when=asyncio.FIRST_COMPLETED)
    if not results.done():
      raise Refused(499, "the client has left")
    return await results
  except (Refused, asyncio.CancelledError):
    raise
  except tf.errors.InvalidArgumentError as error:
    message = " ".join(error.message.split())
    raise bad_request(f"the model says: {message[:300]}") from error
  except Exception as error:
    raise Refused(500, "the model failed; its server's log has more") from error
  finally:
    results.cancel()
    left.cancel()


def _tells_errors(signature: Signature) -> bool:
  output = signature.outputs.get(_ERROR)
  return output is not None and output.dtype == tf.string


def _without_text(value: np.ndarray) -> np.ndarray:
  """An array with empty texts, if it is one of texts."""
  if value.dtype != object:
    return value
  empty = np.empty(value.shape, object)
  empty.fill(b"")
  return empty
