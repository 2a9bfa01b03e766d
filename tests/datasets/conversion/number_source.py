"""A dataset that tests can send to other processes; quick to import."""

import resource
import signal
from dataclasses import dataclass

import numpy as np

from hund_tf.datasets.source import Skipped, WorkItem
from hund_tf.records.schema import PersonRecord


@dataclass(frozen=True)
class Numbers:
  """A dataset of numbers: of each item as many records, and its faults."""

  faults: str = ""  # of the items: - none, m missing, d one person damaged,
  # n a record that is not finite, e an error of the reader, r left out
  name: str = "numbers"

  def items(self):
    return [WorkItem(f"item {i}", (f,)) for i, f in enumerate(self.faults)]

  def convert(self, item):
    (fault,) = item.payload
    if fault == "m":
      yield Skipped(item.key, "missing", f"{item.key}: missing", True)
      return
    if fault == "e":
      raise OSError("the disk has gone")
    box = np.ones(4) * (np.nan if fault == "n" else 1)
    yield PersonRecord(f"{item.key} a", "numbers", box=box, subject="S1")
    if fault == "d":
      yield Skipped(item.key, "damaged", f"{item.key}: damaged", True)
    elif fault == "r":
      yield Skipped(item.key, "rule", f"{item.key}: rule", False)


@dataclass(frozen=True)
class Full(Numbers):
  """The same where files of this process may have 1000 bytes."""

  def convert(self, item):
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, most))
    yield from super().convert(item)
