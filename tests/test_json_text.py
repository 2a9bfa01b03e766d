"""JSON of strangers: what is allowed, and what is said of the rest."""

import pickle

import numpy as np
import pytest

from hund_tf import json_text
from hund_tf.files import JsonError, read_json


@pytest.mark.parametrize(
  "data, value",
  [
    (b'{"a": [1, -2.5, true, null, "x"]}', {"a": [1, -2.5, True, None, "x"]}),
    (b"\xef\xbb\xbf[]", []),
    ('"\u00e4"'.encode(), "\u00e4"),
    (b'"\\ud83d\\ude00"', "\U0001f600"),
    (b"-9223372036854775808", -(2**63)),
    (b"[" * 64 + b"]" * 64, None),
    (b'["' + b"[" * 100 + b'", "\\"[[", "]"]', None),
    (b"0." + b"1" * 5000, None),
    (b"1e308", 1e308),
  ],
)
def test_what_is_allowed(data, value):
  found = json_text.parse(data)
  assert value is None or found == value


@pytest.mark.parametrize(
  "data, problem",
  [
    (b"", "empty"),
    (b" \n", "empty"),
    (b"{", "Expecting"),
    (b"[1] 2", "Extra data"),
    (b"[NaN]", "holds NaN, which is no number"),
    (b"[-Infinity]", "holds -Infinity"),
    (b"[1e999]", "1e999 in it is too large"),
    (b"9" * 501, "501 digits"),
    (b"-" + b"9" * 10**6, "1000000 digits"),
    (b'{"a": 1, "b": 2, "a": 3}', "key 'a' twice"),
    (b"[" * 65 + b"]" * 65, "nested too deeply"),
    (b"[" * 10**6, "nested too deeply"),
    (b'{"a":' * 10**5, "nested too deeply"),
    (b'["]]]]]]]]",' * 70, "nested too deeply"),
    (b'"\xff"', "not UTF-8 at byte 1"),
    (b'"\\ud800"', "half of a character"),
    (b'{"\\udc00": 1}', "half of a character"),
    ("[1]".encode("utf-16"), "UTF-16"),
    ("[1]".encode("utf-32"), "UTF-32"),
    (b"\x00", "Expecting"),
    (b'"' + b"\\" * 10**6, ""),
  ],
)
def test_what_is_refused(data, problem):
  with pytest.raises(ValueError, match="^(?!.*\n)") as caught:
    json_text.parse(data)
  assert problem in str(caught.value) and len(str(caught.value)) < 200


def test_numbers():
  np.testing.assert_array_equal(json_text.numbers([[1, 2.5]]), [[1, 2.5]])
  np.testing.assert_array_equal(json_text.numbers(np.float32([1])), [1.0])
  assert json_text.numbers([]).shape == (0,)
  for value in ("1", ["1"], [True], [1, None], [[1], [1, 2]], {"a": 1}):
    with pytest.raises(ValueError):
      json_text.numbers(value)
  with pytest.raises(ValueError):
    json_text.numbers(["x" * 10**6] + ["y"] * 10**6)


def test_values_in_messages_are_short():
  assert json_text.shown([1, 2.5, "a"]) == "[1, 2.5, 'a']"
  assert len(json_text.shown([["x" * 10**6] * 10**6] * 10**6)) <= 300
  assert json_text.shown("\x1b[2J").isprintable()


def test_errors_name_the_file_and_survive_pickling(tmp_path):
  path = tmp_path / "a.json"
  path.write_bytes(b"[1,")
  with pytest.raises(JsonError) as caught:
    read_json(path)
  error = caught.value
  assert str(error).startswith(f"{path}: is not JSON (Expecting value")
  copy = pickle.loads(pickle.dumps(error))
  assert (str(copy), copy.problem) == (str(error), error.problem)
  path.write_bytes(b"[" + b" " * 2000 + b"]")
  with pytest.raises(JsonError, match="more than 0.001 MB"):
    read_json(path, largest_mb=0.001)
