"""A folder of person records with the states that were fitted to them."""

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from hund_tf.body.model import BodyModel
from hund_tf.records import shards
from hund_tf.records.schema import PersonRecord
from hund_tf.retargeting.records import FitSource, fit_records

_BATCHES_AT_ONCE = 4  # of records that are held in memory
_SHOWN_KEYS = 5


def fit_folder(
  manifest: shards.Manifest,
  folder: Path,
  source: FitSource,
  body: BodyModel,
  batch_size: int,
  max_residual_mm: float,
  settings: dict[str, Any],
  progress: Callable[[int], object] = lambda count: None,
) -> list[str]:
  """Writes records with fitted states; shards that are done are kept.

  Args:
    manifest: of the records.
    folder: for the new ones.
    source: what is fitted to.
    body: that is fitted.
    batch_size: people that are fitted at once.
    max_residual_mm: largest residual of a state that is used.
    settings: on which the result depends; others make all shards anew.
    progress: called with the number of records that were done since.

  Returns:
    The report, one sentence each.

  Raises:
    ValueError: if nothing was fitted; there is no manifest then.
  """
  digest = shards.settings_digest(settings)

  def fitted(path: Path) -> Iterator[PersonRecord]:
    records = iter(shards.ShardReader(path))
    while chunk := list(islice(records, batch_size * _BATCHES_AT_ONCE)):
      yield from fit_records(chunk, source, body, max_residual_mm)
      progress(len(chunk))

  made = []
  for path in manifest.paths():
    target = folder / path.name
    info = shards.finished(target, digest)
    if info is None:
      info = shards.write_shard(target, fitted(path), digest)
    else:
      progress(info.count)
    made.append(info)
  result = shards.Manifest(folder, manifest.name, tuple(made), settings)
  report = _report(result, source)
  shards.write_manifest(folder, manifest.name, made, settings)
  return report


def _report(manifest: shards.Manifest, source: FitSource) -> list[str]:
  """What was fitted how well, and what was not; one sentence each.

  Raises:
    ValueError: if nothing was fitted.
  """
  residuals, used, unknown, failed = [], 0, [], []
  for record in shards.read_records(manifest):
    if not source.measured(record):
      unknown.append(record.key)
    elif not record.vertices.size:
      failed.append(record.key)
    else:
      residuals.append(record.residual_mm)
      used += record.state_weight > 0
  matched = len(residuals) + len(failed)
  left = [
    f"{len(unknown)} had no measurements{_some(unknown)}",
    f"{len(failed)} had residuals that are not finite{_some(failed)}",
  ]
  if source.num_measurements is not None:
    unmatched = source.num_measurements - matched
    left.append(
      f"{unmatched} of {source.num_measurements} measurements matched no record"
    )
  if not residuals:
    raise ValueError(
      f"none of {manifest.count} records was fitted: {'; '.join(left)}; "
      "expected measurements of three points or more, by the records' keys or "
      "in the records"
    )
  return [
    f"{manifest.count} records, {len(residuals)} fitted, {used} used; "
    f"residual mm: mean {np.mean(residuals):.2f}, median "
    f"{np.median(residuals):.2f}, p95 {np.percentile(residuals, 95):.2f}, max "
    f"{np.max(residuals):.2f}",
    *left,
  ]


def _some(keys: Sequence[str]) -> str:
  shown = ", ".join(keys[:_SHOWN_KEYS])
  return f" ({shown}{', ...' * (len(keys) > _SHOWN_KEYS)})" if keys else ""
