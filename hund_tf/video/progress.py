"""How far a video is, and how fast it goes."""

import time


class Progress:
  """Is told how far a video is; this one says nothing."""

  def frames(self, count: int, people: int) -> None:
    """So many more frames are done, with so many people in them."""

  def begin(self, what: str, total: int) -> None:
    """A pass over so many frames begins; 0: not known how many."""


class FramesPerSecond(Progress):
  """Counts frames, people and seconds of each pass."""

  def __init__(self):
    self.passes: dict[str, tuple[int, int, float]] = {}
    self._what, self._start = "", 0.0

  def begin(self, what: str, total: int) -> None:
    """See `Progress`."""
    del total
    self._what, self._start = what, time.perf_counter()
    self.passes[what] = (0, 0, 0.0)

  def frames(self, count: int, people: int) -> None:
    """See `Progress`."""
    frames, seen, _ = self.passes[self._what]
    passed = time.perf_counter() - self._start
    self.passes[self._what] = (frames + count, seen + people, passed)
