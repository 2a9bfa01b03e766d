"""Being asked to end: Ctrl-C (SIGINT), and SIGTERM as schedulers send it.

Both are a `KeyboardInterrupt` in the main thread, SIGTERM the one that is
called `Terminated`.
"""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

INTERRUPTED = 130  # exit status after Ctrl-C, as shells have it
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Terminated(KeyboardInterrupt):
  """SIGTERM asked the process to end."""


def catch_sigterm() -> None:
  """From now on SIGTERM raises `Terminated`, as Ctrl-C does its like."""
  if threading.current_thread() is threading.main_thread():
    signal.signal(signal.SIGTERM, lambda *_: _raise(signal.SIGTERM))


def status(error: KeyboardInterrupt) -> int:
  """The exit status: 0 after SIGTERM, which is no fault, 130 after Ctrl-C."""
  return 0 if isinstance(error, Terminated) else INTERRUPTED


def line(error: KeyboardInterrupt) -> str:
  """What to tell of it: its text, if it has one."""
  kind = "terminated" if isinstance(error, Terminated) else "interrupted"
  return f"{kind}: {error}" if str(error) else kind


def _raise(number: int, text: str = "") -> None:
  raise (Terminated if number == signal.SIGTERM else KeyboardInterrupt)(text)


class Waiting:
  """The signals that came while they had to wait."""

  def __init__(self):
    self._numbers: list[int] = []

  def __bool__(self) -> bool:
    return bool(self._numbers)

  def add(self, number: int, limit: int | None = None) -> None:
    """Keeps a signal; the one after `limit` does not wait any more."""
    self._numbers.append(number)
    if limit and len(self._numbers) > limit:
      _raise(number)

  def end(self, text: str = "") -> None:
    """Raises the interrupt of the first signal, with a text for the user.

    Raises:
      KeyboardInterrupt: if there was one.
    """
    if self._numbers:
      number, self._numbers = self._numbers[0], []
      _raise(number, text)


@contextmanager
def waiting(limit: int | None = None) -> Iterator[Waiting]:
  """Lets SIGINT and SIGTERM wait until the end of the block, or `Waiting.end`.

  Outside of the main thread, which alone gets signals, it does nothing.

  Args:
    limit: so many signals wait, and the next one is raised at once; None: all.

  Raises:
    KeyboardInterrupt: at the end of a block that ended well, if a signal came.
  """
  came = Waiting()
  if threading.current_thread() is not threading.main_thread():
    yield came
    return
  old = {
    number: signal.signal(number, lambda n, _: came.add(n, limit))
    for number in _SIGNALS
  }
  try:
    yield came
  finally:
    for number, handler in old.items():
      signal.signal(number, handler or signal.SIG_DFL)
  came.end()
