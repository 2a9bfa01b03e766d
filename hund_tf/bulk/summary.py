"""The end of a run: counts, times, and the list of bad inputs."""

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from hund_tf import files
from hund_tf.bulk import shard
from hund_tf.bulk.listing import Shard
from hund_tf.bulk.runners import BAD_INPUTS, SUMMARY
from hund_tf.bulk.shard import Job, ShardReport


class TooManyBadError(ValueError):
  """More bad inputs than allowed; the results are there."""


def write(
  job: Job, shards: Sequence[Shard], made: Sequence[Shard], seconds: float
) -> dict:
  """Adds up the reports; writes summary.json and bad_inputs.jsonl.

  Args:
    job: the run.
    shards: all of them.
    made: those that this run made.
    seconds: that it took.

  Returns:
    What is in summary.json.

  Raises:
    ValueError: if a shard is not done.
    OutputError: if the files cannot be written.
  """
  reports: dict[int, ShardReport] = {}
  for one in shards:
    report = shard.finished(job, one)
    if report is None:
      raise ValueError(
        f"{job.report_path(one.index)}: the shard is not done; start the same "
        "run again to go on"
      )
    reports[one.index] = report
  folder = Path(job.folder)
  bad = [row for report in reports.values() for row in report.bad]
  lines = [json.dumps({"photo": name, "error": text}) for name, text in bad]
  files.write_text(folder / BAD_INPUTS, "".join(f"{x}\n" for x in lines))
  content = _content(job, reports, seconds, [one.index for one in made])
  files.write_json(folder / SUMMARY, content)
  return content


def _content(
  job: Job, reports: dict[int, ShardReport], seconds: float, made: list[int]
) -> dict:
  every = list(reports.values())
  photos = sum(report.photos for report in every)
  bad = sum(len(report.bad) for report in every)
  now = sum(reports[index].photos for index in made)
  steps: Counter[str] = Counter()
  for report in every:
    steps.update(report.seconds)
  qualities = np.sum([report.qualities for report in every], axis=0)
  return {
    "photos": photos,
    "people": sum(report.people for report in every),
    "bad": bad,
    "bad_fraction": bad / photos if photos else 0.0,
    "qualities": qualities.tolist(),
    "megabytes": round(sum(report.megabytes for report in every), 3),
    "shards": len(every),
    "tables": sorted(name for report in every for name in report.files),
    "table_bytes": sum(sum(report.files.values()) for report in every),
    "seconds_by_step": {name: round(s, 3) for name, s in steps.items()},
    "this_run": {
      "shards": len(made),
      "photos": now,
      "seconds": round(seconds, 3),
      "photos_per_second": round(now / seconds, 4) if now else 0.0,
    },
    "model": job.fingerprint,
    "runner": job.config.runner,
  }


def text(content: dict) -> str:
  """The summary in a few lines."""
  run, steps = content["this_run"], content["seconds_by_step"]
  times = ", ".join(f"{name} {s:.1f} s" for name, s in steps.items())
  return (
    f"{content['photos']} photos, {content['people']} people, "
    f"{content['bad']} bad inputs ({content['bad_fraction']:.2%}) in "
    f"{content['shards']} shards\n"
    f"this run: {run['shards']} shards, {run['photos']} photos in "
    f"{run['seconds']:.1f} s, {run['photos_per_second']:.2f} photos/s\n"
    f"steps of all shards, added up: {times}"
  )


def check(job: Job, content: dict) -> None:
  """Looks whether too much was bad.

  Raises:
    TooManyBadError: names the first bad input.
  """
  allowed = job.config.max_bad_fraction
  if content["bad_fraction"] > allowed:
    path = Path(job.folder) / BAD_INPUTS
    with path.open(encoding="utf-8") as file:
      first = json.loads(file.readline())
    raise TooManyBadError(
      f"{content['bad_fraction']:.2%} of {content['photos']} photos are bad, "
      f"allowed are {allowed:.2%} (first: {first['photo']}: {first['error']}); "
      f"see {BAD_INPUTS}, or allow more with --max_bad_fraction; results are "
      "kept"
    )
