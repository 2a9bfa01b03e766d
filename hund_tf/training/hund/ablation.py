"""The table of meta-losses (Table 4), of runs that differ in nothing else."""

import csv
import pathlib

from hund_tf.files import atomic_path
from hund_tf.training.hund.validation import StageErrors

_PAPER = {  # Table 4: PA-MPJPE and MPJPE on Human3.6M, protocol 1
  "sum": (59.91, 83.26),
  "last": (58.50, 80.16),
  "min": (78.61, 122.60),
  "max": (83.80, 128.0),
  "oi": (79.35, 123.90),
}


def write(folder: pathlib.Path, errors: dict[str, StageErrors]) -> str:
  """Writes meta_losses.csv and meta_losses.md; returns the table.

  Args:
    folder: for the files; exists.
    errors: of every stage, by the name of the meta-loss.

  Raises:
    OutputError: if a file cannot be written.
  """
  with atomic_path(folder / "meta_losses.csv") as temporary:
    with temporary.open("w", newline="", encoding="utf-8") as file:
      writer = csv.writer(file)
      writer.writerow(["meta_loss", "stage", *StageErrors._fields])
      for name, stages in errors.items():
        rows = zip(*stages.as_dict().values(), strict=True)
        writer.writerows([name, i, *row] for i, row in enumerate(rows))
  lines = [
    "| meta-loss | PA-MPJPE, mm | MPJPE, mm | MPJPE of s_0 ... s_M "
    "| paper: PA-MPJPE | paper: MPJPE |",
    "|---|---|---|---|---|---|",
  ]
  for name, stages in errors.items():
    course = " ".join(f"{value:.0f}" for value in stages.mpjpe)
    paper = " | ".join(f"{value:.2f}" for value in _PAPER[name])
    lines.append(
      f"| {name} | {stages.pa_mpjpe[-1]:.1f} | {stages.mpjpe[-1]:.1f} "
      f"| {course} | {paper} |"
    )
  text = "\n".join(lines)
  with atomic_path(folder / "meta_losses.md") as temporary:
    temporary.write_text(text + "\n", encoding="utf-8")
  return text
