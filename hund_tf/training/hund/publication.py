"""Publishes the weights of finished runs, with what they reach."""

import dataclasses
import functools
import json
import os
import pathlib
from collections.abc import Callable, Sequence

from hund_tf import files, locks
from hund_tf.models.hund.model import HundModel
from hund_tf.motion.pose_library import PoseLibrary
from hund_tf.synthetic.example_config import SyntheticConfig
from hund_tf.synthetic.examples import SyntheticExamples
from hund_tf.training import run_folder
from hund_tf.training.hund.trainer import BEST_WEIGHTS
from hund_tf.training.hund.validation import HELD_OUT_SEED, ValidationSet

_TOLD = "stages_random_terms"  # held-out people of whom stages are told a term
# What lies beside weights, by suffix.
_RUN_FLAGS, _METRICS = ".flags", ".metrics.json"


def measure(
  model: HundModel, poses: PoseLibrary, config: SyntheticConfig, count: int
) -> dict:
  """Errors of every stage on held-out clips.

  Args:
    model: with its weights.
    poses: held-out ones.
    config: of the examples.
    count: of the examples.
  """
  body_model = model.objective.body_model
  captured = config.captured_only()
  whole = captured.whole_people()
  known = functools.partial(dataclasses.replace, captured)
  all_parts = known(full_parts=1.0, no_parts=0.0)
  metrics = {
    "held_out_poses": len(poses.up),
    "held_out_examples": 0,
    "held_out_seed": HELD_OUT_SEED,
    "unit": "millimetres; 14 LSP joints (_all: 63); s_0 first",
  }
  rows = [
    ("stages", captured),
    ("stages_all_parts", all_parts),
    ("stages_foreground", known(full_parts=0.0, no_parts=0.0)),
    ("stages_no_parts", known(full_parts=0.0, no_parts=1.0)),
    ("stages_whole_people", whole),
    ("stages_whole_people_all_parts", all_parts.whole_people()),
    ("stages_whole_people_without_noise", whole.without_noise()),
  ]
  if model.config.term_units:
    rows.append((_TOLD, captured))
  for name, examples in rows:
    held_out = ValidationSet(
      SyntheticExamples(body_model, poses, examples),
      count,
      HELD_OUT_SEED,
    )
    metrics["held_out_examples"] = sum(len(e.joints) for e in held_out.examples)
    told = 1.0 if name == _TOLD else 0.0  # all people have a random term
    metrics[name] = held_out.errors(model, random_terms=told).as_dict()
  return metrics


def _published(weights_file: str | None) -> tuple[list[dict], str]:
  """Histories and flags of the runs of published weights, if there are any.

  Raises:
    ValueError: if what lies beside the weights cannot be read.
  """
  if not weights_file:
    return [], ""
  path = pathlib.Path(weights_file)
  metrics = path.with_suffix(_METRICS)
  try:
    histories = files.read_json(metrics)["runs"]
  except (ValueError, KeyError, TypeError) as error:
    raise ValueError(
      f"{metrics}: {error!r}; expected what publish_hund wrote beside weights"
    ) from error
  return histories, path.with_suffix(_RUN_FLAGS).read_text(encoding="utf-8")


def publish(
  run_dirs: Sequence[str],
  begun_with: str | None,
  output: str | os.PathLike,
  measure: Callable[[str], dict],
) -> dict:
  """Writes the weights, the flags of the runs, and the metrics.

  Args:
    run_dirs: folders of the runs, the last of which has the weights.
    begun_with: published weights that the first run began with, if it did.
    output: the file of weights; the others go beside it.
    measure: from a file of weights to what they reach.

  Returns:
    The metrics.

  Raises:
    ValueError: if what lies beside `begun_with` cannot be read.
  """
  runs = [pathlib.Path(folder) for folder in run_dirs]
  source = runs[-1] / BEST_WEIGHTS
  histories, flags_text = _published(begun_with)
  histories += [run_folder.history(run, final=run == runs[-1]) for run in runs]
  metrics = {
    "runs": histories,
    "examples": sum(run["examples"] for run in histories),
    **measure(str(source)),
  }
  first = len(histories) - len(runs) + 1
  flags_text += "".join(
    f"# Run {number}\n{run_folder.portable_flags(run)}"
    for number, run in enumerate(runs, first)
  )
  output = pathlib.Path(output)
  contents = {
    output: source.read_bytes(),
    output.with_suffix(_RUN_FLAGS): flags_text.encode(),
    output.with_suffix(_METRICS): (
      json.dumps(metrics, indent=2) + "\n"
    ).encode(),
  }
  with locks.only_writer(output.parent, output.stem):
    for path, data in contents.items():
      with files.atomic_path(path) as temporary:
        pathlib.Path(temporary).write_bytes(data)
  return metrics
