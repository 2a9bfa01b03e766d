"""The end of a conversion: how much was damaged, the report, the manifest."""

import json
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from hund_tf.datasets.conversion import shard
from hund_tf.datasets.conversion.shard import Job
from hund_tf.datasets.source import Skipped
from hund_tf.files import atomic_path
from hund_tf.records import shards
from hund_tf.records.shards import Manifest, ShardInfo

_NAMED = 5  # inputs that are named, of each reason
_WORST = 3  # reasons that an error names


class ConversionError(ValueError):
  """A conversion that cannot give a dataset; one line."""


class Summary(NamedTuple):
  """What became of a dataset."""

  dataset: str
  records: int
  items: int  # photos, sequences or videos
  damaged: float  # sum over the items of the share of each that is damaged
  counts: dict[str, int]  # of the records that hold something
  far_labels: dict[str, int]  # kind: labels of weight 0, as they were far out
  damage: dict[str, int]  # reason: number of damaged inputs
  left_out: dict[str, int]  # reason: number of inputs that the rules leave out
  named: dict[str, list[str]]  # reason: the first problems
  shards: tuple[ShardInfo, ...]

  @property
  def bad_fraction(self) -> float:
    """The share of the inputs that is damaged.

    Mean over the items: a photo that cannot be read is one, a photo of which
    one of two people has a damaged annotation a half.
    """
    return self.damaged / max(1, self.items)


def summarize(job: Job) -> Summary:
  """Adds up the reports of all shards.

  Raises:
    ConversionError: if a shard is not done.
  """
  done = []
  for index in range(job.shards):
    result = shard.finished(job, index)
    if result is None:
      raise ConversionError(
        f"{job.path(index)}: the shard is not done; start the same conversion "
        "again to go on"
      )
    done.append(result)
  infos, reports = zip(*done, strict=True)
  counts: Counter = Counter()
  far_labels: Counter = Counter()
  skipped: Counter = Counter()
  examples: dict[str, list[Skipped]] = {}
  for info, report in done:
    counts.update(report.counts)
    far_labels.update(report.far_labels)
    skipped.update(info.skipped)
    for example in report.skipped:
      examples.setdefault(example.reason, []).append(example)
  is_damage = {r: rows[0].damaged for r, rows in examples.items()}
  return Summary(
    dataset=job.source.name,
    records=sum(info.count for info in infos),
    items=sum(report.items for report in reports),
    damaged=sum(report.damaged for report in reports),
    counts=dict(sorted(counts.items())),
    far_labels=dict(sorted(far_labels.items())),
    damage={r: n for r, n in skipped.most_common() if is_damage[r]},
    left_out={r: n for r, n in skipped.most_common() if not is_damage[r]},
    named={
      r: [row.problem for row in rows[:_NAMED]] for r, rows in examples.items()
    },
    shards=infos,
  )


def report_text(summary: Summary) -> str:
  """The report for people."""
  lines = [
    f"{summary.dataset}: {summary.records} records of {summary.items} inputs "
    f"in {len(summary.shards)} shards",
    f"damaged: {summary.bad_fraction:.2%} of the inputs",
  ]
  for title, rows in (
    ("records with", summary.counts),
    ("labels far outside their photo, stored as unknown", summary.far_labels),
    ("damaged inputs", summary.damage),
    ("left out by the rules", summary.left_out),
  ):
    if rows:
      lines += ["", f"{title}:"]
      lines += [f"  {number:8d}  {name}" for name, number in rows.items()]
  for reason in summary.damage:
    lines += ["", f"{reason}, the first of {summary.damage[reason]}:"]
    lines += [f"  {problem}" for problem in summary.named[reason]]
  return "\n".join(lines) + "\n"


def _content(summary: Summary) -> dict:
  content = summary._asdict()
  content["shards"] = [info.file for info in summary.shards]
  return content | {"bad_fraction": summary.bad_fraction}


def write_report(folder: Path, summary: Summary) -> None:
  """Writes NAME.report.json and NAME.report.txt.

  Raises:
    OutputError: if they cannot be written.
  """
  name = summary.dataset
  for suffix, text in (
    ("json", json.dumps(_content(summary), indent=1)),
    ("txt", report_text(summary)),
  ):
    with atomic_path(Path(folder) / f"{name}.report.{suffix}") as temporary:
      temporary.write_text(text, encoding="utf-8")


def finish(job: Job, summary: Summary, max_bad_fraction: float) -> Manifest:
  """Writes the manifest, if not too much is damaged; shards stay in any case.

  Raises:
    ConversionError: if more than `max_bad_fraction` of the inputs is damaged,
      or there is no record; names the worst reasons.
    OutputError: if it cannot be written.
  """
  worst = "; ".join(
    f"{number} x {reason} (first: {summary.named[reason][0]})"
    for reason, number in list(summary.damage.items())[:_WORST]
  )
  if summary.bad_fraction > max_bad_fraction:
    raise ConversionError(
      f"{summary.dataset}: {summary.bad_fraction:.2%} of {summary.items} "
      f"inputs are damaged, allowed are {max_bad_fraction:.2%}: {worst}. "
      "Mend them and convert again with --retry_damaged, or allow more with "
      "--max_bad_fraction; finished shards are kept"
    )
  if not summary.records:
    raise ConversionError(
      f"{summary.dataset}: no record of {summary.items} inputs; "
      f"{worst or 'left out: ' + str(summary.left_out)}"
    )
  content = _content(summary)
  del content["shards"]
  return shards.write_manifest(
    Path(job.folder),
    summary.dataset,
    summary.shards,
    shard.settings(job),
    content,
  )
