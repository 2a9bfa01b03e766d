"""The log of a run: two CSV files and TensorBoard's events."""

import csv
import os
import pathlib
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
from tensorboard.plugins.mesh import summary_v2 as mesh_summary

from hund_tf import files
from hund_tf.compat import tf
from hund_tf.training.checkpoints import writing
from hund_tf.training.run_folder import STEPS_FILE, VALIDATION_FILE


class StepRow(NamedTuple):
  """What is logged of a training step."""

  loss: float
  gradient_norm: float
  columns: dict[str, list[float]]  # of steps.csv, by name
  scalars: dict[str, float]  # of TensorBoard, by name


class RunLog:
  """Writes rows by step; rows after the step of a resumed run are dropped."""

  def __init__(
    self,
    folder: str | os.PathLike,
    first_step: int,
    report: Callable[[str], None] = print,
  ):
    """Opens the log.

    Args:
      folder: of the run.
      first_step: that the run goes on from.
      report: told of damaged lines, which are removed.

    Raises:
      OutputError: if a file cannot be written, as all methods.
    """
    self._folder = pathlib.Path(folder)
    for name in (STEPS_FILE, VALIDATION_FILE):
      _drop_after(self._folder / name, first_step, report)
    self._event_folder = self._folder / "tensorboard"
    with writing(self._event_folder):
      self._events = tf.summary.create_file_writer(str(self._event_folder))

  @contextmanager
  def _at(self, step: int) -> Iterator[None]:
    """What is inside goes to TensorBoard's events, at a step."""
    with writing(self._event_folder), self._events.as_default(step):
      yield

  def step(
    self,
    step: int,
    seconds: float,
    examples_per_second: float,
    rate: float,
    report: StepRow,
  ) -> None:
    """A row of steps.csv, a line on the terminal, and scalars."""
    columns = {name: _join(values) for name, values in report.columns.items()}
    row = {
      "step": step,
      "seconds": round(seconds, 1),
      "examples_per_second": round(examples_per_second, 1),
      "learning_rate": rate,
      "loss": report.loss,
      "gradient_norm": report.gradient_norm,
      **columns,
    }
    _append(self._folder / STEPS_FILE, row)
    print(
      f"step {step} ({examples_per_second:.0f} examples/s) loss "
      f"{report.loss:.3f} {_line(columns)}",
      flush=True,
    )
    with self._at(step):
      for name in ("loss", "gradient_norm", "learning_rate"):
        tf.summary.scalar(f"train/{name}", row[name])
      tf.summary.scalar("train/examples_per_second", examples_per_second)
      for name, value in report.scalars.items():
        tf.summary.scalar(name, value)

  def validation(self, step: int, figures: dict[str, list[float]]) -> None:
    """A row of validation.csv, a line on the terminal, and scalars.

    Args:
      step: of the model.
      figures: values of the stages, by name.
    """
    row = {name: _join(values) for name, values in figures.items()}
    _append(self._folder / VALIDATION_FILE, {"step": step, **row})
    print(f"validation at {step}: {_line(row)}", flush=True)
    with self._at(step):
      for name, values in figures.items():
        for i, value in enumerate(values):
          tf.summary.scalar(f"validation/{name}/stage_{i}", value)
    with writing(self._event_folder):
      self._events.flush()

  def picture(self, step: int, name: str, picture: np.ndarray) -> None:
    """A picture `[H, W, 3]` uint8."""
    with self._at(step):
      tf.summary.image(name, picture[None])

  def mesh(self, step: int, vertices: np.ndarray, faces: np.ndarray) -> None:
    """A mesh `[V, 3]` in the camera frame."""
    with self._at(step):
      mesh_summary.mesh(
        "validation/mesh",
        # Upright in the viewer, whose y axis points up.
        vertices=(vertices * (1.0, -1.0, -1.0))[None].astype(np.float32),
        faces=faces[None].astype(np.int32),
      )


def _join(values: list[float]) -> str:
  return " ".join(f"{value:.3f}" for value in values)


def _line(columns: dict[str, str]) -> str:
  return ", ".join(f"{name} {text}" for name, text in columns.items())


def _append(path: pathlib.Path, row: dict) -> None:
  new = not path.exists()
  with writing(path), path.open("a", newline="", encoding="utf-8") as file:
    writer = csv.DictWriter(file, list(row))
    if new:
      writer.writeheader()
    writer.writerow(row)


def _drop_after(
  path: pathlib.Path, step: int, report: Callable[[str], None]
) -> None:
  """Removes the rows of later steps, and lines that are not whole.

  A file whose first line is damaged says nothing and begins anew.
  """
  if not path.exists():
    return
  lines = path.read_bytes().decode("utf-8", "replace").splitlines(keepends=True)
  columns = len(lines[0].split(",")) if lines else 0
  if not columns or not re.fullmatch(r"step(,\w+)+\r?\n", lines[0]):
    aside = path.with_name(f"{path.name}.damaged")
    with writing(path):
      path.replace(aside)
    report(f"{path}: its first line is damaged; moved to {aside.name}")
    return
  rows = [line for line in lines[1:] if _is_whole(line, columns)]
  damaged = len(lines) - 1 - len(rows)
  if damaged:
    report(f"{path}: {damaged} damaged lines are removed; the others stay")
  kept = [row for row in rows if int(row.split(",")[0]) <= step]
  files.write_text(path, "".join([lines[0], *kept]))


def _is_whole(line: str, columns: int) -> bool:
  """Whether a line has its end, and numbers in all columns."""
  fields = line.split(",")
  try:
    int(fields[0])
    for word in line.replace(",", " ").split():
      float(word)
  except ValueError:
    return False
  return line.endswith("\n") and len(fields) == columns
