"""Where the shards of a conversion are made: here, or on Apache Beam.

Both call `convert_shard` for each index, so the files are the same. Beam's
workers must see the dataset and the output folder under the same paths.
"""

import multiprocessing
import signal
from collections.abc import Callable, Sequence
from concurrent import futures
from pathlib import Path

from hund_tf import files
from hund_tf.datasets.conversion import shard
from hund_tf.datasets.conversion.shard import Job
from hund_tf.datasets.conversion.summary import ConversionError

BEAM_RUNNERS = {
  # Python's own; "DirectRunner" would first try to download another one.
  "direct": "apache_beam.runners.portability.fn_api_runner.FnApiRunner",
  "flink": "FlinkRunner",
  "spark": "SparkRunner",
  "dataflow": "DataflowRunner",
}


def prepare(job: Job, retry_damaged: bool = False) -> list[int]:
  """Gets the folder ready and tells which shards are to be made.

  Files that a killed process left half done are removed, and so is the
  manifest, unless every shard is done.

  Args:
    job: the conversion.
    retry_damaged: make shards again that miss a damaged input.

  Raises:
    ValueError: if the dataset cannot be used or is empty.
  """
  if not job.items():
    raise ConversionError(
      f"{job.source.name}: there is nothing to convert; look at the folder and "
      "the split"
    )
  folder, name = Path(job.folder), job.source.name
  files.remove_unfinished(folder, f"{name}-?????-of-?????*")
  todo = []
  for index in range(job.shards):
    done = shard.finished(job, index)
    if done is not None and retry_damaged and done[1].damaged > 0:
      shard.discard(job, index)
      done = None
    if done is None:
      todo.append(index)
  if todo:
    (folder / f"{name}.manifest.json").unlink(missing_ok=True)
  return todo


def run_local(
  job: Job,
  todo: Sequence[int],
  workers: int = 1,
  progress: Callable[[], object] = lambda: None,
) -> None:
  """Makes shards in processes of this machine.

  Args:
    job: the conversion.
    todo: numbers of the shards.
    workers: processes; 1 works in this one.
    progress: called after each shard.

  Raises:
    ValueError: if a shard cannot be made; the others are kept.
  """
  workers = min(workers, len(todo))
  if workers <= 1:
    for index in todo:
      shard.convert_shard(job, index)
      progress()
    return
  # TensorFlow does not survive a fork.
  context = multiprocessing.get_context("spawn")
  # An interrupt from the keyboard is for this process, which ends the others.
  pool = futures.ProcessPoolExecutor(
    workers, context, signal.signal, (signal.SIGINT, signal.SIG_IGN)
  )
  try:
    tasks = [pool.submit(shard.convert_shard, job, index) for index in todo]
    for task in futures.as_completed(tasks):
      task.result()
      progress()
  except futures.process.BrokenProcessPool as error:
    raise ConversionError(
      f"{job.source.name}: a process was ended from outside, perhaps for want "
      "of memory; start again to go on, with fewer --workers"
    ) from error
  except KeyboardInterrupt:
    for process in multiprocessing.active_children():
      process.terminate()
    raise
  finally:
    pool.shutdown(cancel_futures=True)


def _convert(index: int, job: Job) -> str:
  """For Beam: makes a shard and tells its file."""
  return shard.convert_shard(job, index).file


def run_beam(
  job: Job, todo: Sequence[int], runner: str, options: Sequence[str] = ()
) -> None:
  """Makes shards by an Apache Beam pipeline; waits for its end.

  Args:
    job: the conversion.
    todo: numbers of the shards.
    runner: a key of BEAM_RUNNERS.
    options: of the runner, as Beam's own command line takes them.

  Raises:
    ConversionError: if Beam is not installed or the pipeline fails.
  """
  try:
    import apache_beam as beam
    from apache_beam.options.pipeline_options import PipelineOptions
  except ImportError as error:
    raise ConversionError(
      f"--runner={runner}: Apache Beam is not installed ({error}); install "
      "requirements-beam.txt into an environment of its own, or take "
      "--runner=local"
    ) from error
  try:
    with beam.Pipeline(
      runner=BEAM_RUNNERS[runner], options=PipelineOptions(list(options))
    ) as pipeline:
      _ = (
        pipeline
        | "shards" >> beam.Create(list(todo))
        | "spread" >> beam.Reshuffle()
        | "convert" >> beam.Map(_convert, job=job)
      )
  except Exception as error:  # runners raise any kind
    text = str(error).strip() or type(error).__name__
    raise ConversionError(
      f"--runner={runner}: the pipeline failed ({text.splitlines()[-1]}); "
      "finished shards are kept"
    ) from error
