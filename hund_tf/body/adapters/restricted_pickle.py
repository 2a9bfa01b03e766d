"""Reads the pickles of SMPL's files and of 3DPW, and runs nothing in them.

A pickle may name any function for its reader to call. This reader calls none:
`pickle_tree` tells what the pickle says, and what it says of numpy's arrays is
checked and then made here, with that of the foreign classes in SMPL's files,
chumpy's arrays and scipy's sparse matrices, which become plain arrays. All
other names are refused.

What is made has at most 8 bytes for each byte of the file, and 16 MiB.
"""

import itertools
import os
import stat
from pathlib import Path
from typing import Any

import numpy as np

from hund_tf.body.adapters import pickle_arrays, pickle_tree
from hund_tf.body.adapters.pickle_tree import Call, Mapping, Name, PickleError

__all__ = ["PickleError", "load", "to_array"]

_LARGEST_FILE = 1 << 31  # bytes
_ROOM_PER_BYTE = 8
_ROOM = 1 << 24  # bytes, for sparse matrices in small files
_DEEPEST = 24  # of lists, tuples and dicts in each other

_MULTIARRAY = ("numpy.core.multiarray", "numpy._core.multiarray")
_NUMERIC = ("numpy.core.numeric", "numpy._core.numeric")
_BUILTINS = ("__builtin__", "builtins")
_NDARRAY = {Name("numpy", "ndarray")} | {
  Name(m, "ndarray") for m in _MULTIARRAY
}
_DTYPE = {Name("numpy", "dtype")} | {Name(m, "dtype") for m in _MULTIARRAY}
_RECONSTRUCT = {Name(m, "_reconstruct") for m in _MULTIARRAY}
_SCALAR = {Name(m, "scalar") for m in _MULTIARRAY}
_FROM_BUFFER = {Name(m, "_frombuffer") for m in _NUMERIC}
_ENCODE = {Name("_codecs", "encode")}
_BYTES = {Name(m, n) for m in _BUILTINS for n in ("bytes", "bytearray")}
_OBJECT = {Name(m, "object") for m in _BUILTINS}
_NEW = {Name(m, "_reconstructor") for m in ("copy_reg", "copyreg")}
_CHUMPY = {Name("chumpy.ch", "Ch")}
_SELECT = {Name("chumpy.reordering", "Select")}
_CSC = {Name(f"scipy.sparse.{m}", "csc_matrix") for m in ("csc", "_csc")}
_CSR = {Name(f"scipy.sparse.{m}", "csr_matrix") for m in ("csr", "_csr")}
_FOREIGN = _CHUMPY | _SELECT | _CSC | _CSR
_SETS = {Name(m, "set") for m in _BUILTINS}  # in parts of chumpy's not read
_KNOWN = frozenset().union(
  *(_NDARRAY, _DTYPE, _RECONSTRUCT, _SCALAR, _FROM_BUFFER, _ENCODE, _BYTES),
  *(_OBJECT, _NEW, _FOREIGN, _SETS),
)


def to_array(value: Any) -> np.ndarray:
  """A value of a pickle as a plain array.

  Raises:
    PickleError: if it is no array of numbers, truth values or texts. Texts of
      an array have one length; those of a list are refused.
  """
  if not isinstance(value, np.ndarray) and _holds_texts(value):
    raise PickleError("a list of texts, expected numbers")
  try:
    array = np.asarray(value)
  except (TypeError, ValueError, OverflowError, RecursionError) as error:
    raise PickleError(f"not an array: {error}") from error
  if array.dtype.kind not in "biufcSU":
    raise PickleError("an array of objects, expected numbers")
  return array


def _holds_texts(value: Any) -> bool:
  """Whether numpy would make room for the longest text, for each of them."""
  if isinstance(value, list | tuple):
    return any(_holds_texts(part) for part in value)
  return isinstance(value, str | bytes) or (
    isinstance(value, np.ndarray) and value.dtype.kind in "SU"
  )


def load(path: str | Path) -> dict[str, Any]:
  """The dict in a pickle of Python 2 or 3; turn its values by `to_array`.

  Raises:
    PickleError: if the file cannot be read, is damaged, is not a dict, or
      names anything but arrays. The message does not name the file.
  """
  data = _read(Path(path))
  tree = pickle_tree.parse(data, _KNOWN)
  value = _Maker(_ROOM_PER_BYTE * len(data) + _ROOM).make(tree)
  if not isinstance(value, dict):
    raise PickleError(f"holds a {type(value).__name__}, expected a dict")
  return value


def _read(path: Path) -> bytes:
  try:
    with path.open("rb") as file:
      status = os.fstat(file.fileno())
      if not stat.S_ISREG(status.st_mode) or status.st_size > _LARGEST_FILE:
        raise PickleError(
          f"cannot be read (no file of at most {_LARGEST_FILE >> 30} GiB)"
        )
      return file.read(_LARGEST_FILE)
  except (OSError, ValueError) as error:
    if isinstance(error, PickleError):
      raise
    raise PickleError(f"cannot be read ({error})") from error


class _Maker:
  """Makes the values of a tree, each once, and counts what they would take.

  A list may hold another one many times, and so on, so that a small file tells
  of an endless one: what counts is its size with all of that written out.
  """

  def __init__(self, room: int):
    self.room = room  # bytes of the values
    self.copies = room  # bytes left for arrays that are no views of the file
    self.made: dict[int, tuple[Any, int, int]] = {}  # value, bytes, depth
    self.open: set[int] = set()  # nodes in the making

  def make(self, node: Any) -> Any:
    return self._measured(node)[0]

  def _measured(self, node: Any) -> tuple[Any, int, int]:
    """A value, the bytes of all in it, and how deep it is nested."""
    if isinstance(node, Name):
      raise PickleError(f"it holds {node}, expected arrays")
    if not isinstance(node, list | tuple | Mapping | Call):
      return node, 8 + (len(node) if isinstance(node, str | bytes) else 0), 0
    if id(node) in self.made:
      return self.made[id(node)]
    if id(node) in self.open or len(self.open) > _DEEPEST:
      raise PickleError("its values are nested too deeply")
    self.open.add(id(node))
    if isinstance(node, Call):
      value = self._called(node)
      size = value.nbytes if isinstance(value, np.ndarray) else 0
      found = value, 8 + size + (len(value) if _is_text(value) else 0), 0
    else:
      found = self._container(node)
    self.open.remove(id(node))
    self.made[id(node)] = found
    return found

  def _container(self, node: list | tuple | Mapping) -> tuple[Any, int, int]:
    is_mapping = isinstance(node, Mapping)
    parts = itertools.chain(*node.items) if is_mapping else node
    size, depth, values = 8, 0, []
    for part in parts:
      value, more, below = self._measured(part)
      size, depth = size + more, max(depth, below + 1)
      values.append(value)
      if size > self.room:
        raise PickleError(f"more than {self.room:,} bytes of values")
    if depth > _DEEPEST:
      raise PickleError("its values are nested too deeply")
    if not is_mapping:
      return type(node)(values), size, depth
    if any(not isinstance(key, str | bytes | int) for key in values[::2]):
      raise PickleError("a dict whose keys are neither texts nor numbers")
    return dict(zip(values[::2], values[1::2], strict=True)), size, depth

  def _called(self, node: Call) -> Any:
    """What a call stands for."""
    name, first = node.name, (*node.arguments, None)[0]
    if name in _NEW and first in _FOREIGN:
      return self._foreign(first, node.state)
    if name in _FOREIGN:
      return self._foreign(name, node.state)
    if name in _RECONSTRUCT and first in _NDARRAY:
      return self._array(self.make(node.state))
    values = [self.make(argument) for argument in node.arguments]
    if name in _DTYPE:
      return pickle_arrays.plain_dtype(tuple(values), self.make(node.state))
    if node.state is not None:
      raise PickleError(f"a state of what {name} makes")
    if name in _SCALAR and len(values) == 2:
      return pickle_arrays.scalar(*values)
    if name in _FROM_BUFFER and len(values) == 4:
      data, dtype, shape, order = values
      return pickle_arrays.filled_array(dtype, shape, order, data)
    if name in _BYTES and not values:
      return b""
    if name in _ENCODE | _BYTES and values[1:] in ([], ["latin1"], ["latin-1"]):
      return pickle_arrays.as_bytes(values[0])
    raise PickleError(f"a call of {name}, expected arrays")

  def _array(self, state: Any) -> np.ndarray:
    """The array of numpy's state: version, shape, dtype, order, bytes."""
    if not isinstance(state, tuple) or len(state) not in (4, 5):
      raise PickleError("an array without values")
    shape, dtype, fortran, data = state[-4:]
    order = "F" if fortran else "C"
    return pickle_arrays.filled_array(dtype, shape, order, data)

  def _foreign(self, kind: Name, state: Any) -> np.ndarray:
    """The array that an object of a foreign class holds."""
    if not isinstance(state, Mapping):
      raise PickleError(f"an object of {kind} without values")
    fields = {key: value for key, value in state.items if isinstance(key, str)}

    def field(name: str) -> Any:
      if name not in fields:
        raise PickleError(f"an object of {kind} without {name}")
      return self.make(fields[name])

    if kind in _CHUMPY:
      return to_array(field("x"))
    if kind in _SELECT:
      return self._selected(
        to_array(field("a")),
        to_array(field("idxs")),
        self.make(fields.get("preferred_shape")),
      )
    shape = field("_shape" if "_shape" in fields else "shape")
    parts = [to_array(field(name)) for name in ("data", "indices", "indptr")]
    result = pickle_arrays.dense(kind in _CSC, shape, parts, self.copies)
    self.copies -= result.nbytes
    return result

  def _selected(
    self, array: np.ndarray, index: np.ndarray, shape: Any
  ) -> np.ndarray:
    """Entries of an array, as chumpy's Select has them."""
    self.copies -= array.nbytes + index.size * array.itemsize
    if self.copies < 0:
      raise PickleError(f"more than {self.room:,} bytes of values")
    try:
      values = array.ravel()[index.ravel()]
      return values if shape is None else values.reshape(shape)
    except (IndexError, TypeError, ValueError) as error:
      raise PickleError(f"a selection that does not fit: {error}") from error


def _is_text(value: Any) -> bool:
  return isinstance(value, str | bytes)
