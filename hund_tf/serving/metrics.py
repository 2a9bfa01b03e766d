"""What a server counts, in Prometheus' text format."""

from collections.abc import Callable

import prometheus_client
from prometheus_client import (
  CollectorRegistry,
  Counter,
  Gauge,
  Histogram,
  ProcessCollector,
)

CONTENT_TYPE = prometheus_client.CONTENT_TYPE_LATEST
_SECONDS = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0)
_ROWS = (1, 2, 4, 8, 16, 32, 64)


class Metrics:
  """Counters of one server, and the memory and CPU time of its process."""

  def __init__(self, waiting: Callable[[], float], ready: Callable[[], float]):
    """Makes the counters.

    Args:
      waiting: gives how many photos wait.
      ready: gives whether requests are answered.
    """
    self._registry = made = CollectorRegistry()
    ProcessCollector(registry=made)
    self._requests = Counter(
      "hund_serve_requests",
      "Predict requests by status of their answer.",
      ["status"],
      registry=made,
    )
    self._seconds = Histogram(
      "hund_serve_request_seconds",
      "From the head of a request to its answer, of those with status 200.",
      buckets=_SECONDS,
      registry=made,
    )
    self._rows = Histogram(
      "hund_serve_call_rows",
      "Photos in a call of the model.",
      buckets=_ROWS,
      registry=made,
    )
    self._call_seconds = Histogram(
      "hund_serve_call_seconds",
      "Duration of a call of the model.",
      buckets=_SECONDS,
      registry=made,
    )
    self._oversized = Counter(
      "hund_serve_oversized_photos",
      "Photos whose headers have too many pixels.",
      registry=made,
    )
    for name, text, function in (
      ("waiting", "Photos in the queue.", waiting),
      ("ready", "1 if requests are answered.", ready),
    ):
      gauge = Gauge(f"hund_serve_{name}", text, registry=made)
      gauge.set_function(function)

  def answered(self, status: int, seconds: float) -> None:
    """Counts a request."""
    self._requests.labels(str(status)).inc()
    if status == 200:
      self._seconds.observe(seconds)

  def called(self, rows: int, seconds: float) -> None:
    """Counts a call of the model."""
    self._rows.observe(rows)
    self._call_seconds.observe(seconds)

  def oversized(self, count: int) -> None:
    """Counts photos that are too large."""
    self._oversized.inc(count)

  def text(self) -> bytes:
    """All of it."""
    return prometheus_client.generate_latest(self._registry)
