"""Arrays of npz and npy files that strangers hand in.

What a file says of its arrays is looked at first, and is checked before an
array takes memory: names, types, shapes, sizes, and how it is compressed.
"""

import math
import os
import stat
import tokenize
import zipfile
import zlib
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, BinaryIO, NamedTuple

import numpy as np

WEIGHTS = ("f2", "f4")  # types, as numpy's `str` has them
NUMBERS = (
  *WEIGHTS,
  "f8",
  "b1",
  *(f"{k}{n}" for k in "iu" for n in (1, 2, 4, 8)),
)
_MOST_ARRAYS = 20_000
_MOST_GROWTH = 100  # bytes of arrays for a byte of the file, and
_FREE = 1 << 24  # bytes that any file may grow to
_LONGEST_TEXT = 1 << 24  # bytes
_HEADERS = {
  (1, 0): np.lib.format.read_array_header_1_0,
  (2, 0): np.lib.format.read_array_header_2_0,
}
_FOREIGN = (
  (b"\x93NUMPY", "it is a single array, .npy"),
  (b"\x89HDF", "it is HDF5"),
  (b"\x80", "it is a pickle"),
)


class Header(NamedTuple):
  """What a file says of an array."""

  shape: tuple[int, ...]
  dtype: np.dtype
  fortran: bool
  offset: int  # bytes before the values
  size: int  # bytes of the values


class _Allowed(NamedTuple):
  """What arrays may be; see `read`."""

  types: Collection[str]
  texts: Collection[str]
  lists: Collection[str]
  only_finite: bool


def read(
  path: str | os.PathLike,
  types: Collection[str] = WEIGHTS,
  texts: Collection[str] = (),
  check: Callable[[dict[str, Header]], None] = lambda headers: None,
  names: Collection[str] | None = None,
  lists: Collection[str] = (),
  only_finite: bool = True,
) -> dict[str, np.ndarray]:
  """The arrays of a file, of native byte order, by name.

  Args:
    path: of the file.
    types: those that arrays may have.
    texts: names of the arrays that are one text each.
    check: is told of the headers before the arrays are read, and raises
      ValueError if they are wrong.
    names: arrays that are read, where the file has them; by default all.
    lists: names of the arrays that are `[N]` texts, or bytes that are texts in
      UTF-8; they are returned as texts.
    only_finite: whether values that are not finite are refused.

  Raises:
    OSError: if there is no such file.
    ValueError: of one line that says what is wrong, without the file's name.
  """
  allowed = _Allowed(types, texts, lists, only_finite)
  with Path(path).open("rb") as file, _one_line():
    return _read(file, allowed, check, names)


def read_single(
  path: str | os.PathLike, types: Collection[str] = NUMBERS
) -> np.ndarray:
  """The finite array of an npy file, of native byte order.

  Raises:
    OSError: if there is no such file.
    ValueError: of one line that says what is wrong, without the file's name.
  """
  allowed = _Allowed(types, (), (), True)
  with Path(path).open("rb") as file, _one_line():
    size = _size(file)
    if file.read(4) == b"PK\x03\x04":
      raise ValueError("it is .npz, several arrays, and no .npy")
    file.seek(0)
    header = _header(file, size, "the array", allowed)
    file.seek(0)
    return _array(file.read(), "the array", header, allowed)


@contextmanager
def _one_line() -> Iterator[None]:
  """Turns what is raised on damaged files into ValueErrors of one line."""
  try:
    yield
  except (zipfile.BadZipFile, zlib.error, EOFError, OSError) as error:
    raise ValueError(f"it is damaged ({_line(error)})") from error
  except (NotImplementedError, RuntimeError) as error:
    raise ValueError(f"it is packed in a foreign way ({error})") from error
  except (KeyError, IndexError, TypeError, OverflowError) as error:
    raise ValueError(f"it is damaged ({error!r:.200})") from error
  except ValueError as error:
    raise ValueError(_line(error)) from error


def _line(error: Exception) -> str:
  return " ".join(str(error).split())[:300]


def _read(
  file: BinaryIO,
  allowed: _Allowed,
  check: Callable[[dict[str, Header]], None],
  names: Collection[str] | None,
) -> dict[str, np.ndarray]:
  size = _size(file)
  start = file.read(8)
  for mark, problem in _FOREIGN:
    if start.startswith(mark):
      raise ValueError(f"{problem}, and no .npz")
  if not start.startswith((b"PK\x03\x04", b"PK\x05\x06")):
    raise ValueError("it is no .npz")
  file.seek(0)
  with zipfile.ZipFile(file) as archive:
    members = _members(archive, _MOST_GROWTH * size + _FREE)
    headers = {
      name: _member_header(archive, info, name, allowed)
      for name, info in members.items()
      if names is None or name in names
    }
    check(headers)
    return {
      name: _array(archive.read(members[name]), name, header, allowed)
      for name, header in headers.items()
    }


def _size(file: BinaryIO) -> int:
  """Bytes of a file; refuses what is none, such as a pipe."""
  status = os.fstat(file.fileno())
  if not stat.S_ISREG(status.st_mode):
    raise ValueError("it is no file")
  return status.st_size


def _members(archive: zipfile.ZipFile, room: int) -> dict[str, zipfile.ZipInfo]:
  """The files of an archive by the names of their arrays."""
  found: dict[str, zipfile.ZipInfo] = {}
  if len(archive.infolist()) > _MOST_ARRAYS:
    raise ValueError(f"it has more than {_MOST_ARRAYS:,} arrays")
  for info in archive.infolist():
    name = info.filename.removesuffix(".npy")
    if name == info.filename or not name.isprintable() or len(name) > 300:
      raise ValueError(f"it holds {info.filename[:80]!r}, which is no array")
    if name in found:
      raise ValueError(f"it has two arrays {name}")
    if info.flag_bits & 1:
      raise ValueError(f"{name} is encrypted")
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
      raise ValueError(f"{name} is compressed in an unknown way")
    found[name] = info
  total = sum(info.file_size for info in found.values())
  if total > room:
    raise ValueError(
      f"its arrays have {total:,} bytes, {room:,} are the most of such a file"
    )
  return found


def _member_header(
  archive: zipfile.ZipFile,
  info: zipfile.ZipInfo,
  name: str,
  allowed: _Allowed,
) -> Header:
  with archive.open(info) as file:
    return _header(file, info.file_size, name, allowed)


def _header(
  file: IO[bytes], file_size: int, name: str, allowed: _Allowed
) -> Header:
  version = np.lib.format.read_magic(file)
  if version not in _HEADERS:
    raise ValueError(f"{name} has the unknown format {version}")
  try:
    shape, fortran, dtype = _HEADERS[version](file)
  except (SyntaxError, tokenize.TokenError, RecursionError, MemoryError):
    raise ValueError(f"{name} has a damaged header") from None
  offset = file.tell()
  size = dtype.itemsize * math.prod(shape)
  if name in allowed.texts:
    if dtype.kind != "U" or shape or size > _LONGEST_TEXT:
      raise ValueError(f"{name} is of type {dtype.str[:20]}, expected a text")
  elif name in allowed.lists:
    if dtype.kind not in "US" or len(shape) != 1:
      raise ValueError(
        f"{name} is of type {str(dtype)[:40]} and shape {list(shape)}, "
        "expected [N] texts"
      )
  elif dtype.str[1:] not in allowed.types:
    kinds = ", ".join(np.dtype(one).name for one in allowed.types)
    raise ValueError(f"{name} is of type {str(dtype)[:40]}, expected {kinds}")
  if any(length < 0 for length in shape) or offset + size != file_size:
    raise ValueError(
      f"{name} has shape {list(shape)} of {dtype}, which is not "
      f"{file_size - offset:,} bytes"
    )
  return Header(tuple(shape), dtype, fortran, offset, size)


def _array(
  data: bytes, name: str, header: Header, allowed: _Allowed
) -> np.ndarray:
  if len(data) != header.offset + header.size:
    raise ValueError(f"{name} is cut short")
  order = "F" if header.fortran else "C"
  count = math.prod(header.shape)
  values = np.frombuffer(data, header.dtype, count, header.offset)
  array = values.reshape(header.shape, order=order)
  array = array.astype(header.dtype.newbyteorder("="))
  if array.dtype.kind == "S":
    return np.char.decode(array, "utf-8")
  if array.dtype.kind == "U":
    codes = np.atleast_1d(array).view(np.uint32)
    if codes.max(initial=0) > 0x10FFFF:
      raise ValueError(f"{name} has characters that do not exist")
  floats = allowed.only_finite and array.dtype.kind == "f"
  if floats and not np.isfinite(array).all():
    raise ValueError(f"{name} has values that are not finite")
  return array
