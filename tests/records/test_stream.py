"""The stream of records: shares, epochs, resuming, replicas and damage."""

import collections

import numpy as np
import pytest

from hund_tf.compat import tf
from hund_tf.records import schema, shards
from hund_tf.records.mixing import Mix
from hund_tf.records.schema import PersonRecord
from hund_tf.records.stream import RecordStream


def write(folder, name, count, number=2):
  infos = []
  for index in range(number):
    path = shards.shard_path(folder, name, index, number)
    records = [
      PersonRecord(f"{name}/{i}", name) for i in range(index, count, number)
    ]
    infos.append(shards.write_shard(path, records))
  return shards.write_manifest(folder, name, infos, {})


@pytest.fixture
def two(tmp_path):
  return [write(tmp_path, "large", 10), write(tmp_path, "small", 4)]


def keys(records) -> list[str]:
  return [schema.decode(record).key for record in records]


def test_shares_are_exact_and_shuffled():
  mix = Mix([5.0, 3.0, 0.8], seed=3)
  sources, numbers = mix.turns(0, 2000)
  counts = np.bincount(sources[1000:])
  np.testing.assert_array_equal(counts, [568, 341, 91])
  for source in range(3):
    mine = numbers[sources == source]
    np.testing.assert_array_equal(mine, np.arange(2 * counts[source]))
  # Any part can be asked for alone, and turns are not in rows.
  some = mix.turns(990, 20)
  np.testing.assert_array_equal(some[0], sources[990:1010])
  np.testing.assert_array_equal(some[1], numbers[990:1010])
  changes = np.mean(sources[1:] != sources[:-1])
  expected = 1.0 - np.sum((counts / 1000) ** 2)
  assert changes == pytest.approx(expected, abs=0.05)
  assert (Mix([5.0, 3.0, 0.8], 4).turns(0, 50)[0] != sources[:50]).any()


@pytest.mark.parametrize(
  "weights", [[], [1, 0], [1, -1], [1, np.nan], [1, 1e4]]
)
def test_bad_weights_are_refused(weights):
  with pytest.raises(ValueError, match="mixing weights"):
    Mix(weights, 0)


def test_every_record_comes_once_an_epoch_in_another_order(tmp_path):
  stream = RecordStream([write(tmp_path, "a", 10, 3)], batch_size=5, seed=1)
  epochs = [
    [
      key
      for step in (2 * e, 2 * e + 1)
      for key in keys(stream.serialized(step))
    ]
    for e in range(3)
  ]
  for epoch in epochs:
    assert sorted(epoch) == [f"a/{i}" for i in range(10)]
  assert epochs[0] != epochs[1] != epochs[2]
  other = RecordStream(stream.manifests, batch_size=5, seed=2)
  assert keys(other.serialized(0)) != epochs[0][:5]


def test_a_step_is_the_same_whenever_it_is_asked_for(two):
  stream = RecordStream(two, [1, 3], seed=7, batch_size=4)
  forward = [stream.serialized(step) for step in range(600)]
  resumed = RecordStream(two, [1, 3], seed=7, batch_size=4)
  for step in (599, 3, 250):
    assert resumed.serialized(step) == forward[step]
    names = [("large", "small")[i] for i in resumed.sources(step)]
    assert names == [key.split("/")[0] for key in keys(forward[step])]
  drawn = collections.Counter(
    key.split("/")[0] for step in forward[:500] for key in keys(step)
  )
  assert drawn == {"large": 500, "small": 1500}


def test_datasets_count_by_size_without_weights(two):
  stream = RecordStream(two, batch_size=1000)
  assert np.bincount(stream.sources(0)).tolist() == [714, 286]


def test_replicas_share_the_batch_of_one(two):
  stream = RecordStream(two, [1, 1], batch_size=4)
  whole = [stream.serialized(step) for step in (5, 6)]
  one = stream.dataset(5).take(2)
  assert [r.numpy().tolist() for r, _ in one] == whole
  np.testing.assert_array_equal(
    [p.numpy() for _, p in one], [[20, 21, 22, 23], [24, 25, 26, 27]]
  )
  for machine in (0, 1):  # of two replicas each
    context = tf.distribute.InputContext(2, machine, 4)
    parts = stream.dataset(5, lambda r, p: r, context).take(4)
    found = [part.numpy().tolist() for part in parts]
    rows = [2 * machine, 2 * machine + 1]
    assert found == [[whole[step][row]] for step in (0, 1) for row in rows]
  with pytest.raises(ValueError, match="multiple of 3 replicas"):
    stream.dataset(0, context=tf.distribute.InputContext(1, 0, 3))


def damage(manifest, shard, number):
  """Flips a bit of a record."""
  path = manifest.paths()[shard]
  offset = np.load(path.with_suffix(".index.npy"))[number, 0]
  data = bytearray(path.read_bytes())
  data[offset + 5] ^= 1
  path.write_bytes(data)


def test_a_damaged_record_is_replaced_and_reported_once(two):
  good = [RecordStream(two, [1, 1], 0, 4).serialized(s) for s in range(20)]
  damage(two[0], 1, 2)  # records 1, 3, 5, ... are in this shard
  reports = []
  stream = RecordStream(two, [1, 1], 0, 4, 0.1, reports.append)
  for step in range(20):
    for key, before in zip(
      keys(stream.serialized(step)), keys(good[step]), strict=True
    ):
      assert key != "large/5"
      assert (key == before) == (before != "large/5")
  assert len(reports) == 1
  assert "large-00001-of-00002.tfrecord: record 2 is damaged" in reports[0]
  assert stream.damaged() == [1, 0]


def test_a_record_that_cannot_be_used_counts_as_damaged(two):
  checked, reports = [], []

  def check(record: bytes) -> None:
    checked.append(schema.decode(record).key)
    if checked[-1] == "large/5":
      raise ValueError("no picture")

  stream = RecordStream(two, [1, 1], 0, 4, 0.1, reports.append, check)
  read = [key for step in range(20) for key in keys(stream.serialized(step))]
  assert "large/5" not in read and set(checked) == {*read, "large/5"}
  assert len(checked) == len(set(checked))  # everyone once
  assert reports == [
    f"{two[0].paths()[1]}: record 2: no picture; another record takes its place"
  ]


def test_too_many_damaged_records_are_an_error(two):
  damage(two[0], 0, 1)
  damage(two[0], 1, 1)
  stream = RecordStream(two[:1], None, 0, 10, 0.1, lambda line: None)
  with pytest.raises(shards.RecordError, match="2 of 10 records are damaged"):
    stream.serialized(0)


def test_a_dataset_without_records_is_refused(tmp_path):
  with pytest.raises(ValueError, match="dataset none .* has no records"):
    RecordStream([write(tmp_path, "none", 0)])
  with pytest.raises(ValueError, match="got 2, expected one for each of 1"):
    RecordStream([write(tmp_path, "a", 3)], [1, 2])
