"""Figures with their standard errors, as Markdown, CSV and JSON."""

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from hund_tf.files import atomic_path

_DIGITS = 6  # of figures in files


class Figure(NamedTuple):
  """A mean or a share, and how sure it is."""

  value: float  # NaN where there is nothing to count
  error: float  # standard error; NaN with fewer than two independent parts

  def text(self, digits: int = 3) -> str:
    """As it stands in a table: "0.912 ± 0.020"."""
    if not np.isfinite(self.value):
      return "-"
    text = f"{self.value:.{digits}f}"
    if np.isfinite(self.error):
      text += f" ± {self.error:.{digits}f}"
    return text


class Row(NamedTuple):
  """A line of a table: what was counted, and the figures of it."""

  group: str
  counts: dict[str, int]
  figures: dict[str, Figure]


def mean(values: np.ndarray) -> Figure:
  """The mean of the finite ones of `[N]` values, and s / sqrt(N)."""
  values = np.asarray(values, np.float64)
  values = values[np.isfinite(values)]
  if not len(values):
    return Figure(float("nan"), float("nan"))
  error = float("nan")
  if len(values) > 1:
    error = float(values.std(ddof=1) / np.sqrt(len(values)))
  return Figure(float(values.mean()), error)


def share(right: np.ndarray, counted: np.ndarray) -> Figure:
  """A share r = sum(right) / sum(counted) over N independent groups.

  Members of a group (joints of a person, people of a photo) are alike, so the
  error is that of a ratio of sums over groups: with e = right - r counted,
  sqrt(N / (N - 1) sum(e^2)) / sum(counted).

  Args:
    right: `[N]` how many of a group are right.
    counted: `[N]` how many there are; groups without any are left out.
  """
  right, counted = (np.asarray(x, np.float64) for x in (right, counted))
  right, counted = right[counted > 0], counted[counted > 0]
  number = len(counted)
  if not number:
    return Figure(float("nan"), float("nan"))
  total = counted.sum()
  value = right.sum() / total
  error = float("nan")
  if number > 1:
    square = ((right - value * counted) ** 2).sum() * number / (number - 1)
    error = float(np.sqrt(square) / total)
  return Figure(float(value), error)


def markdown(rows: Sequence[Row], digits: int = 3) -> str:
  """A Markdown table of rows that have the same columns."""
  first = rows[0]
  titles = ["", *first.counts, *first.figures]
  lines = [titles, ["---"] * len(titles)]
  for row in rows:
    figures = [figure.text(digits) for figure in row.figures.values()]
    lines.append([row.group, *map(str, row.counts.values()), *figures])
  return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def as_dict(row: Row) -> dict[str, Any]:
  """A row as it stands in CSV and JSON.

  The standard error of NAME is `NAME standard error`; None is not known.
  """
  flat: dict[str, Any] = {"group": row.group, **row.counts}
  for name, figure in row.figures.items():
    flat[name] = rounded(figure.value)
    flat[f"{name} standard error"] = rounded(figure.error)
  return flat


def rounded(value: float) -> float | None:
  """A number for a file; None if it is not finite."""
  return round(float(value), _DIGITS) if np.isfinite(value) else None


def write(
  rows: Sequence[Row], about: Mapping[str, Any], folder: Path, name: str
) -> None:
  """Writes `NAME.csv`, the rows, and `NAME.json`, these after `about`.

  Raises:
    OutputError: if a file cannot be written.
  """
  lines = [as_dict(row) for row in rows]
  write_lines(lines, folder / f"{name}.csv")
  text = json.dumps({**about, "rows": lines}, indent=2, allow_nan=False)
  with atomic_path(folder / f"{name}.json") as temporary:
    temporary.write_text(text + "\n", encoding="utf-8")


def write_lines(lines: Sequence[Mapping[str, Any]], path: Path) -> None:
  """Writes a CSV file with the columns of its first line.

  Raises:
    OutputError: if the file cannot be written.
  """
  with (
    atomic_path(path) as temporary,
    temporary.open("w", newline="", encoding="utf-8") as file,
  ):
    writer = csv.DictWriter(file, list(lines[0]) if lines else ["nothing"])
    writer.writeheader()
    writer.writerows(lines)
