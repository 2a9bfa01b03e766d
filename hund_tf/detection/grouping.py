"""People or tiles of several photos in one list, and photo by photo again."""

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import TypeVar

T = TypeVar("T")


def repeated(values: Iterable[T], counts: Iterable[int]) -> list[T]:
  """Each value as often as its count says."""
  return [
    value
    for value, count in zip(values, counts, strict=True)
    for _ in range(count)
  ]


def grouped(items: Sequence[T], counts: Sequence[int]) -> list[list[T]]:
  """A list cut into parts of so many items.

  Raises:
    ValueError: if the counts do not add up to the length of the list.
  """
  if sum(counts) != len(items):
    raise ValueError(
      f"groups: counts add up to {sum(counts)}, expected {len(items)}"
    )
  rest = iter(items)
  return [list(islice(rest, count)) for count in counts]
