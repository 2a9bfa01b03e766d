"""Connections that do nothing are closed."""

from asyncio import BaseTransport

from uvicorn.protocols.http.h11_impl import H11Protocol

_IDLE_S = 20.0


class PunctualProtocol(H11Protocol):
  """HTTP/1.1 of clients that must come to the point.

  A connection that has no request being answered, twice in a row when it is
  looked at, is closed: its client sends the head of a request too slowly, or a
  body that was refused without end.
  """

  idle_s = _IDLE_S

  def connection_made(self, transport: BaseTransport) -> None:
    """See `asyncio.Protocol`."""
    super().connection_made(transport)  # type: ignore[arg-type]
    self._seen = self
    self._look()

  def _look(self) -> None:
    if self.transport.is_closing():
      return
    busy = self.cycle is not None and not self.cycle.response_complete
    if not busy and self._seen is self.cycle:
      self.transport.close()
      return
    self._seen = None if busy else self.cycle
    self.loop.call_later(self.idle_s, self._look)
