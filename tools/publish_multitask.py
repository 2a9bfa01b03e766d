"""Publishes the multitask network of finished runs, in 16 bits.

  python -m tools.publish_multitask --network_run_dirs=RUN,RUN2

writes the last run's best weights, and beside them the flags of the runs and
what they did; `tools.evaluate_multitask --metrics_output` adds what the weights
reach. `--add_to_history` is for runs that went on from published weights.
"""

import json
import pathlib
import re
import sys

from absl import app, flags

from hund_tf import files
from hund_tf.models.multitask import weights
from hund_tf.training import run_folder
from hund_tf.training.loop import BEST_WEIGHTS

_RUN_DIRS = flags.DEFINE_list(
  "network_run_dirs",
  None,
  "Folders of the finished runs, each begun with the best weights of the one "
  "before; the last has the weights.",
  required=True,
)
_OUTPUT = flags.DEFINE_string(
  "network_output",
  str(weights.DEFAULT_PATH),
  "The .npz of weights; flags and metrics go beside it.",
)
_ADD = flags.DEFINE_bool(
  "add_to_history",
  False,
  "The first run began with the weights of --network_output: the runs that "
  "made those are told of too.",
)
_COLUMNS = ("pck", "part_iou")
_TITLE = re.compile(r"^# Run \d+ of \d+\n", re.MULTILINE)


def _published(output: pathlib.Path) -> tuple[list[dict], list[str]]:
  """Histories and flags of the runs that made published weights.

  Raises:
    ValueError: if the files beside the weights do not tell of them.
  """
  metrics = json.loads(output.with_suffix(".metrics.json").read_text("utf-8"))
  _, *texts = _TITLE.split(output.with_suffix(".flags").read_text("utf-8"))
  histories = metrics.get("runs", [])
  if not texts or len(histories) != len(texts):
    raise ValueError(
      f"{output}: {len(histories)} runs in its .metrics.json and {len(texts)} "
      "in its .flags, expected the same and at least one"
    )
  return histories, texts


def publish(run_dirs: list[str], output: pathlib.Path, add: bool) -> None:
  """Writes weights, flags, and the history of the runs.

  Raises:
    ValueError: if a folder is not that of a run that was validated, or the
      history that is to be added to is not there.
  """
  histories, texts = _published(output) if add else ([], [])
  runs = [pathlib.Path(folder) for folder in run_dirs]
  histories += [
    run_folder.history(
      run,
      "train_multitask",
      _COLUMNS,
      lambda row: -sum(float(row[name]) for name in _COLUMNS),
    )
    for run in runs
  ]
  network = weights.load(runs[-1] / BEST_WEIGHTS)
  output.parent.mkdir(parents=True, exist_ok=True)
  weights.save(network, output, half=True)
  texts += [run_folder.portable_flags(run) for run in runs]
  text = "".join(
    f"# Run {i + 1} of {len(texts)}\n{flags_of_run}"
    for i, flags_of_run in enumerate(texts)
  )
  files.write_text(output.with_suffix(".flags"), text)
  files.update_json(
    output.with_suffix(".metrics.json"),
    {
      "runs": histories,
      "examples": sum(history["examples"] for history in histories),
    },
  )


def main(argv: list[str]) -> int:
  if len(argv) > 1:
    raise app.UsageError(f"unexpected arguments {argv[1:]}")
  try:
    publish(_RUN_DIRS.value, pathlib.Path(_OUTPUT.value), _ADD.value)
  except (ValueError, OSError) as error:
    print(f"publish_multitask: {error}", file=sys.stderr)
    return 1
  return 0


if __name__ == "__main__":
  app.run(main)
