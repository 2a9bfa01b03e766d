"""Flags of the records that the descent is trained on."""

from flags import damage_flags
from flags.from_config import define
from hund_tf.records.examples import ExampleConfig
from hund_tf.training.hund.record_batches import ReadingConfig
from hund_tf.training.hund.sources import Source, SourcesConfig, read_sources

_to_sources = define(SourcesConfig, "Person records")
to_examples = define(
  ExampleConfig,
  "Person records",
  exclude=("jitter_shift", "jitter_zoom"),
)
_to_reading = define(
  ReadingConfig, "Person records", only=("record_readers", "data_service")
)


def to_reading() -> ReadingConfig:
  """How records are read, as the flags describe it."""
  return _to_reading(**vars(damage_flags.to_config()))


def to_sources(photos: str | None = None) -> tuple[Source, ...]:
  """The datasets as the flags describe them; none: synthetic examples only.

  Args:
    photos: another one that goes first: of the photos of --images.

  Raises:
    ValueError: if a manifest cannot be used or the weights do not fit.
  """
  config = _to_sources()
  first = (photos,) if photos else ()
  sources = read_sources(first + config.records, config.record_weights)
  damage_flags.verify(source.manifest for source in sources)
  return sources
