"""A kind of files that strangers hand in, and who reads it."""

import zlib
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

ACCEPTED = "accepted"
REFUSED = "refused"


class Kind(NamedTuple):
  """One row of the table."""

  name: str
  count: int  # files of a full run
  quick: int  # files in `make test`
  suffix: str  # of the files
  make: Callable[[np.random.Generator], bytes]  # a file
  run: Callable[[Path], str]  # reads it; what came of it in a word or two, most
  # often ACCEPTED
  documented: tuple[type[Exception], ...]  # what `run` may raise: REFUSED. The
  # text is one line with the file's name
  memory_mb: float  # most that reading one file may take

  def file(self, seed: int, number: int) -> bytes:
    """The file of a number: the same in every run of the seed."""
    name = zlib.crc32(self.name.encode())
    return self.make(np.random.default_rng([seed, name, number]))
