"""Records that are whole and wrong, and shards that do not fit together."""

import json

import numpy as np
import pytest

from hund_tf.compat import tf
from hund_tf.records import contents, schema, shards
from hund_tf.records.regions import encode_png
from hund_tf.records.schema import PersonRecord
from hund_tf.records.stream import RecordStream

_GREY = encode_png(np.full([30, 40], 255, np.uint8))
_NOISE = encode_png(np.random.default_rng(0).integers(0, 255, [30, 40]))


def _record(number: int = 0, **fields) -> PersonRecord:
  record = PersonRecord(
    key=f"people/{number}",
    dataset="people",
    image_size=np.array([40, 30]),
    intrinsics=np.array([50, 50, 20, 15]),
    box=np.array([1, 2, 20, 25]),
    mask=_GREY,
    state_weight=1.0,
  )
  return record._replace(**fields)


def _with(name, column, value):
  points = np.array(getattr(PersonRecord("", ""), name))
  points[3, column] = value
  return {name: points}


def _proto(change) -> bytes:
  """A record whose stored fields were changed."""
  example = tf.train.Example.FromString(schema.encode(_record()))
  change(example.features.feature)
  return example.SerializeToString()


def _set(name, kind, values):
  def change(feature):
    getattr(feature[name], kind).value[:] = values

  return change


_WRONG = {
  "no width": (dict(box=np.array([1, 2, 0, 25])), "box is 1, 2, 0, 25, exp"),
  "no box": (dict(box=np.zeros(4)), "a width and a height above 0"),
  "focal 0": (dict(intrinsics=np.array([0, 5, 1, 1])), "focal lengths above 0"),
  "mask is text": (
    dict(mask=b"mask"),
    "mask cannot be decoded, expected a PNG",
  ),
  "mask is cut": (dict(mask=_NOISE[:200]), "mask cannot be decoded"),
  "mask is a GIF": (dict(mask=b"GIF89a" + bytes(40)), "mask cannot be decoded"),
  "mask of another size": (
    dict(mask=encode_png(np.zeros([40, 30], np.uint8))),
    r"mask is of \(30, 40\) pixels, expected the image's \(40, 30\)",
  ),
  "label 99": (
    dict(part_labels=encode_png(np.full([30, 40], 99, np.uint8))),
    "part_labels has the label 99, expected 0 to 14 or 255",
  ),
  "weight -5": (dict(state_weight=-5.0), "state_weight has the weight -5"),
  "weight 2": (_with("keypoints", 2, 2.0), "keypoints has the weight 2"),
  "confidence -1": (_with("detected", 2, -1), "detected has the weight -1"),
  "3D weight": (_with("landmarks_3d", 3, -1), "landmarks_3d has the weight"),
  "far": (_with("keypoints", 0, 1e30), "keypoints has 1e.30, expected at most"),
  "residual": (dict(residual_mm=-1.0), "residual_mm is -1"),
  "2 vertices": (dict(vertices=np.zeros([2, 3])), "has 2 vertices, expected n"),
}
_MALFORMED = {
  "state of 203": (
    _set("state", "float_list", [0.0] * 203),
    "state has 203 nu",
  ),
  "no state": (lambda f: f.pop("state"), "it lacks the field state"),
  "no key": (lambda f: f.pop("key"), "key has 0 values"),
  "no weight": (lambda f: f.pop("state_weight"), "state_weight has 0 values"),
  "no frame": (lambda f: f.pop("frame"), "frame has 0 values, expected one"),
  "no image field": (lambda f: f.pop("image"), "image has 0 values"),
  "two frames": (_set("frame", "int64_list", [1, 2]), "frame has 2 values"),
  "NaN": (_set("box", "float_list", [np.nan, 1, 1, 1]), "not finite"),
  "NaN weight": (_set("state_weight", "float_list", [np.nan]), "not finite"),
  "version": (_set("schema_version", "int64_list", [7]), "of version 7"),
  "no version": (_set("schema_version", "int64_list", []), "has 0 values"),
  "no text": (_set("key", "bytes_list", [b"\xff"]), "key is no UTF-8"),
  "no type": (_set("state", "bytes_list", [b"x"]), "state is a bytes_list"),
  "integers": (_set("vertices", "int64_list", [1]), "vertices is a int64_list"),
  "escape": (
    lambda f: (f.pop("box"), _set("key", "bytes_list", [b"\x1b[2J"])(f)),
    r"record \\x1b\[2J: it lacks the field box",
  ),
  "points": (_set("vertices", "float_list", [0.0] * 4), "vertices has 4 numb"),
}


@pytest.mark.parametrize("name", _WRONG)
def test_what_cannot_be_is_named(name):
  fields, text = _WRONG[name]
  with pytest.raises(ValueError, match=text) as error:
    contents.check(schema.encode(_record(**fields)), vertices=5)
  assert str(error.value).startswith("dataset people: people/0: ")
  assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", _MALFORMED)
def test_what_is_malformed_is_named(name):
  change, text = _MALFORMED[name]
  with pytest.raises(ValueError, match=text) as error:
    contents.check(_proto(change))
  assert "\n" not in str(error.value)


def test_good_records_pass():
  contents.check(schema.encode(_record()), vertices=5)
  contents.check(schema.encode(_record(vertices=np.zeros([5, 3]))), vertices=5)
  contents.check(schema.encode(_record(mask=b"", image_size=np.zeros(2))))
  with pytest.raises(ValueError, match="people/0: it holds no photo"):
    contents.check(schema.encode(_record()), image=True)


def _write(folder, count=8, number=2, bad=()):
  infos = []
  for index in range(number):
    path = shards.shard_path(folder, "people", index, number)
    records = [
      _record(i, state_weight=-5.0 if i in bad else 1.0)
      for i in range(index, count, number)
    ]
    infos.append(shards.write_shard(path, records, "s"))
  return shards.write_manifest(folder, "people", infos, {})


def test_a_stream_replaces_them_wherever_it_starts(tmp_path):
  manifest = _write(tmp_path, bad=[5])
  for first in (0, 1, 2):
    reports = []
    stream = RecordStream(
      [manifest], None, 0, 8, 0.2, reports.append, contents.check
    )
    keys = {schema.decode(data).key for data in stream.serialized(first)}
    assert "people/5" not in keys and len(keys) == 7
    assert len(reports) == 1 and "dataset people: people/5:" in reports[0]
    assert "people-00001-of-00002.tfrecord: record 2: " in reports[0]
  strict = RecordStream(
    [manifest], None, 0, 8, 0.01, lambda line: None, contents.check
  )
  with pytest.raises(shards.RecordError, match="1 of 8 records are damaged"):
    strict.serialized(0)
  with pytest.raises(shards.RecordError, match="00001-of.*record 2: .*-5"):
    shards.first_records(manifest, 8, contents.check)


def _in_manifest(**changes):
  """Changes the second shard's row of a manifest."""

  def change(folder):
    path = folder / "people.manifest.json"
    content = json.loads(path.read_text())
    content["shards"][1] |= changes
    content["records"] = sum(
      row["count"] for row in content["shards"] if isinstance(row["count"], int)
    )
    path.write_text(json.dumps(content))

  return change


def _in_index(row, column, value):
  def change(folder):
    path = folder / "people-00001-of-00002.index.npy"
    index = np.load(path)
    index[row, column] = value
    np.save(path, index)

  return change


def _other_index(make):
  def change(folder):
    path = folder / "people-00001-of-00002.index.npy"
    np.save(path, make(np.load(path)))

  return change


def _drop_shard(folder):
  path = folder / "people.manifest.json"
  content = json.loads(path.read_text())
  del content["shards"][1]
  content["records"] = 4
  path.write_text(json.dumps(content))


def _bytes(name, data):
  return lambda folder: (folder / name).write_bytes(data)


_INDEX = "people-00001-of-00002.index.npy"
_DAMAGE = {
  "half the count": (_in_manifest(count=2), "4 records, expected the 2"),
  "count -4": (_in_manifest(count=-4), "count of people-.* is -4"),
  "count 2^40": (_in_manifest(count=2**40), "4 records, expected the 1099"),
  "count 4.0": (_in_manifest(count=4.0), "count of people-.* is 4.0"),
  "count text": (_in_manifest(count="4"), "count of people-.* is '4'"),
  "bytes": (_in_manifest(bytes=7), "bytes, expected 7 bytes"),
  "digest": (_in_manifest(sha256="0" * 64), "sha256 is '.*expected the '0000"),
  "no digest": (_in_manifest(sha256=None), "sha256 of .* is None"),
  "outside": (_in_manifest(file="../x"), "file is '../x', expected a name"),
  "a shard less": (_drop_shard, "names 1 shards of 2"),
  "twice": (
    _in_manifest(file="people-00000-of-00002.tfrecord"),
    "named twice",
  ),
  "short index": (_other_index(lambda i: i[:2]), "2 records, expected the 4"),
  "empty index": (_other_index(lambda i: i[:0]), "0 records, expected the 4"),
  "flat index": (_other_index(lambda i: i.ravel()), r"expected int64 \[N, 3\]"),
  "float index": (_other_index(lambda i: i * 1.0), r"expected int64 \[N, 3\]"),
  "length 2^40": (_in_index(1, 1, 2**40), "record 1 is said to be 10995"),
  "length 2^63": (_in_index(1, 1, 2**63 - 1), "record 1 is said to be 92233"),
  "length -1": (_in_index(3, 1, -1), "record 3 is said to be -1 bytes"),
  "offset": (_in_index(2, 0, 12), "record 2 is said"),
  "no index": (_bytes(_INDEX, b""), "cannot be opened with its index"),
  "other index": (_bytes(_INDEX, b"PK\x03\x04"), "cannot be opened with"),
  "other info": (_bytes("people-00001-of-00002.json", b"{}"), "cannot be read"),
  "nesting": (_bytes("people.manifest.json", b"[" * 10**5), "not a manifest"),
  "list": (_bytes("people.manifest.json", b"[]"), "not a manifest"),
}


@pytest.mark.parametrize("name", _DAMAGE)
def test_files_that_do_not_fit_together_are_named(tmp_path, name):
  _write(tmp_path)
  shards.read_manifest(tmp_path)
  change, text = _DAMAGE[name]
  change(tmp_path)
  with pytest.raises(shards.RecordError, match=text) as error:
    shards.read_manifest(tmp_path)
  assert "people" in str(error.value) and "\n" not in str(error.value)


def test_a_total_that_is_not_the_sum_is_refused(tmp_path):
  _write(tmp_path)
  path = tmp_path / "people.manifest.json"
  path.write_text(path.read_text().replace('"records": 8', '"records": 4'))
  with pytest.raises(shards.RecordError, match="4 records, but its shards"):
    shards.read_manifest(tmp_path)


def test_checksums_of_the_index_are_verified(tmp_path):
  manifest = _write(tmp_path)
  shards.verify(manifest)
  _in_index(2, 2, 1)(tmp_path)
  assert shards.read_manifest(tmp_path) == manifest
  with pytest.raises(shards.RecordError, match="record 2 has another checksum"):
    shards.verify(manifest)
