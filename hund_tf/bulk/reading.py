"""Bytes of photos out of photo files, tars and TFRecords."""

import tarfile
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from google.protobuf.message import DecodeError

from hund_tf import files
from hund_tf.bulk.config import Limits
from hund_tf.bulk.listing import PHOTO_SUFFIXES, RECORD_SUFFIXES, TAR_SUFFIXES
from hund_tf.compat import tf

_REST = "the rest cannot be read"


class Photo(NamedTuple):
  """A photo that is not decoded yet."""

  name: str  # of its file, and what it is called in it
  data: bytes  # empty where there is an error
  error: str = ""  # why it cannot be read


class _StrictInfo(tarfile.TarInfo):
  """A header of a tar file that ends with its end marker only.

  `tarfile` takes a damaged header for the end of the file.
  """

  @classmethod
  def fromtarfile(cls, tar):
    try:
      return super().fromtarfile(tar)
    except tarfile.HeaderError as error:
      if type(error).__name__ == "EOFHeaderError":  # the end marker
        raise
      raise tarfile.ReadError(f"damaged tar: {error}") from error


def read(
  path: str, limits: Limits, image_feature: str = "image/encoded"
) -> Iterator[Photo]:
  """The photos of an input.

  What cannot be read is a photo with an error; where a tar or TFRecord file is
  damaged, that is its last one.

  Args:
    path: of `listing.list_inputs`.
    limits: of their bytes.
    image_feature: of TFRecords' examples.
  """
  if path.lower().endswith(TAR_SUFFIXES):
    return _read_tar(path, limits)
  if path.lower().endswith(RECORD_SUFFIXES):
    return _read_records(path, limits, image_feature)
  return iter([_read_file(path, limits)])


def batches(photos: Iterable[Photo], limits: Limits) -> Iterator[list[Photo]]:
  """Groups photos that follow each other, of bounded number and bytes.

  A single photo of more bytes is a group of its own.
  """
  group: list[Photo] = []
  room = limits.batch_mb * 1e6
  for photo in photos:
    full = len(group) == limits.batch_photos
    if group and (full or len(photo.data) > room):
      yield group
      group, room = [], limits.batch_mb * 1e6
    group.append(photo)
    room -= len(photo.data)
  if group:
    yield group


def _read_file(path: str, limits: Limits) -> Photo:
  name = files.printable(path)
  try:
    files.check_size(path, limits.photo_mb)
    return Photo(name, Path(path).read_bytes())
  except OSError as error:
    return Photo(name, b"", error.strerror or "cannot be read")
  except ValueError as error:
    return Photo(name, b"", files.problem(error))


def _read_tar(path: str, limits: Limits) -> Iterator[Photo]:
  """Photos among the members; other members are passed over."""
  most, source = limits.photo_mb * 1e6, files.printable(path)
  try:
    with tarfile.open(path, "r|*", tarinfo=_StrictInfo) as tar:
      for member in tar:
        # It would keep all of them.
        tar.members.clear()  # pyright: ignore[reportAttributeAccessIssue]
        if not _is_photo(member):
          continue
        name = f"{source}/{files.printable(member.name)}"
        if member.size > most:
          yield Photo(name, b"", _too_large(member.size, limits))
          continue
        file = tar.extractfile(member)
        assert file is not None  # it is a regular file
        yield Photo(name, file.read())
  except (tarfile.TarError, OSError, EOFError, zlib.error) as error:
    yield Photo(source, b"", f"{_REST} ({files.problem(error)})")


def _is_photo(member: tarfile.TarInfo) -> bool:
  name = PurePosixPath(member.name).name.lower()
  return (
    member.isreg()
    and name.endswith(PHOTO_SUFFIXES)
    and not name.startswith(".")
  )


def _read_records(
  path: str, limits: Limits, image_feature: str
) -> Iterator[Photo]:
  number, source = 0, files.printable(path)
  try:
    for record in tf.data.TFRecordDataset(path).as_numpy_iterator():
      yield _of_example(f"{source}#{number}", record, limits, image_feature)
      number += 1
  except tf.errors.OpError as error:
    text = files.one_line(error.message or "")
    yield Photo(source, b"", f"{_REST} ({text})")


def _of_example(
  name: str, record: bytes, limits: Limits, image_feature: str
) -> Photo:
  try:
    example = tf.train.Example.FromString(record)
  except DecodeError:
    return Photo(name, b"", "is no tf.train.Example")
  values = example.features.feature[image_feature].bytes_list.value
  if len(values) != 1:
    return Photo(
      name,
      b"",
      f"has {len(values)} values of the feature {image_feature!r}, expected 1",
    )
  if len(values[0]) > limits.photo_mb * 1e6:
    return Photo(name, b"", _too_large(len(values[0]), limits))
  return Photo(name, values[0])


def _too_large(size: int, limits: Limits) -> str:
  return f"has {size / 1e6:.1f} MB, allowed are {limits.photo_mb:g}"
