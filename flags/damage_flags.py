"""Flags of damaged records, in every program that trains on records."""

from collections.abc import Iterable

from flags.from_config import define
from hund_tf.records import shards
from hund_tf.records.shards import DamageConfig, Manifest

to_config = define(DamageConfig, "Person records")


def verify(manifests: Iterable[Manifest | None]) -> None:
  """Reads all records of datasets if --verify_records asks for it.

  Raises:
    RecordError: naming the first file that was changed.
  """
  if to_config().verify:
    for manifest in filter(None, manifests):
      shards.verify(manifest)
