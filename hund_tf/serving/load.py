"""Sends photos to a server on this machine and counts what comes back.

First so many clients that each wait for their answer find the rate that the
server sustains; then photos come at fixed times, whether the server keeps up or
not: at half of that rate for long (soak), and at three times of it (overload),
where a server should refuse what it cannot do and answer the rest.
"""

import base64
import collections
import dataclasses
import http.client
import ipaddress
import json
import re
import threading
import time
import urllib.parse
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from hund_tf.options import check, option

_REFUSALS = (429, 503)
_MOST_AT_A_TIME = 256
_MOST_PER_SECOND = 200.0
_LONGEST_S = 150.0
_GROWTH = 0.02
_PAUSE_S = 1.0  # after a refusal


@dataclasses.dataclass(frozen=True)
class LoadConfig:
  """How long a server is loaded, and with what."""

  server_url: str = option(
    "http://127.0.0.1:8501", "Server on this machine, by its IP address."
  )
  served_model: str = option("people", "Name of the model in the paths.")
  load_photos: tuple[Path, ...] = option(
    (), "Photos that are sent in turn; by default the bundled one."
  )
  load_clients: int = option(
    16,
    "Clients that wait for their answers while the rate is found.",
    low=1,
    high=_MOST_AT_A_TIME,
  )
  probe_seconds: float = option(
    60.0, "How long the rate is sought.", low=0.1, high=600.0
  )
  minutes: float = option(
    1.0, "How long half of the rate is sent.", low=0.0, high=120.0
  )
  overload_seconds: float = option(
    60.0, "How long three times the rate is sent.", low=0.0, high=600.0
  )

  def __post_init__(self):
    check(self)
    parts = urllib.parse.urlsplit(self.server_url)
    try:
      own = ipaddress.ip_address(parts.hostname or "").is_loopback
      own &= parts.scheme == "http" and bool(parts.port)
    except ValueError:
      own = False
    if not own:
      raise ValueError(
        f"server_url: got {self.server_url!r}, expected this machine's, such "
        "as http://127.0.0.1:8501"
      )


@dataclasses.dataclass
class Outcome:
  """What came back.

  Attributes:
    statuses: how often each came; 0 is no answer.
    seconds: that each answer with status 200 took.
    duration_s: from the first request to the last answer.
  """

  statuses: collections.Counter = dataclasses.field(
    default_factory=collections.Counter
  )
  seconds: list[float] = dataclasses.field(default_factory=list)
  duration_s: float = 0.0

  @property
  def errors(self) -> int:
    """Answers that are neither good nor refusals."""
    good = sum(self.statuses[status] for status in (200, *_REFUSALS))
    return self.statuses.total() - good

  @property
  def rate(self) -> float:
    """Good answers a second."""
    return self.statuses[200] / self.duration_s if self.duration_s else 0.0

  def text(self) -> str:
    """One line."""
    counts = ", ".join(f"{n} x {s}" for s, n in sorted(self.statuses.items()))
    line = f"{counts}; {self.errors} errors; {self.rate:.2f} answers/s"
    if self.seconds:
      middle, late = np.percentile(self.seconds, [50, 99])
      line += f"; p50 {middle:.2f} s, p99 {late:.2f} s"
    return line


class Target:
  """A server, and the requests that it gets."""

  def __init__(self, config: LoadConfig, photos: Sequence[bytes]):
    """Prepares the requests, one a photo."""
    parts = urllib.parse.urlsplit(config.server_url)
    self._place = parts.hostname or "", parts.port
    self._path = f"/v1/models/{config.served_model}:predict"
    self._bodies = [
      json.dumps(
        {"instances": [{"b64": base64.b64encode(photo).decode()}]}
      ).encode()
      for photo in photos
    ]

  def send(self, number: int) -> tuple[int, float]:
    """Status and seconds of a request; the status is 0 without an answer."""
    begin = time.monotonic()
    try:
      body = self._bodies[number % len(self._bodies)]
      status, _ = self._ask("POST", self._path, body)
    except (OSError, http.client.HTTPException):
      status = 0
    return status, time.monotonic() - begin

  def resident_bytes(self) -> float:
    """Memory of the server's process.

    Raises:
      OSError: if it does not tell.
    """
    _, text = self._ask("GET", "/metrics")
    name = rb"^process_resident_memory_bytes (\S+)"
    found = re.search(name, text, re.MULTILINE)
    if found is None:
      raise OSError("the server's /metrics tells no resident memory")
    return float(found[1])

  def _ask(
    self, method: str, path: str, body: bytes | None = None
  ) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection(*self._place, timeout=_LONGEST_S)
    try:
      connection.request(method, path, body)
      answer = connection.getresponse()
      return answer.status, answer.read()
    finally:
      connection.close()


Send = Callable[[int], tuple[int, float]]


def waiting_clients(send: Send, clients: int, seconds: float) -> Outcome:
  """Load by clients that send the next request when they have an answer.

  After a refusal they wait for a second.
  """
  outcome, lock = Outcome(), threading.Lock()
  begin = time.monotonic()

  def client(number: int) -> None:
    while time.monotonic() < begin + seconds:
      answer = send(number)
      _count(outcome, lock, answer)
      if answer[0] in _REFUSALS:
        time.sleep(_PAUSE_S)
      number += clients

  with ThreadPoolExecutor(clients) as pool:
    list(pool.map(client, range(clients)))
  outcome.duration_s = time.monotonic() - begin
  return outcome


def fixed_rate(send: Send, rate: float, seconds: float) -> Outcome:
  """Load by requests at fixed times.

  Args:
    send: sends the request of a number.
    rate: requests a second; at most 200 are sent.
    seconds: how long; at least one is sent.
  """
  outcome, lock = Outcome(), threading.Lock()
  rate = min(rate, _MOST_PER_SECOND)
  begin = time.monotonic()

  def one(number: int) -> None:
    _count(outcome, lock, send(number))

  with ThreadPoolExecutor(_MOST_AT_A_TIME) as pool:
    for number in range(max(1, int(rate * seconds))):
      time.sleep(max(0.0, begin + number / rate - time.monotonic()))
      pool.submit(one, number)
  outcome.duration_s = time.monotonic() - begin
  return outcome


def run(
  config: LoadConfig,
  photos: Sequence[bytes],
  told: Callable[[str], None] = print,
) -> bool:
  """Loads a server; whether it made no errors and kept its memory.

  Args:
    config: how long and with what.
    photos: contents of files.
    told: gets lines of a report.

  Raises:
    OSError: if there is no server.
  """
  target = Target(config, photos)
  target.resident_bytes()
  probe = waiting_clients(
    target.send, config.load_clients, config.probe_seconds
  )
  told(f"{config.load_clients} clients that wait: {probe.text()}")
  if not probe.rate:
    return False
  before = target.resident_bytes()
  soak = fixed_rate(target.send, probe.rate / 2, 60.0 * config.minutes)
  grown = target.resident_bytes() / before - 1.0
  told(f"half of the rate, {config.minutes:g} min: {soak.text()}")
  overload = fixed_rate(target.send, 3.0 * probe.rate, config.overload_seconds)
  told(
    f"three times the rate, {config.overload_seconds:g} s: {overload.text()}"
  )
  told(
    f"memory: {before / 1e6:.0f} MB before, {grown:+.2%} in the soak, "
    f"{target.resident_bytes() / before - 1.0:+.2%} after all"
  )
  errors = probe.errors + soak.errors + overload.errors
  return not errors and grown < _GROWTH


def _count(
  outcome: Outcome, lock: threading.Lock, answer: tuple[int, float]
) -> None:
  status, seconds = answer
  with lock:
    outcome.statuses[status] += 1
    if status == 200:
      outcome.seconds.append(seconds)
