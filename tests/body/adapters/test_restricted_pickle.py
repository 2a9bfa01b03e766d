"""Arrays of pickles of all times, and pickles that would harm their reader."""

import collections
import pickle
import re

import numpy as np
import pytest
import scipy.sparse

from hund_tf.body.adapters import restricted_pickle
from hund_tf.body.adapters.restricted_pickle import PickleError
from tests.fuzz import pickles

_ARRAY = b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\ntVb\ntR"


def _load(tmp_path, data):
  path = tmp_path / "x.pkl"
  path.write_bytes(data)
  return restricted_pickle.load(path)


def _dtype(code, fields=b"NN", flags=0, size=-1):
  state = b"(I3\nV<\nN%sI%d\nI-1\nI%d\ntb" % (fields, size, flags)
  return b"cnumpy\ndtype\n(V" + code + b"\nI0\nI1\ntR" + state


def _raw(count):
  return b"c_codecs\nencode\n(V" + b"A" * count + b"\nVlatin1\ntR"


_VALUES = {
  "floats": np.linspace(0, 1, 24).reshape(2, 3, 4),
  "fortran": np.asfortranarray(np.arange(12.0).reshape(3, 4)),
  "strided": np.arange(24)[::2].reshape(3, 4).T,
  "small": np.arange(5, dtype=np.float16),
  "big-endian": np.arange(5, dtype=">i4"),
  "truth": np.array([True, False]),
  "bytes": np.array([b"ab", b"c"]),
  "texts": np.array(["\u00e4b", "c"]),
  "complex": np.array([1j, 2.0]),
  "none": np.zeros((0, 3)),
  "single": np.array(3.0),
  "number": np.float32(1.5),
  "list": [1, 2.5, True],
  "of lists": [[1, 2], [3, 4]],
}


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("name", _VALUES)
def test_arrays_of_all_protocols(tmp_path, protocol, name):
  value = _VALUES[name]
  data = pickle.dumps({"a": value}, protocol=protocol)
  files = [data, pickles.renamed(data)] if protocol < 4 else [data]
  for file in files:
    found = restricted_pickle.to_array(_load(tmp_path, file)["a"])
    np.testing.assert_array_equal(found, np.asarray(value), strict=True)


def test_plain_values(tmp_path):
  value = {"t": "\u00e4", "b": b"\x80\xff", "": b"", "n": None, "l": [(1, "x")]}
  for protocol in range(6):
    data = pickle.dumps(value | {"d": {"e": -1.5}}, protocol=protocol)
    assert _load(tmp_path, data) == value | {"d": {"e": -1.5}}


@pytest.mark.parametrize("kind", ["csc", "csr"])
@pytest.mark.parametrize("shape", [(7, 5), (1, 1), (3, 8)])
def test_sparse_matrices(tmp_path, kind, shape):
  rng = np.random.default_rng(0)
  full = rng.normal(size=shape) * (rng.random(shape) < 0.3)
  matrix = getattr(scipy.sparse, f"{kind}_matrix")(full)
  found = _load(tmp_path, pickle.dumps({"m": matrix}, protocol=2))["m"]
  np.testing.assert_array_equal(found, full)


def test_byte_strings_of_python_2_by_protocol_0(tmp_path):
  data = (
    b"(dS'a'\n" + _ARRAY + b"(I1\n(I2\nt" + _dtype(b"i2") + b"I00\n"
    b"S'\\x01\\x00\\xff\\x7f'\ntbs."
  )
  np.testing.assert_array_equal(_load(tmp_path, data)["a"], [1, 32767])


_OBJECTS = b"(Va\nt}Va\n(" + _dtype(b"O8", flags=63) + b"I0\ntts"
_DEEP = b"(l" * 3000 + b"a" * 2999


@pytest.mark.parametrize(
  ("value", "problem"),
  [
    (
      b"cnumpy.core.multiarray\nscalar\n(" + _dtype(b"O8") + _raw(8) + b"tR",
      "dtype",
    ),
    (
      b"cnumpy.core.multiarray\nscalar\n(" + _dtype(b"f8") + _raw(7) + b"tR",
      "7 by",
    ),
    (
      b"cnumpy.core.multiarray\nscalar\n("
      + _dtype(b"f8", b"N" + _OBJECTS[:0] + b"(Va\nt", 0)
      + _raw(8)
      + b"tR",
      "fields",
    ),
    (
      b"cnumpy.core.numeric\n_frombuffer\n("
      + _raw(8)
      + _dtype(b"V8", b"(Va\nt}Va\n(" + _dtype(b"O8") + b"I0\nts")
      + b"(I1\ntVC\ntR",
      "dtype 'O8'",
    ),
    (_dtype(b"f8", flags=63), "objects"),
    (_dtype(b"f8", size=2**40), "bytes"),
    (_dtype(b"M8"), "dtype 'M8'"),
    (_dtype(b"f16"), "dtype 'f16'"),
    (_ARRAY, "without values"),
    (_ARRAY + b"(I1\n(I1\nt" + _dtype(b"O8") + b"I00\n(I1\nltb", "dtype 'O8'"),
    (
      _ARRAY
      + b"(I1\n(I4611686018427387904\nt"
      + _dtype(b"f8")
      + b"I00\n"
      + _raw(8)
      + b"tb",
      "without a shape",
    ),
    (
      _ARRAY
      + b"(I1\n(I1000000000\nt"
      + _dtype(b"f8")
      + b"I00\n"
      + _raw(8)
      + b"tb",
      "with 8 bytes, expected 8000000000",
    ),
    (
      _ARRAY
      + b"(I1\n(I100000000\nt"
      + _dtype(b"U0")
      + b"I00\n"
      + _raw(0)
      + b"tb",
      "0 bytes",
    ),
    (
      _ARRAY + b"(I1\n(I2\nt" + _dtype(b"U1") + b"I00\n" + _raw(8) + b"tb",
      "characters that do not exist",
    ),
    (
      _ARRAY + b"(I1\n(I2\nt" + _dtype(b"b1") + b"I00\n" + _raw(2) + b"tb",
      "truth values",
    ),
    (
      _ARRAY + b"(I1\n(I1\nt" + _dtype(b"f8") + b"I00\n" + _raw(8) + b"tb" * 2,
      "read",
    ),
    (b"cnumpy\nndarray\n", "holds numpy.ndarray"),
    (b"c__builtin__\nset\n((lI1\natR", "call of __builtin__.set"),
    (b"I" + b"9" * 30 + b"\n", "64 bits"),
    (b"L" + b"9" * 5000 + b"L\n", "cannot be read"),
    (_DEEP, "nested too deeply"),
    (b"(lp1\ng1\na", "nested too deeply"),
    (b"N0(" + b"N" * 9, "cannot be read"),
    (b"Pabc\n", "outside of the file"),
    (b"\x82\x01", "EXT1"),
    (b"cos\nsystem\n", "it names os.system"),
    (b"cos\nsystem\n0N", "it names os.system"),
    (b"c" + b"x" * 5000 + b"\n\x1b[2J\n", "it names xxx"),
    (b"(iposix\nsystem\n", "it names posix.system"),
  ],
)
def test_harm_is_refused(tmp_path, value, problem):
  with pytest.raises(PickleError, match=re.escape(problem)) as caught:
    _load(tmp_path, b"(dVa\n" + value + b"s.")
  assert str(caught.value).isprintable() and len(str(caught.value)) < 300


def test_lists_of_lists_do_not_grow_without_end(tmp_path):
  value = [0.0]
  for _ in range(20):
    value = [value, value]
  _load(tmp_path, pickle.dumps({"a": value[0][0][0][0][0]}))
  for _ in range(3):
    value = [value, value]
  with pytest.raises(PickleError, match="bytes of values"):
    _load(tmp_path, pickle.dumps({"a": value}))


def test_sparse_matrices_do_not_grow_without_end(tmp_path):
  large = scipy.sparse.csc_matrix((1 << 20, 64))
  with pytest.raises(PickleError, match="1048576 x 64, too large"):
    _load(tmp_path, pickle.dumps({"m": large}))
  many = {n: scipy.sparse.csc_matrix((1000, 300)) for n in range(100)}
  with pytest.raises(PickleError, match="1000 x 300, too large"):
    _load(tmp_path, pickle.dumps(many))


@pytest.mark.parametrize(
  "change",
  [
    {"indices": np.array([9, 1])},
    {"indices": np.array([-1, 1])},
    {"indptr": np.array([0, 2**62, 2])},
    {"indptr": np.array([0, 1])},
    {"indptr": np.array([1, 1, 2])},
    {"data": np.array(["a", "b"])},
    {"_shape": (2**40, 2**40)},
    {"_shape": (-1, 2)},
    {"_shape": None},
  ],
)
def test_damaged_sparse_matrices(tmp_path, change):
  matrix = scipy.sparse.csr_matrix(np.eye(2))
  vars(matrix).update(change)
  with pytest.raises(PickleError, match="sparse"):
    _load(tmp_path, pickle.dumps({"m": matrix}, protocol=2))


def test_other_containers_are_named(tmp_path):
  value = {"a": collections.OrderedDict(b=1)}
  with pytest.raises(PickleError, match=r"names collections\.OrderedDict"):
    _load(tmp_path, pickle.dumps(value))


def test_texts_of_lists_are_not_made_equally_long():
  with pytest.raises(PickleError, match="texts"):
    restricted_pickle.to_array(["x" * 10**6] + ["y"] * 10**6)


def test_what_is_no_file(tmp_path):
  for path in (tmp_path, tmp_path / "missing", "/dev/zero"):
    with pytest.raises(PickleError, match="cannot be read"):
      restricted_pickle.load(path)
