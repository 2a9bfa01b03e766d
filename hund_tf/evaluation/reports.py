"""What an evaluation prints and writes: NAME.csv and NAME.json."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from hund_tf.evaluation import scoring, tables
from hund_tf.evaluation.compared_joints import Root
from hund_tf.evaluation.joint_definitions import AUTO
from hund_tf.evaluation.protocols import Protocol, PublishedRow, Truth
from hund_tf.evaluation.scoring import Scores
from hund_tf.evaluation.tables import Row

_SETS = {
  "h36m_17": "Human3.6M's joints",
  "smpl_24": "SMPL's own joints, another number than the paper's",
}
_REGRESSORS = {"h36m_17": "h36m", "smpl_24": "smpl"}
_OTHER_POINTS = (("h36m_17", "joints_24"), ("smpl_24", "joints_17"))


def of_records(
  protocol: Protocol,
  truth: Truth,
  scores: Scores,
  root: Root,
  method: str,
  folder: Path,
  problems: Sequence[str] = (),
  regressor: str | None = None,
) -> tuple[str, list[str]]:
  """Writes the tables of a protocol on person records.

  Args:
    protocol: what is evaluated.
    truth: of its people.
    scores: of the predictions.
    root: of MPJPE.
    method: name of what predicts.
    folder: for the files; exists.
    problems: found before, that warnings begin with.
    regressor: of the joints of reconstructed bodies, or `AUTO`; None: they
      are those of a file.

  Returns:
    The text to print, and the warnings, a line each.

  Raises:
    OutputError: if a file cannot be written.
  """
  rows = tables.summarize(scores.errors, scores.found, truth.groups)
  lines = [*problems, *scoring.warnings(truth, scores, protocol)]
  if (truth.joint_set, scores.source) in _OTHER_POINTS:
    lines.append(
      f"predicted {scores.source} are not {_SETS[truth.joint_set]}: different "
      "points are compared"
    )
  if regressor == AUTO:
    regressor = _REGRESSORS[truth.joint_set]
  about = {
    "protocol": protocol.name,
    "title": protocol.title,
    "method": method,
    "joints": {
      "number": truth.joints.shape[1],
      "truth": truth.joint_set,
      "predicted": scores.source,
      "regressor": regressor,
      "root": root,
    },
    "people": {
      "number": len(truth.keys),
      "expected": protocol.frames,
      "expected_from": protocol.frames_source,
      "found": int(scores.found.sum()),
    },
    "videos": {"number": truth.videos, "expected": protocol.videos},
    "left_out": truth.left_out,
    "warnings": lines,
    "published": [_published(row) for row in protocol.published],
  }
  _write(protocol.name, rows, about, folder)
  text = [
    f"{protocol.title}: {len(truth.keys)} people (expected {protocol.frames}: "
    f"{protocol.frames_source}) in {truth.videos} videos (expected "
    f"{protocol.videos}); {int(scores.found.sum())} found",
    f"14 joints: {_SETS[truth.joint_set]}; joint regressor: "
    f"{regressor or 'that of the predictions'}; root: {root}; millimetres; "
    "means are over the people found",
  ]
  if protocol.published:
    text += ["", tables.compared(protocol.published, rows[-1], method)]
  return "\n".join([*text, "", tables.markdown(rows)]), lines


def of_synthetic(
  errors: Mapping[str, np.ndarray],
  root: Root,
  method: str,
  poses: int,
  folder: Path,
) -> str:
  """Writes the table of the protocol `synthetic`; returns what to print.

  Args:
    errors: of `synthetic_errors.measure`.
    root: of MPJPE and PVE.
    method: name of what reconstructs.
    poses: number of held-out captured poses; 0: poses are the flow's.
    folder: for the files; exists.

  Raises:
    OutputError: if a file cannot be written.
  """
  found = np.isfinite(errors["mpjpe"])
  rows = tables.summarize(errors, found)
  where = f"{poses} held-out captured poses" if poses else "the pose flow"
  about = {
    "protocol": "synthetic",
    "method": method,
    "joints": {
      "number": 14,
      "truth": "hund_63",
      "regressor": "own",
      "root": root,
    },
    "poses": where,
  }
  _write("synthetic", rows, about, folder)
  return "\n".join(
    [
      f"{len(found)} synthetic examples, poses of {where}; 14 joints; "
      f"joint regressor: own; root: {root}; millimetres",
      "",
      tables.markdown(rows),
    ]
  )


def _write(
  name: str, rows: Sequence[Row], about: Mapping[str, Any], folder: Path
) -> None:
  tables.write_csv(rows, folder / f"{name}.csv")
  tables.write_json(rows, about, folder / f"{name}.json")


def _published(row: PublishedRow) -> dict[str, Any]:
  """A row of the paper as it stands in JSON; None for what it has not."""
  return {
    name: value if isinstance(value, str) or np.isfinite(value) else None
    for name, value in row._asdict().items()
  }
