"""What every reader of a dataset gives to the conversion."""

from collections.abc import Iterator
from typing import NamedTuple, Protocol

from hund_tf.records.schema import PersonRecord


class WorkItem(NamedTuple):
  """What is converted in one go: a sequence, a video or a photo."""

  key: str  # unique within the dataset; names the input in messages
  payload: tuple  # what the reader needs to find it; can be pickled


class Skipped(NamedTuple):
  """An input that gives no record."""

  key: str  # names the input
  reason: str  # short, the same for all of its kind; counted in the report
  problem: str  # one line: what was wrong and what would be right
  damaged: bool  # counts for `--max_bad_fraction`; else left out by the rules


class DatasetSource(Protocol):
  """A dataset on disk; can be pickled, for several processes.

  Fields that are paths of files are looked at when a conversion is restarted,
  and so are the paths `more_files`, if a reader has them.
  """

  @property
  def name(self) -> str:
    """Of the dataset, as in `PersonRecord.dataset`."""
    ...

  def items(self) -> list[WorkItem]:
    """Everything to convert, always in the same order; cheap.

    Raises:
      ValueError: if the folder does not hold this dataset; names the folder,
        what is missing and what the layout should be.
    """
    ...

  def convert(self, item: WorkItem) -> Iterator[PersonRecord | Skipped]:
    """The records of an item, and what was left out.

    A damaged item gives a `Skipped`; it never raises for what is on disk.
    """
    ...
