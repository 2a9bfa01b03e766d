"""What a pickle says of numpy's arrays, checked before one is made.

The arrays are views of the bytes of the file: plain numbers, truth values, and
texts of a fixed length.
"""

import math
import re
from typing import Any

import numpy as np

from hund_tf.body.adapters.pickle_tree import PickleError

_PLAIN = re.compile(
  r"[<>=|]?(b1|[iu][1248]|f[248]|c8|c16|[SU][0-9]{1,8}|\?|[bBhHiIlLqQefdFD])"
)
_HOLDS_OBJECTS = 0b0111  # flags of numpy's dtypes
_MAX_DIMENSIONS = 32
_LARGEST_EMPTY = 1 << 28  # product of the sizes other than 0


def plain_dtype(arguments: tuple, state: Any) -> np.dtype:
  """The dtype of numpy's `dtype(code, align, copy)` and its state.

  Raises:
    PickleError: if it is not of plain numbers or texts.
  """
  code = arguments[0] if arguments else None
  if isinstance(code, bytes):
    code = code.decode("latin1")
  if not isinstance(code, str) or not _PLAIN.fullmatch(code):
    raise PickleError(
      f"a dtype {ascii(code)[:40]}, expected plain numbers or texts"
    )
  dtype = np.dtype(code)
  if state is None:
    return dtype
  if not isinstance(state, tuple) or not 5 <= len(state) <= 9:
    raise PickleError(f"a damaged dtype {code}")
  order, parts, size = state[1], state[2:5], state[5:6]
  if any(part is not None for part in parts):
    raise PickleError(f"a dtype {code} with fields, expected plain numbers")
  if size and size[0] not in (-1, dtype.itemsize):
    raise PickleError(f"a dtype {code} whose items have {size[0]!r:.20} bytes")
  flags = state[7] if len(state) > 7 else 0
  if not isinstance(flags, int) or flags & _HOLDS_OBJECTS:
    raise PickleError(f"a dtype {code} of objects, expected plain numbers")
  if isinstance(order, bytes):
    order = order.decode("latin1")
  if order not in ("<", ">", "=", "|"):
    raise PickleError(f"a dtype {code} of an unknown byte order")
  return dtype if order == "|" else dtype.newbyteorder(order)


def filled_array(dtype: Any, shape: Any, order: str, data: Any) -> np.ndarray:
  """An array [*shape] over the bytes `data`, read-only.

  Args:
    dtype: of `plain_dtype`.
    shape: whole numbers from 0.
    order: "C", or "F" where the first number of the shape runs fastest.
    data: bytes, or these as a text in Latin-1.

  Raises:
    PickleError: if they are not as many bytes as the array has.
  """
  data = as_bytes(data)
  if not isinstance(dtype, np.dtype):
    raise PickleError("an array without a dtype")
  if isinstance(shape, int) and not isinstance(shape, bool):
    shape = (shape,)
  if not (
    isinstance(shape, tuple)
    and len(shape) <= _MAX_DIMENSIONS
    and all(type(size) is int and 0 <= size < 1 << 48 for size in shape)
  ):
    raise PickleError("an array without a shape")
  wanted = dtype.itemsize
  for size in shape:
    wanted *= size
  if wanted != len(data) or (dtype.itemsize == 0 and 0 not in shape):
    raise PickleError(
      f"an array {list(shape)} of {dtype} with {len(data)} bytes, expected "
      f"{wanted}"
    )
  if order not in ("C", "F"):
    raise PickleError("an array whose order is neither C nor F")
  if not data:
    if math.prod(size or 1 for size in shape) > _LARGEST_EMPTY:
      raise PickleError(f"an array of the shape {list(shape)}")
    return np.zeros(shape, dtype)
  array = np.frombuffer(data, dtype)
  _check_values(array)
  return array.reshape(shape, order=order)


def _check_values(array: np.ndarray) -> None:
  """Refuses bytes that are no truth values, or no characters."""
  kind = array.dtype.kind
  if kind == "b" and array.view(np.uint8).max() > 1:
    raise PickleError("truth values other than 0 and 1")
  if kind == "U":
    codes = array.view(np.dtype("u4").newbyteorder(array.dtype.byteorder))
    if codes.max() > 0x10FFFF:
      raise PickleError("a text of characters that do not exist")


def scalar(dtype: Any, data: Any) -> Any:
  """A number or text of numpy.

  Raises:
    PickleError: if the bytes are not those of one.
  """
  return filled_array(dtype, (), "C", data)[()]


def as_bytes(data: Any) -> bytes:
  """Bytes, of themselves or of a text in Latin-1.

  Raises:
    PickleError: if they are something else.
  """
  if isinstance(data, str):
    try:
      return data.encode("latin1")
    except UnicodeEncodeError:
      raise PickleError("a text in place of bytes") from None
  if not isinstance(data, bytes):
    raise PickleError(f"a {type(data).__name__} in place of bytes")
  return data


def dense(
  compressed_columns: bool, shape: Any, parts: list[np.ndarray], room: int
) -> np.ndarray:
  """A sparse matrix [R, C] with all its zeros.

  Args:
    compressed_columns: whether it is scipy's csc_matrix, else csr_matrix.
    shape: R and C.
    parts: data, indices, indptr as scipy names them.
    room: most bytes that it may have.

  Raises:
    PickleError: if they do not fit together.
  """
  values, inner, ends = parts
  if not (
    isinstance(shape, tuple)
    and len(shape) == 2
    and all(isinstance(n, int | np.integer) and n >= 0 for n in shape)
  ):
    raise PickleError("a sparse matrix without a shape")
  rows, columns = map(int, shape)
  if rows * columns * max(values.dtype.itemsize, 1) > room:
    raise PickleError(f"a sparse matrix of {rows} x {columns}, too large")
  outer_size = columns if compressed_columns else rows
  inner_size = rows if compressed_columns else columns
  if (
    any(p.ndim != 1 for p in parts)
    or any(p.dtype.kind not in "iu" for p in (inner, ends))
    or values.dtype.kind not in "biuf"
  ):
    raise PickleError("a sparse matrix of something else than numbers")
  # In place of unsigned ones, whose differences are never negative.
  inner, ends = inner.astype(np.int64), ends.astype(np.int64)
  if (
    len(ends) != outer_size + 1
    or ends[0] != 0
    or np.any(ends[1:] < ends[:-1])
    or ends[-1] != len(inner)
    or len(inner) != len(values)
    or np.any((inner < 0) | (inner >= inner_size))
  ):
    raise PickleError("a sparse matrix whose parts do not fit together")
  outer = np.repeat(np.arange(outer_size), np.diff(ends))
  place = (inner, outer) if compressed_columns else (outer, inner)
  result = np.zeros((rows, columns), values.dtype)
  np.add.at(result, place, values)
  return result
