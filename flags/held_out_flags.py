"""The flag of the records that models are judged by."""

from flags.from_config import define
from hund_tf.records.shards import HeldOutConfig, Manifest, read_manifest

_to_config = define(HeldOutConfig, "Held-out records")


def to_manifest() -> Manifest | None:
  """The held-out records, if there are some.

  Raises:
    ValueError: if the manifest cannot be used.
  """
  path = _to_config().validation_records
  return read_manifest(path) if path else None
