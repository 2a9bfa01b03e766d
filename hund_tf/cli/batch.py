"""Reconstructs very many photos by the SavedModel of `hund export`.

Inputs are photo files, tar files of photos and TFRecords; results are tables of
people and photos (docs/guide/scale.md), in shards. Started again after it was
stopped, it goes on with the shards that are not done. It exits with 1 if more
than --max_bad_fraction of the photos are bad; the results are kept.
"""

import dataclasses
import sys
import time
from pathlib import Path

from tqdm import tqdm

from hund_tf import files, locks
from hund_tf.bulk import listing, runners, summary
from hund_tf.bulk.config import BulkConfig
from hund_tf.bulk.model import fingerprint
from hund_tf.bulk.shard import Job


def run(config: BulkConfig) -> int:
  """Reconstructs the photos; returns the exit status."""
  try:
    with locks.only_writer(config.output_dir):
      _run(config)
  except (ValueError, OSError, ImportError) as error:
    print(f"batch: {error}", file=sys.stderr)
    return 1
  return 0


def _run(config: BulkConfig) -> None:
  begin = time.perf_counter()
  folder = files.expand(config.output_dir).absolute()
  mark = fingerprint(config.people_model)
  model = files.expand(config.people_model).absolute()
  config = dataclasses.replace(config, people_model=str(model))
  inputs = listing.list_inputs(config.inputs, config.output_dir)
  shards = listing.shards_of(inputs, config.shard_photos)
  job = Job(config, str(folder), len(shards), mark)
  todo = runners.prepare(job, shards)
  print(f"batch: {len(todo)} of {len(shards)} shards to make")
  with tqdm(total=len(todo), unit="shard", file=sys.stderr) as bar:
    runners.run(job, todo, bar.update)
  seconds = time.perf_counter() - begin
  content = summary.write(job, shards, todo, seconds)
  print(f"{summary.text(content)}\nbatch: wrote {Path(config.output_dir)}")
  summary.check(job, content)
