"""Where a signal hits a program."""

from typing import NamedTuple


class Aim(NamedTuple):
  """Where a signal hits."""

  place: str  # of `program.PLACES`
  turn: int  # of the place, from 1
  call: int  # of the turn, from 1; 0: none
  number: int  # of the signal

  def text(self) -> str:
    return " ".join(map(str, self))

  @classmethod
  def parse(cls, text: str) -> "Aim":
    place, *numbers = text.split()
    return cls(place, *map(int, numbers))
