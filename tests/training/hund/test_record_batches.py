"""Which records and synthetic batches a step gets, and from which sources."""

import collections

import numpy as np
import pytest

from hund_tf.compat import tf
from hund_tf.records import schema, shards
from hund_tf.records.schema import PersonRecord
from hund_tf.training.hund import sources as sources_lib
from hund_tf.training.hund.config import TrainingConfig
from hund_tf.training.hund.record_batches import ReadingConfig, RecordBatches
from hund_tf.training.hund.sources import Source, read_sources
from tests.records import people


def _examples(records, positions, annotations):
  """In place of `RecordExamples`: what it is given."""
  allowed = tf.fill(tf.shape(positions), tf.convert_to_tensor(annotations))
  return {"records": records, "positions": positions, "labels": allowed}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
  """Three small datasets: name -> manifest."""
  folder = tmp_path_factory.mktemp("data")
  sizes = {"full": 6, "self": 4, "more": 4}
  return {
    name: people.write(
      folder, name, [PersonRecord(f"{name}/{i}", name) for i in range(size)]
    )
    for name, size in sizes.items()
  }


def _batches(sources, regime="FS+SS", reading=None, synthetic=None, size=2):
  config = TrainingConfig(batch_size=size, regime=regime, seed=4)
  return RecordBatches(
    sources, _examples, synthetic, config, reading, lambda line: None
  )


def _with_a_damaged_record(folder):
  manifest = people.write(folder, "bad", [PersonRecord("bad/0", "bad")], 1)
  path = manifest.paths()[0]
  content = bytearray(path.read_bytes())
  content[40] ^= 1
  path.write_bytes(content)
  return manifest


def _names(records):
  return [schema.decode(record).key for record in records]


def test_each_kind_of_batch_reads_its_datasets(data):
  batches = _batches(
    [Source(data["full"], "full"), Source(data["self"], "self")]
  )
  drawn = [_names(batches.serialized(step)) for step in range(12)]
  even = [key for keys in drawn[:6:2] for key in keys]
  odd = [key for keys in drawn[1:5:2] for key in keys]
  # An epoch of each, with nothing left out between.
  assert sorted(even) == [f"full/{i}" for i in range(6)]
  assert sorted(odd) == [f"self/{i}" for i in range(4)]


def test_datasets_without_a_role_are_read_through_by_all_batches(data):
  batches = _batches([Source(data["full"]), Source(data["self"])])
  drawn = [k for s in range(500) for k in _names(batches.serialized(s))]
  # 600 of 1000 places for 6 records of 10: 100 epochs of each.
  assert set(collections.Counter(drawn).values()) == {100}


@pytest.mark.parametrize(
  ("regime", "kind"), [("SS", "self"), ("WS", "weak"), ("FS+SS", "full")]
)
def test_a_kind_without_a_dataset_is_named(data, regime, kind):
  roles = {"self": "full", "weak": "self", "full": "self"}
  with pytest.raises(ValueError, match=f"for {kind}-supervised batches"):
    _batches([Source(data["self"], roles[kind])], regime)


def test_synthetic_examples_fill_whole_batches_by_weight(data):
  sources = [Source(data["full"], "", 2.0), Source(None, "", 1.0)]
  batches = _batches(
    [*sources, Source(data["self"], "", 1.0)], "FS", synthetic=object()
  )
  made = [batches.is_synthetic(step) for step in range(1000)]
  assert sum(made) == 250
  drawn = [batches.serialized(step) for step in range(1000)]
  assert all(
    records == [b"", b""] for records, m in zip(drawn, made, strict=True) if m
  )
  keys = [
    key.split("/")[0]
    for records, m in zip(drawn, made, strict=True)
    if not m
    for key in _names(records)
  ]
  assert abs(keys.count("full") - 1000) < 40  # of 1500; exact in 1000 and 3000
  with pytest.raises(ValueError, match="expected one for each dataset"):
    _batches([Source(data["full"]), Source(None)], "FS")


def test_the_pipeline_goes_on_and_is_split(data):
  batches = _batches(
    [Source(data["full"], "full"), Source(data["self"], "self")], size=4
  )
  strategy = tf.distribute.get_strategy()
  whole = list(batches.dataset(0, strategy).take(5).as_numpy_iterator())
  for step, element in enumerate(whole):
    assert element["records"].tolist() == batches.serialized(step)
    assert element["labels"].tolist() == [step % 2 == 0] * 4
    np.testing.assert_array_equal(element["positions"], 4 * step + np.arange(4))
  (resumed,) = batches.dataset(3, strategy).take(1).as_numpy_iterator()
  assert resumed["records"].tolist() == whole[3]["records"].tolist()
  # The second of two machines, with two replicas of one example each.
  share = batches._pipeline(2, 2, 2, 1).take(2).as_numpy_iterator()
  found = [element["records"].tolist() for element in share]
  assert found == [[row] for row in batches.serialized(2)[2:]]


def test_the_data_service_keeps_the_turns(data):
  service = tf.data.experimental.service
  dispatcher = service.DispatchServer()
  host = dispatcher.target.split("://")[1]
  worker = service.WorkerServer(service.WorkerConfig(dispatcher_address=host))
  sources = [
    Source(data["full"], "full"),
    Source(data["self"], "self", 1.0),
    Source(data["more"], "self", 1.0),
  ]
  reading = ReadingConfig(service=dispatcher.target)
  batches = _batches(sources, reading=reading)
  elements = batches.dataset(1, tf.distribute.get_strategy()).take(8)
  for step, element in enumerate(elements.as_numpy_iterator(), start=1):
    names = {key.split("/")[0] for key in _names(element["records"])}
    assert names <= ({"self", "more"} if step % 2 else {"full"})
    assert element["labels"].tolist() == [step % 2 == 0] * 2
  with pytest.raises(ValueError, match="cannot make synthetic"):
    _batches([Source(None, "full"), *sources[1:]], reading=reading)
  del worker, dispatcher


def test_the_data_service_begins_with_good_records_only(data, tmp_path):
  manifest = _with_a_damaged_record(tmp_path)
  reading = ReadingConfig(service="grpc://unused:1")
  sources = [Source(data["full"], "full"), Source(manifest, "self")]
  with pytest.raises(
    shards.RecordError, match="record 0.*replaces no records: make"
  ):
    _batches(sources, reading=reading)


def test_an_error_of_reading_is_kept_as_it_was(tmp_path):
  manifest = _with_a_damaged_record(tmp_path)
  batches = _batches([Source(manifest)])
  with pytest.raises(tf.errors.OpError):
    next(iter(batches.dataset(0, tf.distribute.get_strategy())))
  assert isinstance(batches.failure, shards.RecordError)
  assert "dataset bad" in str(batches.failure)


def test_sources_are_read_and_described(data, tmp_path):
  full = data["full"]
  folder = tmp_path / "copy"
  people.write(
    folder, "full", [PersonRecord(f"full/{i}", "full") for i in range(6)]
  )
  entries = [f"weak:{folder}", "full:synthetic", str(folder)]
  sources = read_sources(entries, [1.0, 2.0, 3.0])
  assert [s.role for s in sources] == ["weak", "full", ""]
  assert [s.weight for s in sources] == [1.0, 2.0, 3.0]
  assert sources[1].manifest is None
  # The same records are the same run, wherever they lie.
  described = sources_lib.describe(sources).sources
  (same,) = sources_lib.describe([Source(full, "weak", 1.0)]).sources
  assert described[0] == same
  assert described[0].records == 6
  (other,) = sources_lib.describe([Source(data["self"])]).sources
  assert other.digest != same.digest
  with pytest.raises(ValueError, match="got 1, expected one for each of 3"):
    read_sources(entries, [1.0])
  with pytest.raises(shards.RecordError, match="nowhere"):
    read_sources(["full:nowhere"])
