"""What a run trains on: datasets of records and the synthetic examples."""

import dataclasses
import hashlib
from collections.abc import Sequence
from typing import NamedTuple

from hund_tf.options import check, option
from hund_tf.records.shards import Manifest, read_manifest
from hund_tf.training.hund.supervision import KINDS

SYNTHETIC = "synthetic"


class Source(NamedTuple):
  """A dataset, and which batches it is for."""

  manifest: Manifest | None  # none: the synthetic examples
  role: str = ""  # one of KINDS; empty: all batches
  weight: float | None = None  # in the mix of its batches; none: by its size


@dataclasses.dataclass(frozen=True)
class SourcesConfig:
  """Which datasets a run trains on; see `read_sources`."""

  records: tuple[str, ...] = option(
    (),
    "Dataset to train on: [ROLE:]MANIFEST, a manifest or its folder, or "
    "'synthetic'. ROLE (self, weak, full) names the batches that it is for; "
    "without one it is for all. Without any dataset there are synthetic "
    "examples only.",
    repeated=True,
  )
  record_weights: tuple[float, ...] = option(
    (),
    "How often each dataset is read: that of --images, then --records in their "
    "order; by default by its size.",
    low=1e-9,
    expected="a number above 0",
  )

  def __post_init__(self):
    check(self)


@dataclasses.dataclass(frozen=True)
class SourceDescription:
  """A source as a run's settings state it, wherever its files are."""

  name: str
  role: str
  weight: float | None
  records: int
  digest: str  # of the checksums of the shards


@dataclasses.dataclass(frozen=True)
class SourcesDescription:
  """The sources of a run."""

  sources: tuple[SourceDescription, ...]


def read_sources(
  entries: Sequence[str], weights: Sequence[float] = ()
) -> tuple[Source, ...]:
  """Reads the manifests of sources.

  Args:
    entries: `MANIFEST` or `ROLE:MANIFEST`, ROLE one of `KINDS`; the manifest is
      a file or the folder of a dataset, or `synthetic`.
    weights: one for each, or none.

  Raises:
    ValueError: if a manifest cannot be used or the weights do not fit.
  """
  if weights and len(weights) != len(entries):
    raise ValueError(
      f"weights of the records: got {len(weights)}, expected one for each of "
      f"{len(entries)} datasets"
    )
  sources = []
  for number, entry in enumerate(entries):
    role, colon, path = entry.partition(":")
    if not colon or role not in KINDS:
      role, path = "", entry
    manifest = None if path == SYNTHETIC else read_manifest(path)
    weight = weights[number] if weights else None
    sources.append(Source(manifest, role, weight))
  return tuple(sources)


def describe(sources: Sequence[Source]) -> SourcesDescription:
  """The sources as part of a run's settings."""
  return SourcesDescription(tuple(map(_describe, sources)))


def of_kind(sources: Sequence[Source], kind: str) -> tuple[Source, ...]:
  """The sources of the batches of a kind.

  Raises:
    ValueError: if there are none, or some of them lack the weight they need.
  """
  found = tuple(s for s in sources if s.role in ("", kind))
  if not found:
    raise ValueError(
      f"records: none of {len(sources)} datasets is for {kind}-supervised "
      f"batches, which the regime has; give one as {kind}:MANIFEST"
    )
  synthetic = any(s.manifest is None for s in found)
  if len(found) > 1 and synthetic and any(s.weight is None for s in found):
    raise ValueError(
      "weights of the records: there are none; expected one for each dataset, "
      f"for {SYNTHETIC} is mixed with others and has no size"
    )
  return found


def _describe(source: Source) -> SourceDescription:
  if source.manifest is None:
    return SourceDescription(SYNTHETIC, source.role, source.weight, 0, "")
  sums = "".join(shard.sha256 for shard in source.manifest.shards)
  return SourceDescription(
    source.manifest.name,
    source.role,
    source.weight,
    source.manifest.count,
    hashlib.sha256(sums.encode()).hexdigest()[:16],
  )
