"""Where shards are made: in processes of this machine, or on Apache Beam.

On both a worker loads the model once and calls `shard.make` for one shard after
the other, so the files are the same. Beam's workers must see the inputs, the
model and the output folder under the same paths.
"""

import contextlib
import functools
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from hund_tf import beam, files, processes
from hund_tf.bulk import shard
from hund_tf.bulk.listing import Shard
from hund_tf.bulk.model import PeopleModel
from hund_tf.bulk.shard import Job
from hund_tf.compat import tf

SUMMARY, BAD_INPUTS = "summary.json", "bad_inputs.jsonl"


def prepare(job: Job, shards: Sequence[Shard]) -> list[Shard]:
  """Gets the folder ready and tells which shards are to be made.

  Files that a killed process left half done are removed, and so is the
  summary.

  Raises:
    OutputError: if the folder holds shards of another numbering, which would
      be read together with the new ones.
  """
  folder, end = Path(job.folder), f"-of-{job.shards:05d}.json"
  for path in folder.glob("shard-*-of-*.json"):
    if not path.name.endswith(end):
      raise files.OutputError(
        folder,
        f"holds {path.name}, of a run over other inputs",
        f"give another folder, or remove it; this run has {job.shards} shards",
      )
  _remove_unfinished(job)
  for name in (SUMMARY, BAD_INPUTS):
    (folder / name).unlink(missing_ok=True)
  return [one for one in shards if shard.finished(job, one) is None]


def run(
  job: Job, todo: Sequence[Shard], progress: Callable[[], object] = lambda: None
) -> None:
  """Makes shards as the configuration says.

  Args:
    job: what they have in common.
    todo: shards.
    progress: called after each shard that was made on this machine.

  Raises:
    ValueError: if a shard cannot be made; finished ones are kept.
  """
  config = job.config
  try:
    if not todo:
      return
    if config.runner != "local":
      step = functools.partial(_inference, job)
      beam.run(todo, step, config.runner, config.beam_options)
    elif min(config.workers, len(todo)) == 1:
      model = shard.load_model(job)
      for one in todo:
        shard.make(job, one, model)
        progress()
    else:
      workers = min(config.workers, len(todo))
      threads = max(1, len(os.sched_getaffinity(0)) // workers)
      make = functools.partial(_make, job)
      results = processes.run(make, todo, workers, _limit_threads, (threads,))
      with contextlib.closing(results):
        for _ in results:
          progress()
  finally:
    _remove_unfinished(job)


def _remove_unfinished(job: Job) -> None:
  for stem in ("people", "photos", "shard"):
    files.remove_unfinished(job.folder, f"{stem}-?????-of-?????*")


@functools.lru_cache(1)
def _model(job: Job) -> PeopleModel:
  """That of this process."""
  return shard.load_model(job)


def _make(job: Job, one: Shard) -> None:
  shard.make(job, one, _model(job))


def _limit_threads(threads: int) -> None:
  """Processes side by side share the cores."""
  tf.config.threading.set_intra_op_parallelism_threads(threads)
  tf.config.threading.set_inter_op_parallelism_threads(threads)


def _inference(job: Job, apache_beam: ModuleType) -> Any:
  """Beam's RunInference, of which an example is a shard.

  So a shard's files are written as soon as its photos are done: after a
  grouping by shards, a runner of bounded data would write none before the last
  photo of all.
  """
  del apache_beam
  from apache_beam.ml.inference.base import ModelHandler, RunInference

  class Shards(ModelHandler):
    def load_model(self) -> PeopleModel:
      return shard.load_model(job)

    def run_inference(self, batch, model, inference_args=None):
      del inference_args
      return [shard.make(job, one, model).digest for one in batch]

    def batch_elements_kwargs(self):
      return {"min_batch_size": 1, "max_batch_size": 1}

    def get_num_bytes(self, batch) -> int:
      return sum(len(name) for one in batch for name in one.inputs)

  return RunInference(Shards())
