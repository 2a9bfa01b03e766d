"""What a client gets in place of an answer."""


class Refused(ValueError):
  """A request that is not answered as asked.

  Attributes:
    status: of HTTP.
    message: for the client.
    retry_s: seconds after which it is worth another try, or none.
  """

  def __init__(self, status: int, message: str, retry_s: int | None = None):
    super().__init__(status, message, retry_s)
    self.status, self.message, self.retry_s = status, message, retry_s

  def __str__(self) -> str:
    return self.message


def bad_request(message: str) -> Refused:
  """Of a request that no server could answer."""
  return Refused(400, message)


def unavailable(message: str) -> Refused:
  """Of a server that starts or ends."""
  return Refused(503, message, 1)
