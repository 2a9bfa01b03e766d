"""Which file a result was made of."""

import hashlib
import os
from typing import NamedTuple

from hund_tf.photos.loading import PhotoError


class PhotoSource(NamedTuple):
  """A file as it was when it was read."""

  path: str
  bytes: int
  sha256: str  # hexadecimal

  def seen_from(self, folder: str | os.PathLike) -> "PhotoSource":
    """With the path from a folder; absolute where there is no such way."""
    path = os.path.realpath(self.path)
    try:
      path = os.path.relpath(path, os.path.realpath(folder))
    except ValueError:  # on another drive
      pass
    return self._replace(path=path)


def source_of(path: str | os.PathLike) -> PhotoSource:
  """The size and digest of a file.

  Raises:
    PhotoError: if it cannot be read.
  """
  try:
    with open(path, "rb") as file:
      digest = hashlib.file_digest(file, "sha256").hexdigest()
      size = file.tell()
  except OSError as error:
    raise PhotoError(
      path,
      f"cannot be read ({error.strerror or error})",
      "give an image file that you may read",
    ) from error
  return PhotoSource(os.fspath(path), size, digest)
