"""Training batches of person records, and of synthetic examples beside them."""

import dataclasses
import functools
from collections.abc import Callable, Sequence

import numpy as np

from hund_tf.compat import tf
from hund_tf.options import check, option
from hund_tf.records.examples import RecordExamples
from hund_tf.records.mixing import Mix
from hund_tf.records.service import check_all, service_batches
from hund_tf.records.shards import DamageConfig
from hund_tf.records.stream import RecordStream
from hund_tf.training.hund import sources as sources_lib
from hund_tf.training.hund.config import TrainingConfig
from hund_tf.training.hund.sources import Source
from hund_tf.training.hund.supervision import KINDS, batch_kind
from hund_tf.training.hund.synthetic_batches import SyntheticBatches, has_parts
from hund_tf.training.input_pipeline import ALL_ROWS, Batches
from hund_tf.types import TrainingExample


@dataclasses.dataclass(frozen=True)
class ReadingConfig(DamageConfig):
  """How records are read."""

  workers: int = option(
    2,
    "Batches of records that are made at the same time.",
    name="record_readers",
    low=1,
  )
  service: str | None = option(
    None,
    "Address of a tf.data service, grpc://HOST:PORT, whose workers make the "
    "batches of records; they then come in another order at every start, and "
    "all are read before it: a damaged one cannot be replaced.",
    name="data_service",
  )

  def __post_init__(self):
    check(self)


class _Turns:
  """The batches of one kind: records, or synthetic ones, by weight."""

  def __init__(
    self,
    sources: Sequence[Source],
    seed: int,
    batch_size: int,
    max_bad_fraction: float,
    report: Callable[[str], None],
    check: Callable[[bytes], None] | None,
  ):
    stored = [s for s in sources if s.manifest is not None]
    made = [s for s in sources if s.manifest is None]
    self.manifests = [s.manifest for s in stored]
    weights = [s.weight for s in stored]
    self.weights = None if None in weights else weights
    self.stream, self._mix = None, None
    if stored:
      self.stream = RecordStream(
        self.manifests,
        self.weights,
        seed,
        batch_size,
        max_bad_fraction,
        report,
        check,
      )
    if stored and made:
      shares = [sum(s.weight for s in group) for group in (stored, made)]
      self._mix = Mix(shares, seed)

  def of(self, number: int) -> tuple[bool, int]:
    """Whether a batch is synthetic, and its number among its like."""
    if self._mix is None:
      return self.stream is None, number
    group, before = self._mix.turns(number, 1)
    return bool(group[0]), int(before[0])


class RecordBatches(Batches):
  """Batches of the datasets that are for their kind of supervision.

  A regime has self-, weakly or fully supervised batches, or two kinds in turn.
  Datasets of one kind are mixed within the batches; synthetic examples fill
  whole batches, as many as their weight says.
  """

  def __init__(
    self,
    sources: Sequence[Source],
    examples: RecordExamples,
    synthetic: SyntheticBatches | None,
    config: TrainingConfig,
    reading: ReadingConfig | None = None,
    report: Callable[[str], None] = print,
  ):
    """Prepares the batches.

    Args:
      sources: datasets and their roles.
      examples: makes batches of records; those that its `check` refuses count
        as damaged.
      synthetic: makes the other ones; needed if a source is synthetic.
      config: of the run.
      reading: of records.
      report: told of damaged records.

    Raises:
      ValueError: if a kind of batches that the regime has is without a source,
        or the sources' weights do not fit.
      RecordError: if a service is to read records of which one is damaged.
    """
    super().__init__(config)
    reading = reading or ReadingConfig()
    self.workers, self._service = reading.workers, reading.service
    self._examples, self._synthetic = examples, synthetic
    self._kinds = [batch_kind(config.regime, odd) for odd in (False, True)]
    chosen = {k: sources_lib.of_kind(sources, k) for k in self._kinds}
    # Two kinds of batches that share all of their sources go through them
    # together, so that every record comes once an epoch.
    if reading.service and any(s.manifest is None for s in sources):
      raise ValueError(
        f"data service: it cannot make {sources_lib.SYNTHETIC} examples; give "
        "records only, or no service"
      )
    # What makes examples knows what it needs of a record.
    check = getattr(examples, "check", None)
    if reading.service:
      check_all([s.manifest for s in sources if s.manifest], check, report)
    even, odd = (chosen[kind] for kind in self._kinds)
    self._together = even == odd
    self._turns = {
      kind: _Turns(
        found,
        config.seed * len(KINDS) + KINDS.index(kind),
        config.batch_size,
        reading.max_bad_fraction,
        report,
        check,
      )
      for kind, found in chosen.items()
      if not self._together or kind == self._kinds[0]
    }

  def _turn(self, step: int) -> tuple[_Turns, bool, int]:
    """Where a step's batch is from; see `_Turns.of`."""
    if self._together:
      turns = self._turns[self._kinds[0]]
      return turns, *turns.of(step)
    turns = self._turns[self._kinds[step % 2]]
    return turns, *turns.of(step // 2)

  def is_synthetic(self, step: int) -> bool:
    """Whether the batch of a step is synthetic."""
    return self._turn(step)[1]

  def serialized(self, step: int, rows: slice = ALL_ROWS) -> list[bytes]:
    """The records of a step; empty ones if its batch is synthetic."""
    turns, synthetic, number = self._turn(step)
    if synthetic:
      return [b""] * len(range(*rows.indices(self._config.batch_size)))
    return turns.stream.serialized(number, rows)

  def batch(self, step: tf.Tensor, rows: slice = ALL_ROWS) -> TrainingExample:
    """The batch `[batch_size, ...]` of a step, or some rows of it."""
    step = tf.cast(step, tf.int64)
    synthetic, records = self._read(step, rows)
    first, end, stride = rows.indices(self._config.batch_size)
    size = self._config.batch_size
    positions = step * size + tf.range(first, end, stride, tf.int64)
    records = tf.ensure_shape(records, positions.shape)
    of_records = lambda: self._of_records(step, records, positions)
    streams = [turns.stream for turns in self._turns.values()]
    if self._synthetic is None:
      return of_records()
    of_none = lambda: self._synthetic.batch(step, rows)
    if not any(streams):
      return of_none()
    return tf.cond(synthetic, of_none, of_records)

  def _of_records(
    self, step: tf.Tensor, records: tf.Tensor, positions: tf.Tensor
  ) -> TrainingExample:
    labels = tf.constant([kind != "self" for kind in self._kinds])
    example = self._examples(records, positions, labels[step % 2])
    return self._parts_of_step(step, example)

  def _parts_of_step(
    self, step: tf.Tensor, example: TrainingExample
  ) -> TrainingExample:
    """The example without part maps if its step has none."""
    if self._config.parts_share == 1.0:
      return example
    known = tf.cast(has_parts(self._config, step), tf.float32)
    features = example.features
    return example._replace(
      features=features._replace(
        part_probs=features.part_probs * known,
        part_weights=features.part_weights * known,
      )
    )

  def _pipeline(
    self, first_step: int, first_row: int, replicas: int, share: int
  ) -> tf.data.Dataset:
    if self._service is None:
      return super()._pipeline(first_step, first_row, replicas, share)

    def of_kind(kind: str) -> tf.data.Dataset:
      turns = self._turns[self._kinds[0] if self._together else kind]
      make = functools.partial(self._examples, annotations=kind != "self")
      return service_batches(
        turns.manifests, turns.weights, share, make, self._service
      )

    even, odd = self._kinds
    steps = tf.data.Dataset.counter(start=first_step)
    steps = steps.flat_map(
      lambda s: tf.data.Dataset.from_tensors(s).repeat(replicas)
    )
    batches = of_kind(even)
    if odd != even:
      batches = tf.data.Dataset.choose_from_datasets(
        [batches, of_kind(odd)], steps.map(lambda step: step % 2)
      )
    numbered = tf.data.Dataset.zip((steps, batches))
    return numbered.map(self._parts_of_step).prefetch(2 * replicas)

  def _read(self, step: tf.Tensor, rows: slice) -> tuple[tf.Tensor, tf.Tensor]:
    """Whether a batch is synthetic, and its records `[b]`, in a graph."""

    def read(step: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
      try:
        number = int(step)
        records = np.array(self.serialized(number, rows), object)
        return np.array(self.is_synthetic(number)), records
      except Exception as error:
        self.failure = error
        raise

    synthetic, records = tf.numpy_function(read, [step], (tf.bool, tf.string))
    return tf.ensure_shape(synthetic, []), records
