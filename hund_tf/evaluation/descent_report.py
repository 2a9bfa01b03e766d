"""What `descent_comparison` found, in words and files (Figs. 3 and 4)."""

import csv
from pathlib import Path
from typing import NamedTuple

import numpy as np

from hund_tf.evaluation import descent_comparison
from hund_tf.evaluation.descent_comparison import DescentRow
from hund_tf.files import atomic_path

LEARNED_STAGES = 5
LEARNED = f"HUND({LEARNED_STAGES})"


class LearnedSeconds(NamedTuple):
  """Of the learned descent on all problems, by itself as in use.

  In turns with other methods it finds their data in the caches, and the terms
  of their objective are taken between its descents.
  """

  in_turn: float  # one problem after the other
  together: float  # in one batch


def speed(rows: list[DescentRow], learned: LearnedSeconds) -> str:
  """How long the optimisers take to reach the learned descent's objective."""
  ends = {r.problem: r for r in rows if r.method == LEARNED}
  count = len(ends)
  lines = [
    f"{LEARNED} takes {learned.in_turn:.3f} s for all {count} problems one "
    f"after the other ({1e3 * learned.in_turn / count:.1f} ms each), and "
    f"{learned.together:.3f} s in one batch; "
    f"{1e3 * np.median([r.seconds for r in ends.values()]):.1f} ms (median) in "
    "turns with the other methods."
  ]
  for method in _optimizers(rows):
    times = descent_comparison.seconds_to_reach(
      rows, method, {p: r.objective for p, r in ends.items()}
    )
    reached = np.isfinite(times)
    whole = np.where(reached, times, _last_seconds(rows, method, ends)).sum()
    line = f"{method} reaches its objective in {reached.sum()} of {count}"
    if reached.any():
      median = np.median(np.array(times)[reached])
      line += (
        f", after {median:.2f} s (median of these), "
        f"{median * count / learned.in_turn:.0f} times as long"
      )
    line += (
      f". One after the other it takes {whole:.1f} s for all of them (to its "
      "end where it does not get there), "
      f"{whole / learned.in_turn:.0f} times as long, and "
      f"{whole / learned.together:.0f} times as long as the batch."
    )
    lines.append(line)
  return "\n".join(lines)


def _optimizers(rows: list[DescentRow]) -> list[str]:
  """The methods that do not begin with the learned descent."""
  names = dict.fromkeys(row.method for row in rows)
  return [name for name in names if not name.startswith("HUND(")]


def _last_seconds(rows, method: str, problems) -> list[float]:
  """When a method ended on each problem."""
  ends = {r.problem: r.seconds for r in rows if r.method == method}
  return [ends[problem] for problem in problems]


def write(folder: Path, rows: list[DescentRow], learned: LearnedSeconds) -> str:
  """Writes descents.csv and summary.md; returns the summary.

  Args:
    folder: for the files; exists.
    rows: of `compare`, with the method `LEARNED` and any others.
    learned: how long the learned descent takes.

  Raises:
    OutputError: if a file cannot be written.
  """
  with atomic_path(folder / "descents.csv") as temporary:
    with temporary.open("w", newline="", encoding="utf-8") as file:
      writer = csv.writer(file)
      writer.writerow(descent_comparison.FIELDS)
      writer.writerows(rows)
  stages = descent_comparison.stages_as_methods(rows, LEARNED)
  text = "\n\n".join(
    [
      descent_comparison.table(descent_comparison.summarize(stages + rows)),
      speed(rows, learned),
      "\n".join(
        descent_comparison.difference(rows, LEARNED, method)
        for method in _optimizers(rows)
      ),
    ]
  )
  with atomic_path(folder / "summary.md") as temporary:
    temporary.write_text(text + "\n", encoding="utf-8")
  return text
