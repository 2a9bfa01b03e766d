"""The log of a run: two CSV files and TensorBoard's events."""

import csv
import os
import pathlib

import numpy as np
from tensorboard.plugins.mesh import summary_v2 as mesh_summary

from hund_tf.compat import tf
from hund_tf.training.run_folder import STEPS_FILE, VALIDATION_FILE
from hund_tf.training.train_step import StepReport
from hund_tf.training.validation import StageErrors


class RunLog:
  """Writes rows by step; rows after the step of a resumed run are dropped."""

  def __init__(self, folder: str | os.PathLike, first_step: int):
    self._folder = pathlib.Path(folder)
    for name in (STEPS_FILE, VALIDATION_FILE):
      _drop_after(self._folder / name, first_step)
    self._events = tf.summary.create_file_writer(
      str(self._folder / "tensorboard")
    )

  def step(
    self,
    step: int,
    seconds: float,
    examples_per_second: float,
    rate: float,
    report: StepReport,
  ) -> None:
    """A row of steps.csv, a line on the terminal, and scalars."""
    losses = [float(v) for v in report.stage_losses]
    terms = {
      name: [float(v) for v in values]
      for name, values in report.terms._asdict().items()
    }
    row = {
      "step": step,
      "seconds": round(seconds, 1),
      "examples_per_second": round(examples_per_second, 1),
      "learning_rate": rate,
      "loss": float(report.loss),
      "gradient_norm": float(report.gradient_norm),
      "stage_losses": _join(losses),
      "objective": _join(terms["total"]),
    }
    _append(self._folder / STEPS_FILE, row)
    print(
      f"step {step} ({examples_per_second:.0f} examples/s) loss "
      f"{row['loss']:.3f} stages {row['stage_losses']} "
      f"L_u {row['objective']}",
      flush=True,
    )
    with self._events.as_default(step):
      for name in ("loss", "gradient_norm", "learning_rate"):
        tf.summary.scalar(f"train/{name}", row[name])
      tf.summary.scalar("train/examples_per_second", examples_per_second)
      for i, loss in enumerate(losses):
        tf.summary.scalar(f"loss/stage_{i}", loss)
      for name, values in terms.items():
        for i, value in enumerate(values):
          tf.summary.scalar(f"terms/{name}/stage_{i}", value)

  def validation(self, step: int, errors: StageErrors) -> None:
    """A row of validation.csv, a line on the terminal, and scalars."""
    figures = errors.as_dict()
    row = {name: _join(values) for name, values in figures.items()}
    _append(self._folder / VALIDATION_FILE, {"step": step, **row})
    print(
      f"validation at {step}: MPJPE {row['mpjpe']} PA {row['pa_mpjpe']} mm, "
      f"all joints PA {figures['pa_mpjpe_all'][-1]:.1f}, pelvis "
      f"{figures['pelvis'][-1]:.0f}, L_u {row['objective']}",
      flush=True,
    )
    with self._events.as_default(step):
      for name, values in figures.items():
        for i, value in enumerate(values):
          tf.summary.scalar(f"validation/{name}/stage_{i}", value)
    self._events.flush()

  def pictures(
    self, step: int, strip: np.ndarray, vertices: np.ndarray, faces: np.ndarray
  ) -> None:
    """A strip of stages `[H, W, 3]` uint8, and the mesh of one last stage."""
    with self._events.as_default(step):
      tf.summary.image("validation/stages", strip[None])
      mesh_summary.mesh(
        "validation/mesh",
        # Upright in the viewer, whose y axis points up.
        vertices=(vertices * (1.0, -1.0, -1.0))[None].astype(np.float32),
        faces=faces[None].astype(np.int32),
      )


def _join(values: list[float]) -> str:
  return " ".join(f"{value:.3f}" for value in values)


def _append(path: pathlib.Path, row: dict) -> None:
  new = not path.exists()
  with path.open("a", newline="", encoding="utf-8") as file:
    writer = csv.DictWriter(file, list(row))
    if new:
      writer.writeheader()
    writer.writerow(row)


def _drop_after(path: pathlib.Path, step: int) -> None:
  """Removes the rows of later steps."""
  if not path.exists():
    return
  lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
  kept = lines[:1] + [s for s in lines[1:] if int(s.split(",")[0]) <= step]
  temporary = path.with_name(path.name + ".tmp")
  temporary.write_text("".join(kept), encoding="utf-8")
  os.replace(temporary, path)
