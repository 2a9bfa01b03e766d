"""Flags of the records that are trained on."""

from absl import flags

from hund_tf.records.examples import FEATURE_SOURCES, ExampleConfig
from hund_tf.training.hund.record_batches import ReadingConfig
from hund_tf.training.hund.sources import Source, read_sources

_EXAMPLES = ExampleConfig()
_READING = ReadingConfig()

_RECORDS = flags.DEFINE_multi_string(
  "records",
  [],
  "Dataset to train on: [ROLE:]MANIFEST, a manifest or its folder, or "
  "'synthetic'; may be repeated. ROLE (self, weak, full) names the batches "
  "that it is for; without one it is for all. None: synthetic examples only.",
)
_RECORD_WEIGHTS = flags.DEFINE_list(
  "record_weights",
  [],
  "How often each dataset is read: that of --images, then --records in their "
  "order; by default by its size.",
)
_FEATURES_FROM = flags.DEFINE_enum(
  "features_from",
  _EXAMPLES.features_from,
  FEATURE_SOURCES,
  "What K and B of records are made of: 'detected' (detected keypoints, mask), "
  "'annotated' (annotated keypoints, part labels), or 'either': detected, and "
  "annotated where nothing was, but never in self-supervised batches.",
)
_FLIP = flags.DEFINE_float(
  "record_flip",
  _EXAMPLES.flip,
  "Share of mirrored people among those whose body is unknown.",
  lower_bound=0.0,
  upper_bound=1.0,
)
_MAX_BAD_RECORDS = flags.DEFINE_float(
  "max_bad_records",
  _READING.max_bad_fraction,
  "Share of damaged records that is left out; more of them stop the run.",
  lower_bound=0.0,
  upper_bound=1.0,
)
_READERS = flags.DEFINE_integer(
  "record_readers",
  _READING.workers,
  "Batches of records that are made at the same time.",
  lower_bound=1,
)
_DATA_SERVICE = flags.DEFINE_string(
  "data_service",
  None,
  "Address of a tf.data service, grpc://HOST:PORT, whose workers make the "
  "batches of records; they then come in another order at every start.",
)


@flags.validator("record_weights", "--record_weights: expected numbers above 0")
def _record_weights(values: list[str]) -> bool:
  try:
    return all(float(value) > 0.0 for value in values)
  except ValueError:
    return False


def to_sources(photos: str | None = None) -> tuple[Source, ...]:
  """The datasets as the flags describe them; none: synthetic examples only.

  Args:
    photos: another one that goes first: of the photos of --images.

  Raises:
    ValueError: if a manifest cannot be used or the weights do not fit.
  """
  entries = ([photos] if photos else []) + _RECORDS.value
  return read_sources(entries, [float(w) for w in _RECORD_WEIGHTS.value])


def to_examples() -> ExampleConfig:
  """The examples of records as the flags describe them."""
  return ExampleConfig(features_from=_FEATURES_FROM.value, flip=_FLIP.value)


def to_reading() -> ReadingConfig:
  """How records are read."""
  return ReadingConfig(
    max_bad_fraction=_MAX_BAD_RECORDS.value,
    workers=_READERS.value,
    service=_DATA_SERVICE.value,
  )
