"""Protocol `pose_sets`: errors by named set of poses, with standard errors."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from hund_tf.evaluation import figures, synthetic_errors
from hund_tf.evaluation.compared_joints import Root
from hund_tf.evaluation.figures import Row
from hund_tf.reconstruction.methods import Method
from hund_tf.types import TrainingExample

# Errors of `synthetic_errors` and the titles of their columns.
_SHOWN = {
  "mpjpe": "MPJPE",
  "pa_mpjpe": "MPJPE-PA",
  "trunk_pitch": "trunk pitch, degrees",
}


def run(
  groups: Iterable[tuple[str, Iterable[TrainingExample]]],
  method: Method,
  name: str,
  root: Root,
  folder: Path,
) -> str:
  """Writes `pose_sets.csv` and `pose_sets.json`; returns what to print.

  Args:
    groups: names of sets and batches of examples of each.
    method: reconstructs people.
    name: of the method.
    root: of MPJPE.
    folder: for the files; exists.

  Raises:
    OutputError: if a file cannot be written.
  """
  rows = [
    _row(group, synthetic_errors.measure(examples, method, root))
    for group, examples in groups
  ]
  about = {"protocol": "pose_sets", "method": name, "root": root}
  about["unit"] = "mm, but for degrees"
  figures.write(rows, about, folder, "pose_sets")
  return "\n".join(
    [
      f"Synthetic people of named sets, of poses held out from training; "
      f"14 joints; joint regressor: own; root: {root}; millimetres, ± standard "
      "errors",
      "",
      figures.markdown(rows, digits=1),
    ]
  )


def _row(group: str, errors: dict[str, np.ndarray]) -> Row:
  return Row(
    group,
    {"people": len(errors["mpjpe"])},
    {title: figures.mean(errors[key]) for key, title in _SHOWN.items()},
  )
