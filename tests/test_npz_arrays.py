"""npz files of strangers: arrays as numpy wrote them, and what is refused."""

import io
import struct
import zipfile

import numpy as np
import pytest

from hund_tf import npz_arrays


def _npy(array) -> bytes:
  file = io.BytesIO()
  np.lib.format.write_array(file, np.asarray(array), allow_pickle=True)
  return file.getvalue()


def _header(shape, dtype="<f4", data=b"") -> bytes:
  file = io.BytesIO()
  header = {"shape": shape, "fortran_order": False, "descr": dtype}
  np.lib.format.write_array_header_1_0(file, header)
  return file.getvalue() + data


def _zip(path, *members, method=zipfile.ZIP_DEFLATED):
  with zipfile.ZipFile(path, "w", method) as archive:
    for name, data in members:
      archive.writestr(name, data)
  return path


@pytest.mark.parametrize("compressed", [False, True])
def test_arrays_make_a_round_trip(tmp_path, compressed):
  rng = np.random.default_rng(0)
  arrays = {
    "a": rng.normal(size=(2, 3, 4)).astype(np.float32),
    "fortran": np.asfortranarray(rng.normal(size=(5, 6)).astype(np.float16)),
    "big": rng.normal(size=7).astype(">f4"),
    "empty": np.zeros((0, 3), np.float32),
    "single": np.float32(1.5),
    "text": np.array("\u00e4b"),
  }
  path = tmp_path / "a.npz"
  (np.savez_compressed if compressed else np.savez)(path, **arrays)
  found = npz_arrays.read(path, texts=["text"])
  assert found.keys() == arrays.keys()
  for name, array in arrays.items():
    np.testing.assert_array_equal(found[name], array)
    assert found[name].dtype.isnative and found[name].flags.writeable
  assert npz_arrays.read(path, names=["a"]).keys() == {"a"}
  whole = {"i": np.arange(3), "b": np.array([True])}
  np.savez(path, **whole)
  found = npz_arrays.read(path, npz_arrays.NUMBERS)
  np.testing.assert_array_equal(found["i"], [0, 1, 2])


_FINE = _npy(np.float32([1, 2]))


@pytest.mark.parametrize(
  "members, problem",
  [
    ([("a.npy", _npy(np.float32([1, np.nan])))], "a has values that are not"),
    ([("a.npy", _npy(np.float16([np.inf])))], "a has values that are not"),
    (
      [("a.npy", _npy([1.0]))],
      "a is of type float64, expected float16, float32",
    ),
    ([("a.npy", _npy(np.array([None])))], "a is of type object"),
    ([("a.npy", _npy(np.zeros(1, "f4,f4")))], "a is of type"),
    ([("a.npy", _npy(np.array("x")))], "a is of type"),
    ([("text.npy", _FINE)], "text is of type <f4, expected a text"),
    ([("a.txt", b"x")], "'a.txt', which is no array"),
    ([("\x1b[2J.npy", _FINE)], "which is no array"),
    ([("a.npy", b"x")], "EOF"),
    ([("a.npy", _FINE[:-1])], "which is not 7 bytes"),
    ([("a.npy", _FINE + b"x")], "which is not 9 bytes"),
    ([("a.npy", _header((1 << 40,)))], "which is not 0 bytes"),
    ([("a.npy", _header((1 << 62, 1 << 62)))], "which is not 0 bytes"),
    ([("a.npy", _header((-1,)))], "a has shape [-1]"),
    ([("a.npy", _header((0,) * 40))], ""),
    ([("a.npy", _header((2,), "no type"))], "descr"),
    ([("a.npy", b"\x93NUMPY\x09\x00" + _FINE[8:])], ""),
    ([("a.npy", bytes(200_000_000))], "its arrays have 200,000,000 bytes"),
  ],
)
def test_what_is_refused(tmp_path, members, problem):
  path = _zip(tmp_path / "a.npz", *members)
  with pytest.raises(ValueError, match="^(?!.*\n)") as caught:
    npz_arrays.read(path, texts=["text"])
  assert problem in str(caught.value) and str(caught.value).isprintable()
  assert len(str(caught.value)) < 400


@pytest.mark.parametrize(
  "data, problem",
  [
    (_FINE, "single array, .npy"),
    (b"\x80\x04N.", "a pickle"),
    (b"\x89HDF\r\n", "HDF5"),
    (b"", "no .npz"),
    (b"PK\x03\x04 and so on", "damaged"),
  ],
)
def test_other_files_are_named(tmp_path, data, problem):
  path = tmp_path / "a.npz"
  path.write_bytes(data)
  with pytest.raises(ValueError, match=problem):
    npz_arrays.read(path)


def test_how_a_file_is_packed(tmp_path):
  path = tmp_path / "a.npz"
  with pytest.warns(UserWarning, match="Duplicate"):
    _zip(path, ("a.npy", _FINE), ("a.npy", _FINE))
  with pytest.raises(ValueError, match="two arrays a"):
    npz_arrays.read(path)
  _zip(path, ("a.npy", _FINE), method=zipfile.ZIP_LZMA)
  with pytest.raises(ValueError, match="a is compressed in an unknown way"):
    npz_arrays.read(path)
  data = bytearray(_zip(path, ("a.npy", _FINE)).read_bytes())
  for mark, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
    data[data.index(mark) + place] |= 1
  path.write_bytes(data)
  with pytest.raises(ValueError, match="a is encrypted"):
    npz_arrays.read(path)


def test_a_wrong_size_in_the_directory(tmp_path):
  path = _zip(tmp_path / "a.npz", ("a.npy", _npy(np.zeros(10**6, np.float32))))
  data = bytearray(path.read_bytes())
  place = data.index(b"PK\x01\x02") + 24
  data[place : place + 4] = struct.pack("<I", len(_FINE))
  path.write_bytes(data)
  with pytest.raises(ValueError, match="damaged|shape"):
    npz_arrays.read(path)


def test_headers_are_checked_before_values_are_read(tmp_path):
  path = _zip(tmp_path / "a.npz", ("a.npy", _npy(np.float32([np.nan]))))

  def check(headers):
    assert headers["a"].shape == (1,)
    raise ValueError("not the shape")

  with pytest.raises(ValueError, match="not the shape"):
    npz_arrays.read(path, check=check)


def test_lists_of_texts(tmp_path):
  path = tmp_path / "a.npz"
  texts = ["a", "\u00e4b", ""]
  for array in (texts, [text.encode() for text in texts]):
    np.savez(path, keys=np.array(array))
    found = npz_arrays.read(path, lists=["keys"])["keys"]
    assert found.tolist() == texts and found.dtype.kind == "U"
  for array in ("a", [["a"]], [1], [b"\xff"]):
    np.savez(path, keys=np.array(array))
    with pytest.raises(ValueError, match="texts|decode"):
      npz_arrays.read(path, lists=["keys"])


def test_values_that_are_not_finite_can_be_allowed(tmp_path):
  path = tmp_path / "a.npz"
  np.savez(path, a=np.float32([1, np.nan, -np.inf]))
  found = npz_arrays.read(path, only_finite=False)["a"]
  np.testing.assert_array_equal(found, [1, np.nan, -np.inf])


def test_single_arrays(tmp_path):
  path = tmp_path / "a.npy"
  array = np.asfortranarray(np.arange(6, dtype=">f8").reshape(2, 3))
  np.save(path, array)
  found = npz_arrays.read_single(path)
  np.testing.assert_array_equal(found, array)
  assert found.dtype.isnative
  for data, problem in (
    (_npy([np.nan]), "the array has values that are not finite"),
    (_npy(np.array([None])), "the array is of type object"),
    (_header((1 << 40,)), "which is not 0 bytes"),
    (_FINE[:-1], "which is not 7 bytes"),
    (b"PK\x03\x04", "it is .npz"),
    (b"", "EOF"),
    (b"\x93NUMPY\x01\x00\x10\x00((((((((((((((((", "damaged"),
  ):
    path.write_bytes(data)
    with pytest.raises(ValueError, match=f"^(?!.*\n).*{problem}"):
      npz_arrays.read_single(path)
