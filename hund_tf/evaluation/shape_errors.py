"""Protocol `shape`: stature and girths of people whose bodies are known.

Held-out synthetic people, seen whole, in photos of which a third each has a
focal length of `FOCALS` times the larger side. Each is reconstructed twice:
with the focal length known, and with the guess that a photo without any gets,
the larger side itself. Beside the errors stand those of the mean body, which is
what is known of somebody who has not been seen.
"""

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from hund_tf.body import measures
from hund_tf.compat import tf
from hund_tf.evaluation import figures
from hund_tf.evaluation.figures import Figure, Row
from hund_tf.reconstruction.methods import Method
from hund_tf.types import SHAPE_DIM, Intrinsics, TrainingExample

FOCALS = (0.75, 1.0, 1.5)
STATURES = (1.50, 1.95)  # metres, of the people who count

Measures = dict[str, np.ndarray]  # name of `measures.MEASURES` to [N] metres


def measure(
  groups: Iterable[tuple[float, Iterable[TrainingExample]]], method: Method
) -> dict[str, Measures]:
  """Measures of people: the truth, and estimates by what is known of cameras.

  Args:
    groups: focal length in larger sides of the photo, and batches of examples
      of such photos.
    method: reconstructs them.

  Returns:
    "truth", "known focal length" and "guessed" to measures of the N people
    whose true stature is within `STATURES`.
  """
  shapes: dict[str, list[np.ndarray]] = {}
  for focal, examples in groups:
    for example in examples:
      true = example.intrinsics
      guess = Intrinsics(true.focal / focal, true.center)
      for name, shape in (
        ("truth", example.state.shape),
        ("known focal length", _shape(method, example, true)),
        ("guessed", _shape(method, example, guess)),
      ):
        shapes.setdefault(name, []).append(np.asarray(shape))
  body_model = method.objective.body_model
  found = {
    name: measures.measure(body_model, np.concatenate(batches))
    for name, batches in shapes.items()
  }
  tall = found["truth"]["stature"]
  here = (tall >= STATURES[0]) & (tall <= STATURES[1])
  return {
    name: {kind: values[here] for kind, values in of.items()}
    for name, of in found.items()
  }


def _shape(
  method: Method, example: TrainingExample, intrinsics: Intrinsics
) -> tf.Tensor:
  """Shape latents `[B, 16]` of the last states."""
  return method(example.features, intrinsics).state.shape[:, -1]


def summarize(found: dict[str, Measures], mean_body: Measures) -> list[Row]:
  """A row for each measure and camera, and for the mean body; metres.

  Args:
    found: of `measure`.
    mean_body: its measures, each `[1]`.
  """
  rows = []
  for kind in measures.MEASURES:
    truth = found["truth"][kind]
    for name, of in found.items():
      if name != "truth":
        rows.append(_row(f"{kind}, {name}", truth, of[kind]))
    same = np.full(truth.shape, mean_body[kind][0])
    rows.append(_row(f"{kind}, mean body", truth, same))
  return rows


def _row(name: str, truth: np.ndarray, estimate: np.ndarray) -> Row:
  error = estimate - truth
  return Row(
    name,
    {"people": len(truth)},
    {
      "correlation": correlation(truth, estimate),
      "error": figures.mean(error),
      "absolute error": figures.mean(np.abs(error)),
    },
  )


def correlation(x: np.ndarray, y: np.ndarray) -> Figure:
  """Pearson's r of `[N]` values, and (1 - r^2) / sqrt(N - 1)."""
  if len(x) < 3 or min(np.std(x), np.std(y)) < 1e-9:
    return Figure(float("nan"), float("nan"))
  r = float(np.corrcoef(x, y)[0, 1])
  return Figure(r, (1 - r**2) / (len(x) - 1) ** 0.5)


def run(
  groups: Iterable[tuple[float, Iterable[TrainingExample]]],
  method: Method,
  name: str,
  folder: Path,
) -> str:
  """Writes `shape.csv` and `shape.json`; returns what to print.

  Args:
    groups: see `measure`.
    method: reconstructs people.
    name: of the method.
    folder: for the files; exists.

  Raises:
    OutputError: if a file cannot be written.
  """
  found = measure(groups, method)
  mean_body = measures.measure(
    method.objective.body_model, np.zeros([1, SHAPE_DIM])
  )
  rows = summarize(found, mean_body)
  about = {
    "protocol": "shape",
    "method": name,
    "unit": "m",
    "focal_lengths": list(FOCALS),
    "statures": list(STATURES),
  }
  figures.write(rows, about, folder, "shape")
  low, high = (f"{x:.2f}" for x in STATURES)
  return "\n".join(
    [
      f"Synthetic people of {low} to {high} m, seen whole; metres, ± standard "
      "errors; a guessed focal length is the larger side of the photo, where "
      f"it is {', '.join(map(str, FOCALS))} times that",
      "",
      figures.markdown(rows),
    ]
  )
