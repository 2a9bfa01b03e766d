"""Tables of errors: means over groups and over all, as Markdown, CSV, JSON."""

import csv
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from hund_tf.evaluation.protocols import PublishedRow
from hund_tf.files import atomic_path

_DIGITS = 6  # of figures in files


class Column(NamedTuple):
  """How an error is written."""

  title: str  # in tables
  field: str  # in CSV and JSON
  digits: int  # in tables


COLUMNS = {
  "pa_mpjpe": Column("MPJPE-PA", "pa_mpjpe_mm", 1),
  "mpjpe": Column("MPJPE", "mpjpe_mm", 1),
  "mpjpe_trans": Column("MPJPE Trans", "mpjpe_trans_mm", 1),
  "mpjpe_camera": Column("un-aligned", "mpjpe_unaligned_mm", 1),
  "pve": Column("PVE", "pve_mm", 1),
  "hand_pa_mpjpe": Column("hands MPJPE-PA", "hand_pa_mpjpe_mm", 1),
  "hand_mpjpe": Column("hands MPJPE", "hand_mpjpe_mm", 1),
  "hand_pa_pve": Column("hands PVE-PA", "hand_pa_pve_mm", 1),
  "face_pa_pve": Column("face PVE-PA", "face_pa_pve_mm", 1),
  "joint_angle": Column("joint angle, degrees", "joint_angle_degrees", 2),
  "trunk_pitch": Column("trunk pitch, degrees", "trunk_pitch_degrees", 2),
  "pck_50": Column("PCK@50", "pck_50mm", 3),
  "pck_150": Column("PCK@150", "pck_150mm", 3),
  "auc_150": Column("AUC 0-150", "auc_150mm", 3),
  "auc_200": Column("AUC 0-200", "auc_200mm", 3),
}
ALL = "all"
OVER_GROUPS = "mean over groups"


class Row(NamedTuple):
  """Means over a group of people."""

  group: str
  people: int  # of the protocol
  found: int  # of them, with a prediction; means are over these
  means: dict[str, float]  # by name of `COLUMNS`; NaN without any


def summarize(
  errors: Mapping[str, np.ndarray],
  found: np.ndarray,
  groups: Sequence[str] = (),
) -> list[Row]:
  """Means by group, over the groups, and over all people.

  Args:
    errors: name of `COLUMNS` to `[N]`; NaN where there is none.
    found: `[N]` bool.
    groups: N names; without them, or with one, there is only the last row.

  Returns:
    A row for each group in alphabetical order, then the mean over the groups
    that have one, and at last the mean over all people.
  """
  everyone = _row(ALL, errors, found)
  names = np.asarray(groups)
  unique = sorted(set(groups))
  if len(unique) < 2:
    return [everyone]
  rows = [
    _row(name, {k: v[names == name] for k, v in errors.items()}, chosen)
    for name in unique
    for chosen in [found[names == name]]
  ]
  over = {k: _mean(np.array([row.means[k] for row in rows])) for k in errors}
  middle = Row(OVER_GROUPS, everyone.people, everyone.found, over)
  return [*rows, middle, everyone]


def _row(name: str, errors: Mapping[str, np.ndarray], found: np.ndarray) -> Row:
  means = {key: _mean(values) for key, values in errors.items()}
  return Row(name, len(found), int(found.sum()), means)


def _mean(values: np.ndarray) -> float:
  values = values[np.isfinite(values)]
  return float(values.mean()) if len(values) else float("nan")


def _cell(value: float, digits: int) -> str:
  return f"{value:.{digits}f}" if np.isfinite(value) else "-"


def _markdown(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
  lines = [titles, ["---"] * len(titles), *rows]
  return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def markdown(rows: Sequence[Row]) -> str:
  """All rows with all their errors."""
  columns = [name for name in COLUMNS if name in rows[-1].means]
  titles = ["", "people", "found", *(COLUMNS[n].title for n in columns)]
  cells = [
    [
      row.group,
      str(row.people),
      str(row.found),
      *(_cell(row.means[name], COLUMNS[name].digits) for name in columns),
    ]
    for row in rows
  ]
  return _markdown(titles, cells)


def published(
  lines: Sequence[PublishedRow],
  names: Sequence[str],
  ours: Sequence[Sequence[str]] = (),
) -> str:
  """A table of the paper, as it prints the figures.

  Args:
    lines: its rows.
    names: its columns, of `COLUMNS`.
    ours: cells of rows to put below.
  """
  theirs = [
    [
      line.method,
      *(str(v) if np.isfinite(v) else "-" for v in figures),
    ]
    for line in lines
    for figures in [[getattr(line, name) for name in names]]
  ]
  titles = ["method", *(COLUMNS[name].title for name in names)]
  return _markdown(titles, [*theirs, *ours])


def compared(lines: Sequence[PublishedRow], row: Row, method: str) -> str:
  """A table of the paper with this evaluation's row below, millimetres."""
  columns = PublishedRow._fields[1:]
  names = [
    name
    for name in columns
    if np.isfinite([getattr(line, name) for line in lines]).any()
  ]
  ours = [method, *(_cell(row.means[name], 1) for name in names)]
  return published(lines, names, [ours])


def as_dict(row: Row) -> dict[str, Any]:
  """A row as it stands in CSV and JSON; None for what is not known."""
  figures = {
    COLUMNS[name].field: round(value, _DIGITS) if np.isfinite(value) else None
    for name, value in row.means.items()
  }
  return {
    "group": row.group,
    "people": row.people,
    "found": row.found,
    **figures,
  }


def write_csv(rows: Sequence[Row], path: str | os.PathLike) -> None:
  """Writes rows atomically; what is not known is empty.

  Raises:
    OutputError: if the file cannot be written.
  """
  lines = [as_dict(row) for row in rows]
  with (
    atomic_path(path) as temporary,
    temporary.open("w", newline="", encoding="utf-8") as file,
  ):
    writer = csv.DictWriter(file, list(lines[0]))
    writer.writeheader()
    writer.writerows(lines)


def write_json(
  rows: Sequence[Row], about: Mapping[str, Any], path: str | os.PathLike
) -> None:
  """Writes rows atomically with what is known of the evaluation.

  Args:
    rows: as of `summarize`.
    about: what stands before the rows.
    path: of the file.

  Raises:
    OutputError: if the file cannot be written.
  """
  content = {**about, "rows": [as_dict(row) for row in rows]}
  text = json.dumps(content, indent=2, allow_nan=False) + "\n"
  with atomic_path(path) as temporary:
    temporary.write_text(text, encoding="utf-8")
