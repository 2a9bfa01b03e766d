"""The data service, with its dispatcher and a worker in this process."""

import collections

import pytest

from hund_tf.compat import tf
from hund_tf.records import schema
from hund_tf.records.schema import PersonRecord
from hund_tf.records.service import check_all, service_batches
from hund_tf.records.shards import RecordError
from tests.records import people


@pytest.fixture(scope="module")
def address():
  service = tf.data.experimental.service
  dispatcher = service.DispatchServer()
  host = dispatcher.target.split("://")[1]
  worker = service.WorkerServer(service.WorkerConfig(dispatcher_address=host))
  yield dispatcher.target
  del worker, dispatcher


def test_all_records_come_by_their_weights(address, tmp_path):
  manifests = [
    people.write(
      tmp_path, name, [PersonRecord(f"{name}/{i}", name) for i in range(count)]
    )
    for name, count in (("a", 6), ("b", 3))
  ]
  batches = service_batches(
    manifests, [1.0, 3.0], 4, lambda records, positions: records, address
  )
  drawn = collections.Counter()
  for batch in batches.take(60):
    assert batch.shape == [4]
    drawn.update(schema.decode(record).key for record in batch.numpy())
  assert set(drawn) == {f"a/{i}" for i in range(6)} | {"b/0", "b/1", "b/2"}
  share = sum(drawn[f"b/{i}"] for i in range(3)) / 240
  assert share == pytest.approx(0.75, abs=0.12)


def test_all_records_are_looked_at_before(tmp_path):
  records = [PersonRecord(f"a/{i}", "a") for i in range(5)]
  manifest = people.write(tmp_path, "a", records)
  check_all([manifest], None)

  def check(data: bytes) -> None:
    if schema.decode(data).key == "a/3":
      raise ValueError("dataset a: a/3: no width")

  with pytest.raises(RecordError, match=r"a/3: no width; a data se") as error:
    check_all([manifest], check, lambda line: None)
  assert str(error.value).startswith(f"{tmp_path}/a-0000")
  assert ".tfrecord: record " in str(error.value)
