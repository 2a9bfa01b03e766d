"""The data service, with its dispatcher and a worker in this process."""

import collections

import pytest

from hund_tf.compat import tf
from hund_tf.records import schema
from hund_tf.records.schema import PersonRecord
from hund_tf.records.service import service_batches
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
