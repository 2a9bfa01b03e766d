"""Protocol `pose_sets`: errors by named set of poses, with standard errors.

People are streamed examples, whose features have modelled errors, or records of
images in which the detector has looked at them (`tools.detect_records`).
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from hund_tf.compat import tf
from hund_tf.evaluation import figures, synthetic_errors
from hund_tf.evaluation.compared_joints import Root
from hund_tf.evaluation.figures import Row
from hund_tf.reconstruction.methods import Method
from hund_tf.records import shards
from hund_tf.records.examples import ExampleConfig, RecordExamples
from hund_tf.records.shards import Manifest
from hund_tf.types import TrainingExample

# Errors of `synthetic_errors` and the titles of their columns.
_SHOWN = {
  "mpjpe": "MPJPE",
  "pa_mpjpe": "MPJPE-PA",
  "trunk_pitch": "trunk pitch, degrees",
}
_BATCH = 32


class SetExamples(NamedTuple):
  """The people of a set."""

  name: str
  examples: Iterable[TrainingExample]  # batches
  people: int | None = None  # that count, the first ones; None: all
  missed: int | None = None  # others, whom the detector did not find


def of_records(folder: Path) -> Iterator[SetExamples]:
  """The sets whose people a folder holds as records, in the order of names.

  Args:
    folder: has a folder of records for each set, of its name.

  Raises:
    ValueError: if there are none, or records were not looked at.
  """
  folders = sorted({p.parent for p in Path(folder).glob("*/*.manifest.json")})
  if not folders:
    raise ValueError(
      f"--pose_set_records: {folder} has no folders of records, expected one "
      "for each set"
    )
  for one in folders:
    manifest = shards.read_manifest(one)
    missed = sum(sum(shard.skipped.values()) for shard in manifest.shards)
    yield SetExamples(one.name, _batches(manifest), manifest.count, missed)


def _batches(manifest: Manifest) -> Iterator[TrainingExample]:
  """Whole batches, the last filled up with people of the first."""
  records = shards.first_records(manifest, manifest.count)
  first = shards.ShardReader(manifest.paths()[0]).record(0)
  if not first.detected[:, 2].any():
    raise ValueError(
      f"{manifest.folder}: nobody is detected in the records; make them with "
      "tools.detect_records"
    )
  config = ExampleConfig(features_from="detected").without_jitter()
  make = tf.function(RecordExamples(config, len(first.vertices)))
  for start in range(0, len(records), _BATCH):
    rows = np.arange(start, start + _BATCH)
    batch = [records[row % len(records)] for row in rows]
    yield make(tf.constant(batch), tf.constant(rows))


def run(
  groups: Iterable[SetExamples],
  method: Method,
  name: str,
  root: Root,
  folder: Path,
) -> str:
  """Writes `pose_sets.csv` and `pose_sets.json`; returns what to print.

  Args:
    groups: the sets.
    method: reconstructs people.
    name: of the method.
    root: of MPJPE.
    folder: for the files; exists.

  Raises:
    OutputError: if a file cannot be written.
  """
  rows = [
    _row(group, synthetic_errors.measure(group.examples, method, root))
    for group in groups
  ]
  about = {"protocol": "pose_sets", "method": name, "root": root}
  about["unit"] = "mm, but for degrees"
  figures.write(rows, about, folder, "pose_sets")
  return "\n".join(
    [
      f"Synthetic people of named sets, of poses held out from training; "
      f"14 joints; joint regressor: own; root: {root}; millimetres, ± standard "
      "errors",
      "",
      figures.markdown(rows, digits=1),
    ]
  )


def _row(group: SetExamples, errors: dict[str, np.ndarray]) -> Row:
  counted = {key: errors[key][: group.people] for key in _SHOWN}
  counts = {"people": len(counted["mpjpe"])}
  if group.missed is not None:
    counts["not found"] = group.missed
  return Row(
    group.name,
    counts,
    {title: figures.mean(counted[key]) for key, title in _SHOWN.items()},
  )
