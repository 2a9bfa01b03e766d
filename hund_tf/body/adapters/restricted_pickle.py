"""Reads the pickles of SMPL's files and of 3DPW, and runs nothing in them.

A pickle may name any function for the reader to call. This reader knows numpy
arrays, and the two foreign classes that SMPL's files hold: chumpy's arrays and
scipy's sparse matrices, which become plain arrays. It refuses all other names.
"""

import io
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse


class PickleError(ValueError):
  """A pickle that holds something else than arrays, or is damaged."""


class _Stub:
  """Takes the state of an object of a foreign class; has no behaviour."""

  def __setstate__(self, state):
    if not isinstance(state, dict):
      raise PickleError(f"state of type {type(state).__name__}, expected dict")
    self.state = state


class _ChumpyArray(_Stub):
  """chumpy.ch.Ch: the values are in `x`."""

  def array(self) -> np.ndarray:
    return np.asarray(self.state["x"])


class _ChumpySelection(_Stub):
  """chumpy.reordering.Select: entries `idxs` of another array `a`."""

  def array(self) -> np.ndarray:
    values = to_array(self.state["a"]).ravel()[to_array(self.state["idxs"])]
    shape = self.state.get("preferred_shape")
    return values if shape is None else values.reshape(tuple(shape))


class _SparseMatrix(_Stub):
  """scipy.sparse.csc_matrix or csr_matrix, compressed along columns or rows."""

  kind: type

  def array(self) -> np.ndarray:
    shape = self.state.get("_shape", self.state.get("shape"))
    parts = [self.state[name] for name in ("data", "indices", "indptr")]
    matrix = self.kind(tuple(parts), shape=shape)
    matrix.check_format(full_check=True)
    return matrix.toarray()


class _CscMatrix(_SparseMatrix):
  kind = scipy.sparse.csc_matrix


class _CsrMatrix(_SparseMatrix):
  kind = scipy.sparse.csr_matrix


class _Encode:
  """`_codecs.encode`, by which Python 3 pickles bytes for Python 2."""

  __slots__ = ()

  def __call__(self, text: str, encoding: str) -> bytes:
    if encoding not in ("latin1", "latin-1"):
      raise PickleError(f"encoding {encoding!r}, expected 'latin1'")
    return text.encode("latin1")


class _Reconstruct:
  """`copyreg._reconstructor`, for the foreign classes only."""

  __slots__ = ()

  def __call__(self, kind: type, base: type, state: Any) -> _Stub:
    if not (isinstance(kind, type) and issubclass(kind, _Stub)):
      raise PickleError(f"an object of {kind}, expected arrays")
    return kind()


def _known_names() -> dict[tuple[str, str], Any]:
  """Everything that a pickle may name."""
  multiarray = np.core.multiarray
  known: dict[tuple[str, str], Any] = {("_codecs", "encode"): _Encode()}
  for module in ("numpy.core.multiarray", "numpy._core.multiarray"):
    known[module, "_reconstruct"] = multiarray._reconstruct
    known[module, "scalar"] = multiarray.scalar
  known["numpy", "ndarray"] = np.ndarray
  known["numpy", "dtype"] = np.dtype
  for module in ("copy_reg", "copyreg"):
    known[module, "_reconstructor"] = _Reconstruct()
  for module in ("__builtin__", "builtins"):
    known[module, "object"] = object
  known["chumpy.ch", "Ch"] = _ChumpyArray
  known["chumpy.reordering", "Select"] = _ChumpySelection
  for name, kind in (("csc", _CscMatrix), ("csr", _CsrMatrix)):
    for module in (f"scipy.sparse.{name}", f"scipy.sparse._{name}"):
      known[module, f"{name}_matrix"] = kind
  return known


class _Unpickler(pickle.Unpickler):
  """Looks names up in a fixed table and imports nothing."""

  _KNOWN = _known_names()

  def find_class(self, module: str, name: str) -> Any:
    try:
      return self._KNOWN[module, name]
    except KeyError:
      raise PickleError(f"it names {module}.{name}") from None

  def persistent_load(self, pid):
    raise PickleError("it refers to objects outside of the file")


def to_array(value: Any) -> np.ndarray:
  """A value of a pickle as a plain array.

  Raises:
    PickleError: if it is no array.
  """
  try:
    if isinstance(value, _Stub):
      value = value.array()
    array = np.asarray(value)
  except PickleError:
    raise
  except Exception as error:  # whatever a damaged state leads to
    raise PickleError(f"not an array: {error}") from error
  if array.dtype == object:
    raise PickleError("an array of objects, expected numbers")
  return array


def load(path: str | Path) -> dict[str, Any]:
  """The dict in a pickle of Python 2 or 3; turn its values by `to_array`.

  Raises:
    PickleError: if the file cannot be read, is damaged, is not a dict, or
      names anything but arrays. The message does not name the file.
  """
  try:
    data = _Unpickler(
      io.BytesIO(Path(path).read_bytes()), encoding="latin1"
    ).load()
  except PickleError:
    raise
  except Exception as error:  # damaged pickles raise nearly anything
    raise PickleError(f"cannot be read ({error})") from error
  if not isinstance(data, dict):
    raise PickleError(f"holds a {type(data).__name__}, expected a dict")
  return data
