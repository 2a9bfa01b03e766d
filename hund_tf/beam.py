"""Shards made by an Apache Beam pipeline, and the settings of such runs."""

import dataclasses
import re
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

from hund_tf.options import option

RUNNERS = {
  # Python's own; "DirectRunner" would first try to download another one.
  "direct": "apache_beam.runners.portability.fn_api_runner.FnApiRunner",
  "flink": "FlinkRunner",
  "spark": "SparkRunner",
  "dataflow": "DataflowRunner",
  "prism": "PrismRunner",
}


class BeamError(ValueError):
  """Beam is missing or a pipeline failed; one line."""


@dataclasses.dataclass(frozen=True)
class RunnerConfig:
  """Where shards are made, and how many damaged inputs they may have."""

  max_bad_fraction: float = option(
    0.01,
    "Share of the inputs that may be damaged; with more the program fails, and "
    "keeps what it made.",
    low=0.0,
    high=1.0,
  )
  runner: str = option(
    "local",
    "Where it runs: in processes of this machine, or as an Apache Beam "
    "pipeline.",
    choices=("local", *RUNNERS),
  )
  workers: int = option(2, "Number of processes of --runner=local.", low=1)
  beam_options: tuple[str, ...] = option(
    (),
    "An option of the Beam runner, as --beam_options=--NAME=VALUE.",
    repeated=True,
  )


def run(
  items: Sequence,
  step: Callable[[ModuleType], Any],
  runner: str,
  options: Sequence[str] = (),
) -> None:
  """Runs a pipeline of one step, whose workers share the items; waits for it.

  Args:
    items: what the step is done for; can be pickled.
    step: given the module apache_beam, makes the transform.
    runner: a key of RUNNERS.
    options: of the runner, as Beam's own command line takes them.

  Raises:
    BeamError: if Beam is not installed or the pipeline fails; it says what
      the worker raised.
  """
  try:
    import apache_beam as beam
    from apache_beam.options.pipeline_options import PipelineOptions
  except ImportError as error:
    raise BeamError(
      f"--runner={runner}: Apache Beam is not installed ({error}); install it "
      "with: pip install 'hund_tf[beam]', or take --runner=local"
    ) from error
  try:
    with beam.Pipeline(
      runner=RUNNERS[runner], options=PipelineOptions(list(options))
    ) as pipeline:
      _ = (
        pipeline
        | "shards" >> beam.Create(list(items))
        | "spread" >> beam.Reshuffle()
        | "make" >> step(beam)
      )
  except Exception as error:  # runners raise any kind
    raise BeamError(
      f"--runner={runner}: the pipeline failed ({_cause(error)}); finished "
      "shards are kept"
    ) from error


def _cause(error: Exception) -> str:
  """Type and text of what a worker raised, without what Beam says around."""
  text = str(error).strip() or type(error).__name__
  last = text.splitlines()[-1]
  last = re.sub(r" \[while running .*", "", last)
  return re.sub(r"^(RuntimeError: )?(\w+\.)*(?=\w+: )", "", last)
