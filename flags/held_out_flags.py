"""The flag of the records that models are judged by."""

from pathlib import Path

from absl import flags

from hund_tf.records.shards import Manifest, read_manifest

_RECORDS = flags.DEFINE_string(
  "validation_records",
  None,
  "Manifest (or folder) of held-out person records; none: no validation.",
)


def to_manifest() -> Manifest | None:
  """The held-out records, if there are some.

  Raises:
    ValueError: if the manifest cannot be used.
  """
  return read_manifest(Path(_RECORDS.value)) if _RECORDS.value else None
