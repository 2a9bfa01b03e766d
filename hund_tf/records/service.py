"""Batches of records that other machines make: TensorFlow's data service."""

from collections.abc import Callable, Sequence
from typing import Any

from hund_tf.compat import tf
from hund_tf.records.shards import Manifest, RecordError, ShardReader

_OPEN_SHARDS = 8  # that records are drawn from in turn
_NONE_REPLACED = (
  "a data service replaces no records: make the dataset again, or train "
  "without the service"
)
_SHUFFLED = 2048  # records among which the next one is drawn


def check_all(
  manifests: Sequence[Manifest],
  check: Callable[[bytes], None] | None,
  report: Callable[[str], None] = print,
) -> None:
  """Reads all records, since workers cannot replace one that is damaged.

  Args:
    manifests: of the datasets.
    check: raises a ValueError for a record that is whole but cannot be used.
    report: told of each dataset before it is read.

  Raises:
    RecordError: naming the first record that is damaged or cannot be used.
  """
  for manifest in manifests:
    report(f"reading the {manifest.count} records of {manifest.name}")
    for path in manifest.paths():
      reader = ShardReader(path)
      try:
        for number in range(len(reader)):
          _check(reader, number, check)
      finally:
        reader.close()


def _check(
  reader: ShardReader, number: int, check: Callable[[bytes], None] | None
) -> None:
  try:
    data = reader.serialized(number)
    if check:
      check(data)
  except RecordError as error:  # which names the file
    raise RecordError(f"{error}; {_NONE_REPLACED}") from error
  except ValueError as error:
    raise RecordError(
      f"{reader.path}: record {number}: {error}; {_NONE_REPLACED}"
    ) from error


def service_batches(
  manifests: Sequence[Manifest],
  weights: Sequence[float] | None,
  batch_size: int,
  map_fn: Callable[[tf.Tensor, tf.Tensor], Any],
  service: str,
) -> tf.data.Dataset:
  """Endless batches of shuffled records, made by the service's workers.

  The workers share the shards, which they must see under the same paths. The
  order is another one every time and nothing keeps the position, so that a run
  that was stopped sees other batches when it goes on: for throughput, not for
  repetition. A damaged record ends the stream (see `check_all`).

  Args:
    manifests: of the datasets, at least one.
    weights: how often each is read; by default by its size.
    batch_size: records of an element.
    map_fn: from records `[B]` and positions `[B]` to an element, in TensorFlow
      alone: it runs on the workers.
    service: address of the dispatcher, `grpc://HOST:PORT`.
  """
  if weights is None:
    weights = [manifest.count for manifest in manifests]
  records = [_shuffled(manifest) for manifest in manifests]
  total = float(sum(weights))
  mixed = records[0]
  if len(records) > 1:
    mixed = tf.data.Dataset.sample_from_datasets(
      records, [weight / total for weight in weights]
    )

  def make(number: tf.Tensor, batch: tf.Tensor) -> Any:
    positions = number * batch_size + tf.range(batch_size, dtype=tf.int64)
    return map_fn(batch, positions)

  batches = mixed.batch(batch_size, drop_remainder=True).enumerate()
  batches = batches.map(make, num_parallel_calls=tf.data.AUTOTUNE)
  return batches.apply(
    tf.data.experimental.service.distribute(
      tf.data.experimental.service.ShardingPolicy.DYNAMIC, service
    )
  )


def _shuffled(manifest: Manifest) -> tf.data.Dataset:
  """Endless records of a dataset."""
  paths = [str(path) for path in manifest.paths()]
  files = tf.data.Dataset.from_tensor_slices(paths).shuffle(len(paths))
  records = files.repeat().interleave(
    tf.data.TFRecordDataset, cycle_length=min(_OPEN_SHARDS, len(paths))
  )
  return records.shuffle(min(_SHUFFLED, manifest.count))
