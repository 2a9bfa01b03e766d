"""Person records: round trips, shards, checksums and damaged files."""

import numpy as np
import pytest

from hund_tf.compat import tf
from hund_tf.files import OutputError
from hund_tf.records import schema, shards
from hund_tf.records.schema import PersonRecord


def make_record(number: int = 0) -> PersonRecord:
  rng = np.random.default_rng(number)
  normal = lambda *shape: rng.normal(size=shape).astype(np.float32)
  return PersonRecord(
    key=f"S9/Directions 1/{number}",
    dataset="h36m",
    subject="S9",
    sequence="Directions",
    camera="54138969",
    frame=5 * number,
    image=bytes(rng.integers(0, 256, 50 + number, np.uint8)),
    image_size=np.array([640, 480], np.float32),
    intrinsics=normal(4),
    intrinsics_weight=1.0,
    box=normal(4),
    keypoints=normal(137, 3),
    joint_set="h36m_17",
    joints=normal(17, 3),
    joint_weights=np.ones(17, np.float32),
    state=normal(204),
    state_weight=1.0,
    body_joints=normal(63, 3),
    vertices=normal(7, 3),
  )


def assert_equal(left: PersonRecord, right: PersonRecord):
  for name, a, b in zip(PersonRecord._fields, left, right, strict=True):
    np.testing.assert_array_equal(a, b, err_msg=name)


def test_encoding_round_trip():
  spatial = np.random.default_rng(0).normal(size=(137, 4)).astype(np.float32)
  whole = make_record(3)._replace(landmarks_3d=spatial)
  for record in (whole, PersonRecord("key", "coco")):
    assert_equal(schema.decode(schema.encode(record)), record)


@pytest.mark.parametrize("name", ["photo_size", "landmarks_3d"])
def test_records_that_were_written_without_a_field_are_read(name):
  record = make_record(2)
  example = tf.train.Example.FromString(schema.encode(record))
  del example.features.feature[name]
  data = example.SerializeToString()
  assert_equal(schema.decode(data), record)
  assert not schema.parse(tf.constant(data))[name].numpy().any()


def test_parse_gives_every_field():
  record = make_record(1)
  tensors = schema.parse(tf.constant(schema.encode(record)))
  assert set(tensors) == set(PersonRecord._fields)
  for name, value in record._asdict().items():
    found = tensors[name].numpy()
    expected = value.encode() if isinstance(value, str) else value
    np.testing.assert_array_equal(found, expected, err_msg=name)


@pytest.mark.parametrize(
  "change, text",
  [
    (dict(keypoints=np.zeros((133, 3))), r"keypoints has shape \(133, 3\)"),
    (dict(state=np.full(204, np.nan)), "state has values"),
    (dict(joint_set="coco"), "joint_set is 'coco'"),
    (dict(joints=np.zeros((16, 3))), "16 joints and 17"),
    (dict(key=""), "without a key"),
  ],
)
def test_bad_records_are_refused(change, text):
  with pytest.raises(ValueError, match=text):
    schema.encode(make_record()._replace(**change))


def test_other_bytes_are_refused():
  with pytest.raises(ValueError, match="not a"):
    schema.decode(b"\xff\xff\xff")
  with pytest.raises(ValueError, match="no schema_version"):
    schema.decode(tf.train.Example().SerializeToString())


def write_dataset(folder, count=7, number=3):
  settings = {"source": "test"}
  digest = shards.settings_digest(settings)
  infos = []
  for index in range(number):
    path = shards.shard_path(folder, "train", index, number)
    mine = [make_record(i) for i in range(index, count, number)]
    infos.append(shards.write_shard(path, mine, digest, {"no box": index}))
  return shards.write_manifest(folder, "train", infos, settings)


def test_shards_round_trip(tmp_path):
  written = write_dataset(tmp_path)
  manifest = shards.read_manifest(tmp_path)
  assert manifest == written
  assert manifest.count == 7
  shards.verify(manifest)
  keys = [record.key for record in shards.read_records(manifest)]
  assert keys == [f"S9/Directions 1/{i}" for i in (0, 3, 6, 1, 4, 2, 5)]
  assert_equal(
    shards.ShardReader(manifest.paths()[1]).record(1), make_record(4)
  )
  # They are plain TFRecords.
  stored = tf.data.TFRecordDataset([str(path) for path in manifest.paths()])
  assert [schema.decode(x).key for x in stored.as_numpy_iterator()] == keys


def test_finished_shards_are_known(tmp_path):
  manifest = write_dataset(tmp_path)
  path, info = manifest.paths()[0], manifest.shards[0]
  assert shards.finished(path, info.settings) == info
  assert shards.finished(path, "other") is None
  path.write_bytes(path.read_bytes()[:-1])
  assert shards.finished(path, info.settings) is None


def test_a_shard_that_fails_leaves_nothing(tmp_path):
  def records():
    yield make_record(0)
    raise RuntimeError("camera lost")

  with pytest.raises(RuntimeError, match="camera lost"):
    shards.write_shard(tmp_path / "a.tfrecord", records())
  assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
  (tmp_path / "file").touch()
  with pytest.raises(OutputError, match="a.tfrecord: cannot be written"):
    shards.write_shard(tmp_path / "file" / "a.tfrecord", [make_record()])


def test_damage_is_found_and_others_are_read(tmp_path):
  manifest = write_dataset(tmp_path)
  path = manifest.paths()[0]
  data = bytearray(path.read_bytes())
  data[100] ^= 1  # within the first of its three records
  path.write_bytes(data)
  with pytest.raises(shards.RecordError, match=f"{path.name}: its sha256"):
    shards.verify(manifest)
  reader = shards.ShardReader(path)
  with pytest.raises(shards.RecordError, match="record 0 is damaged"):
    reader.record(0)
  assert_equal(reader.record(1), make_record(3))


def test_missing_files_are_named(tmp_path):
  manifest = write_dataset(tmp_path)
  manifest.paths()[2].unlink()
  with pytest.raises(shards.RecordError, match="00002-of-00003.*missing"):
    shards.read_manifest(tmp_path)
  with pytest.raises(shards.RecordError, match="0 manifests"):
    shards.read_manifest(tmp_path / "..")
