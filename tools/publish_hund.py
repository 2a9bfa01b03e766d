"""Publishes the weights of a finished run, with what they reach.

  python -m tools.publish_hund --trained_run_dirs=RUN,RUN2 \\
    --pose_file=POSES --curves=docs/images/hund_training.png

writes the last run's best weights, the flags of the runs, and the errors of
every stage on held-out clips: as the flags mix people by what is known of B,
with all of it known, with the foreground alone and with nothing, of people whom
the border does not cut, of these with all of B known, and of these without
errors of detectors.
"""

import dataclasses
import functools
import json
import pathlib
import sys

from absl import app

from flags import body_flags, publication_flags, synthetic_flags
from hund_tf.compat import tf
from hund_tf.files import atomic_path
from hund_tf.models.hund import weights
from hund_tf.synthetic.examples import SyntheticExamples
from hund_tf.training import run_folder
from hund_tf.training.hund.trainer import BEST_WEIGHTS
from hund_tf.training.hund.validation import HELD_OUT_SEED, ValidationSet
from hund_tf.visualization.training_curves import save_training_curves

# What lies beside weights, by suffix.
_RUN_FLAGS, _METRICS = ".flags", ".metrics.json"


def _measure(config: publication_flags.PublicationConfig, path: str) -> dict:
  """Errors of every stage on held-out clips."""
  with tf.device("CPU:0"):
    body_model = body_flags.to_model()
  poses = synthetic_flags.to_poses(body_model.pose_prior, "held_out")
  model = weights.load(body_model, path)
  captured = synthetic_flags.to_config().captured_only()
  whole = captured.whole_people()
  known = functools.partial(dataclasses.replace, captured)
  all_parts = known(full_parts=1.0, no_parts=0.0)
  metrics = {
    "held_out_poses": len(poses.up),
    "held_out_examples": 0,
    "held_out_seed": HELD_OUT_SEED,
    "unit": "millimetres; 14 LSP joints (_all: 63); s_0 first",
  }
  for name, examples in (
    ("stages", captured),
    ("stages_all_parts", all_parts),
    ("stages_foreground", known(full_parts=0.0, no_parts=0.0)),
    ("stages_no_parts", known(full_parts=0.0, no_parts=1.0)),
    ("stages_whole_people", whole),
    ("stages_whole_people_all_parts", all_parts.whole_people()),
    ("stages_whole_people_without_noise", whole.without_noise()),
  ):
    held_out = ValidationSet(
      SyntheticExamples(body_model, poses, examples),
      config.examples,
      HELD_OUT_SEED,
    )
    metrics["held_out_examples"] = sum(len(e.joints) for e in held_out.examples)
    metrics[name] = held_out.errors(model).as_dict()
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
    histories = json.loads(metrics.read_text(encoding="utf-8"))["runs"]
  except (json.JSONDecodeError, KeyError, TypeError) as error:
    raise ValueError(
      f"{metrics}: {error!r}; expected what publish_hund wrote beside weights"
    ) from error
  return histories, path.with_suffix(_RUN_FLAGS).read_text(encoding="utf-8")


def publish(config: publication_flags.PublicationConfig) -> dict:
  """Writes weights, flags, metrics and curves; returns the metrics."""
  runs = [pathlib.Path(folder) for folder in config.run_dirs]
  source = runs[-1] / BEST_WEIGHTS
  histories, flags_text = _published(config.begun_with)
  histories += [run_folder.history(run, final=run == runs[-1]) for run in runs]
  metrics = {
    "runs": histories,
    "examples": sum(run["examples"] for run in histories),
    **_measure(config, str(source)),
  }
  first = len(histories) - len(runs) + 1
  flags_text += "".join(
    f"# Run {number}\n{run_folder.portable_flags(run)}"
    for number, run in enumerate(runs, first)
  )
  output = pathlib.Path(config.output)
  output.parent.mkdir(parents=True, exist_ok=True)
  files = {
    output: source.read_bytes(),
    output.with_suffix(_RUN_FLAGS): flags_text.encode(),
    output.with_suffix(_METRICS): (
      json.dumps(metrics, indent=2) + "\n"
    ).encode(),
  }
  for path, data in files.items():
    with atomic_path(path) as temporary:
      pathlib.Path(temporary).write_bytes(data)
  if config.curves:
    save_training_curves(runs, config.curves)
  return metrics


def main(argv: list[str]) -> int:
  if len(argv) > 1:
    raise app.UsageError(f"unexpected arguments {argv[1:]}")
  try:
    metrics = publish(publication_flags.to_config())
  except (ValueError, OSError) as error:
    print(f"publish_hund: {error}", file=sys.stderr)
    return 1
  print(json.dumps(metrics, indent=2))
  return 0


if __name__ == "__main__":
  app.run(main)
