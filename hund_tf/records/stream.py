"""Batches of records by their number: nothing but the step is to be kept.

The records of a step are a function of the seed and the step. A run that was
stopped goes on bit for bit, and machines that share a batch read their own
records only.
"""

import functools
import threading
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from hund_tf.compat import tf
from hund_tf.records.mixing import Mix, generator
from hund_tf.records.shards import Manifest, RecordError, ShardReader

# Damaged records are compared with at least so many, for the first one that is
# read may be one of few.
_LEAST_READ = 1000
# Serialized records `[b]` and their positions `[b]` (the same number for the
# same place in the stream, to draw random numbers by) to what is trained on.
MapFunction = Callable[[tf.Tensor, tf.Tensor], Any]


class RecordStream:
  """Shuffled batches of the records of some datasets, mixed by weight.

  Of every 1000 places in the batches each dataset has its exact share. Each
  goes through all of its records before one comes again, every time in another
  order. A damaged record is replaced by the next one of its dataset, and
  reported once.
  """

  def __init__(
    self,
    manifests: Sequence[Manifest],
    weights: Sequence[float] | None = None,
    seed: int = 0,
    batch_size: int = 32,
    max_bad_fraction: float = 0.01,
    report: Callable[[str], None] = print,
    check: Callable[[bytes], None] | None = None,
  ):
    """Prepares the stream; shards are opened when they are needed.

    Args:
      manifests: of the datasets, at least one.
      weights: how often each dataset is read; by default by its size, as if
        they were one.
      seed: of the order.
      batch_size: records of a step, over all machines.
      max_bad_fraction: of the records read of a dataset, counted as at least
        1000 (all of a smaller dataset); more damaged ones are an error.
      report: told of every damaged record once.
      check: raises a ValueError for a record that is whole but cannot be used,
        which then counts as damaged; called once for each record.

    Raises:
      ValueError: if a dataset is empty or the weights do not fit.
    """
    self.manifests = tuple(manifests)
    self.seed, self.batch_size = seed, batch_size
    for manifest in self.manifests:
      if not manifest.count:
        raise ValueError(
          f"dataset {manifest.name} in {manifest.folder}: it has no records"
        )
    if weights is None:
      weights = [manifest.count for manifest in self.manifests]
    if len(weights) != len(self.manifests):
      raise ValueError(
        f"mixing weights: got {len(weights)}, expected one for each of "
        f"{len(self.manifests)} datasets"
      )
    self._mix = Mix(weights, seed)
    self._datasets = [
      _Shuffled(manifest, seed, number, max_bad_fraction, report, check)
      for number, manifest in enumerate(self.manifests)
    ]

  def sources(self, step: int) -> np.ndarray:
    """`[batch_size]` the number of the dataset of each record of a step."""
    return self._mix.turns(step * self.batch_size, self.batch_size)[0]

  def serialized(self, step: int, rows: slice = slice(None)) -> list[bytes]:
    """The records of a step as they are stored; see `schema.parse`.

    Args:
      step: from 0.
      rows: which of the batch.

    Raises:
      RecordError: if too many records are damaged, or a shard is gone.
    """
    turns = self._mix.turns(step * self.batch_size, self.batch_size)
    return [
      self._datasets[source].serialized(number)
      for source, number in zip(*(part[rows] for part in turns), strict=True)
    ]

  def damaged(self) -> list[int]:
    """How many damaged records were met so far, by dataset."""
    return [len(dataset.bad) for dataset in self._datasets]

  def batch(
    self, step: tf.Tensor, rows: slice = slice(None)
  ) -> tuple[tf.Tensor, tf.Tensor]:
    """The records of a step in a graph.

    Args:
      step: scalar int64.
      rows: which of the batch.

    Returns:
      `[b]` serialized records, and `[b]` int64 their positions in the stream.
    """
    first, end, stride = rows.indices(self.batch_size)
    positions = step * self.batch_size + tf.range(first, end, stride, tf.int64)
    read = lambda step: np.array(self.serialized(int(step), rows), object)
    records = tf.numpy_function(read, [step], tf.string)
    return tf.ensure_shape(records, positions.shape), positions

  def dataset(
    self,
    first_step: int,
    map_fn: MapFunction | None = None,
    context: tf.distribute.InputContext | None = None,
    workers: int = 2,
  ) -> tf.data.Dataset:
    """Endless batches from a step on, in order, made ahead.

    Args:
      first_step: of the first batch.
      map_fn: from records and positions to the elements; by default these two.
      context: of `distribute_datasets_from_function`; the elements are then
        those of this machine's replicas, one after the other.
      workers: batches that are made at the same time.

    Returns:
      Elements of `batch_size` records, or of the share of a replica.

    Raises:
      ValueError: if the replicas do not divide the batch.
    """
    replicas = context.num_replicas_in_sync if context else 1
    if self.batch_size % replicas:
      raise ValueError(
        f"batch_size: got {self.batch_size}, expected a multiple of "
        f"{replicas} replicas"
      )
    size = self.batch_size // replicas
    first, local = 0, 1
    if context:
      local = replicas // context.num_input_pipelines
      first = context.input_pipeline_id * local

    def make(step: tf.Tensor, replica: int) -> Any:
      rows = slice(replica * size, (replica + 1) * size)
      records, positions = self.batch(step, rows)
      return map_fn(records, positions) if map_fn else (records, positions)

    steps = tf.data.Dataset.counter(start=first_step)
    shares = [
      steps.map(
        functools.partial(make, replica=replica),
        num_parallel_calls=workers,
        deterministic=True,
      )
      for replica in range(first, first + local)
    ]
    batches = shares[0]
    if local > 1:
      turns = tf.data.Dataset.range(local).repeat()
      batches = tf.data.Dataset.choose_from_datasets(shares, turns)
    return batches.prefetch(2 * local)


class _Shuffled:
  """The records of a dataset in the order of their draws."""

  def __init__(
    self,
    manifest: Manifest,
    seed: int,
    number: int,
    max_bad_fraction: float,
    report: Callable[[str], None],
    check: Callable[[bytes], None] | None,
  ):
    self.bad: set[int] = set()  # records that were found damaged
    self._check = check
    self._good = np.zeros(manifest.count, bool)  # records that were checked
    self._manifest = manifest
    self._key = seed, 1, number
    self._max_bad_fraction, self._report = max_bad_fraction, report
    self._read = 0
    ends = np.cumsum([shard.count for shard in manifest.shards])
    self._ends = ends.astype(np.int64)
    self._lock = threading.Lock()
    self._readers: dict[int, ShardReader] = {}
    self._order = functools.lru_cache(maxsize=2)(self._make_order)

  def _make_order(self, epoch: int) -> np.ndarray:
    return generator(*self._key, epoch).permutation(self._manifest.count)

  def serialized(self, number: int) -> bytes:
    """The record of a draw, or the next good one of the same epoch."""
    epoch, place = divmod(int(number), self._manifest.count)
    order = self._order(epoch)
    self._read += 1
    for later in range(len(order)):
      row = int(order[(place + later) % len(order)])
      if row in self.bad:
        continue
      try:
        return self._read_row(row)
      except RecordError as error:
        self._count(row, error)
    raise RecordError(
      f"dataset {self._manifest.name} in {self._manifest.folder}: all of its "
      "records are damaged; make it again"
    )

  def _read_row(self, row: int) -> bytes:
    shard = int(np.searchsorted(self._ends, row, side="right"))
    with self._lock:
      if shard not in self._readers:
        self._readers[shard] = ShardReader(self._manifest.paths()[shard])
    before = int(self._ends[shard - 1] if shard else 0)
    record = self._readers[shard].serialized(row - before)
    if self._check and not self._good[row]:
      try:
        self._check(record)
      except ValueError as error:
        path = self._manifest.paths()[shard]
        raise RecordError(f"{path}: record {row - before}: {error}") from error
      self._good[row] = True
    return record

  def _count(self, row: int, error: RecordError) -> None:
    """Keeps and reports a damaged record.

    Raises:
      RecordError: if there are too many.
    """
    with self._lock:
      if row in self.bad:
        return
      self.bad.add(row)
    self._report(f"{error}; another record takes its place")
    compared = min(self._manifest.count, max(self._read, _LEAST_READ))
    if len(self.bad) > self._max_bad_fraction * compared:
      raise RecordError(
        f"dataset {self._manifest.name} in {self._manifest.folder}: "
        f"{len(self.bad)} of {compared} records are damaged, expected at most "
        f"{self._max_bad_fraction:.2%}; make it again"
      )
