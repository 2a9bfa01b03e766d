"""Publishes the multitask network of finished runs, with their history."""

import pathlib
import re

from hund_tf import files, locks
from hund_tf.models.multitask import weights
from hund_tf.training import run_folder
from hund_tf.training.loop import BEST_WEIGHTS

_COLUMNS = ("pck", "part_iou")
_TITLE = re.compile(r"^# Run \d+ of \d+\n", re.MULTILINE)


def _published(output: pathlib.Path) -> tuple[list[dict], list[str]]:
  """Histories and flags of the runs that made published weights.

  Raises:
    ValueError: if the files beside the weights do not tell of them.
  """
  metrics = files.read_json(output.with_suffix(".metrics.json"))
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
  texts += [run_folder.portable_flags(run) for run in runs]
  text = "".join(
    f"# Run {i + 1} of {len(texts)}\n{flags_of_run}"
    for i, flags_of_run in enumerate(texts)
  )
  metrics = {
    "runs": histories,
    "examples": sum(history["examples"] for history in histories),
  }
  with locks.only_writer(output.parent, output.stem):
    weights.save(network, output, half=True)
    files.write_text(output.with_suffix(".flags"), text)
    files.update_json(output.with_suffix(".metrics.json"), metrics)
