"""Which requests are read: bounds on their number and bytes, kept together."""

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

from hund_tf.serving.config import BatchingConfig, LimitsConfig
from hund_tf.serving.refusals import Refused


class Admission:
  """Counts requests and bytes that the server holds; of one event loop."""

  def __init__(self, batching: BatchingConfig, limits: LimitsConfig):
    """Takes the bounds of the options."""
    self._most_requests = batching.queue_size
    self._most_body = round(1e6 * limits.max_body_mb)
    self._most_bytes = round(1e6 * limits.max_buffer_mb)
    self._requests = self._bytes = 0

  @contextmanager
  def request(self) -> Iterator["Room"]:
    """Lets a request in until the end of the block.

    Raises:
      Refused: with 429, if there are as many as may be.
    """
    if self._requests >= self._most_requests:
      raise Refused(429, f"{self._requests} requests are being answered", 1)
    self._requests += 1
    room = Room(self)
    try:
      yield room
    finally:
      self._requests -= 1
      self._bytes -= room.size

  def more_bytes(self, room: "Room", size: int) -> None:
    """Makes room for so many bytes of a body in all.

    Raises:
      Refused: with 413 if these are too many, with 429 if others have theirs.
    """
    if size > self._most_body:
      raise Refused(413, f"the body has more than {self._most_body / 1e6:g} MB")
    added = max(0, size - room.size)
    if self._bytes + added > self._most_bytes:
      raise Refused(429, "too many bytes are being read at a time", 1)
    self._bytes += added
    room.size += added


class Room:
  """What one request takes."""

  def __init__(self, admission: Admission):
    """Takes nothing yet."""
    self._admission = admission
    self.size = 0  # bytes

  async def read(
    self, chunks: AsyncIterator[bytes], length: int | None
  ) -> bytes:
    """A whole body.

    Args:
      chunks: of it.
      length: as its head states it, if it does.

    Raises:
      Refused: see `Admission.more_bytes`; before a byte is read, if the stated
        length is too much.
    """
    self._admission.more_bytes(self, length or 0)
    body = bytearray()
    async for chunk in chunks:
      body += chunk
      self._admission.more_bytes(self, len(body))
    return bytes(body)
