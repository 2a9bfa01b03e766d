"""Pixels by OpenCV, and what its decoders warn of.

libjpeg fills in what is missing and writes a warning to the standard error, of
which none is lost here.
"""

import os
import re
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np

from hund_tf.decoding.damage import Damaged
from hund_tf.decoding.jpeg import Jpeg

_TAIL = 3  # bytes without which a JPEG must fall short
_EXTRANEOUS = re.compile(r"(\d+) extraneous bytes before marker 0xd9")
_HARMLESS = ("Warning: unknown JFIF revision", "Unknown Adobe color transform")
# How the lines of libjpeg, libpng and OpenCV begin.
_OF_DECODERS = re.compile(
  r"Corrupt JPEG data|Premature end of JPEG|Inconsistent progression|"
  r"Invalid SOS|Application transferred|libpng |\[ *\w+:\d|"
  + "|".join(_HARMLESS)
)
_stderr = threading.Lock()


def read(
  source: Path | bytes, flags: int, into: np.ndarray | None = None
) -> tuple[np.ndarray | None, str]:
  """OpenCV's pixels of a file or of bytes, and what the decoder said.

  They are decoded `into` an array, where one is given and has their size, and
  else exist twice for a moment.
  """
  if isinstance(source, Path):
    try:
      str(source).encode()
    except UnicodeEncodeError:  # a name that OpenCV does not take
      source = source.read_bytes()
  with messages() as said:
    if isinstance(source, bytes):
      pixels = cv2.imdecode(np.frombuffer(source, np.uint8), flags)
    elif into is None:
      pixels = cv2.imread(str(source), flags)
    else:
      pixels = cv2.imread(str(source), into, flags)
  return pixels, " ".join(said)


def skim(source: Path | bytes) -> str:
  """What libjpeg says of a JPEG of which hardly a pixel is computed."""
  return read(source, cv2.IMREAD_REDUCED_GRAYSCALE_8)[1]


def judged(warned: str) -> str:
  """What libjpeg's first warning means for the pixels.

  Returns:
    What may be damaged; empty for nothing.

  Raises:
    Damaged: if some are missing or wrong.
  """
  if not warned or warned.startswith(_HARMLESS):
    return ""
  if _EXTRANEOUS.search(warned) or warned.startswith("Inconsistent"):
    return warned
  raise Damaged(warned)


def surplus_from(markers: Jpeg) -> int:
  """Where to cut a JPEG for `surplus`; 0 if it has several scans."""
  if len(markers.scans) != 1 or markers.scans[0].bytes <= 10 * _TAIL:
    return 0
  return markers.scans[0].end - _TAIL


def surplus(begin: bytes) -> str:
  """What bytes of a sequential JPEG tell that no block needs.

  Without its last bytes the scan must fall short. If it does not, a part of it
  is lost, and blocks behind that part stand in the place of others.

  Args:
    begin: its bytes up to where `surplus_from` says.
  """
  if skim(begin + b"\xff\xd9"):
    return ""
  return "bytes at the end of the JPEG data belong to no pixel"


@contextmanager
def messages(others: bool = False) -> Iterator[list[str]]:
  """Keeps what decoders write to the standard error; lines, after the block.

  libjpeg, libpng and OpenCV write to the file descriptor. The block holds a
  lock; what other threads write to it meanwhile is written after the block.

  Args:
    others: whether decoders are at work whose lines nothing tells apart (of
      libtiff): all are kept, and what other threads write is lost.
  """
  said: list[str] = []
  with _stderr, tempfile.TemporaryFile() as file:
    sys.stderr.flush()
    kept = os.dup(2)
    try:
      os.dup2(file.fileno(), 2)
      yield said
    finally:
      os.dup2(kept, 2)
      os.close(kept)
      file.seek(0)
      for line in file.read(10_000).splitlines(keepends=True):
        text = line.decode("utf-8", "replace").strip()
        if others or _OF_DECODERS.match(text):
          said += [text] if text else []
        else:
          os.write(2, line)
