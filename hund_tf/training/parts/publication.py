"""Publishes a part's descent: its weights in 16 bits, flags and figures."""

import os
import pathlib
from collections.abc import Sequence

import numpy as np

from hund_tf import files, locks
from hund_tf.body.model import BodyModel
from hund_tf.models.hund import part_weights
from hund_tf.models.hund.part_model import PartHund
from hund_tf.synthetic.part_examples import PartExamples
from hund_tf.training import run_folder
from hund_tf.training.loop import BEST_WEIGHTS
from hund_tf.training.parts.validation import HELD_OUT_SEED, PartValidation


def measure(body_model: BodyModel, model: PartHund, count: int) -> dict:
  """Errors of every stage on held-out synthetic close-ups.

  Args:
    body_model: the body.
    model: with its weights.
    count: of the close-ups.
  """
  examples = PartExamples(body_model, model.config.part)
  rows = PartValidation(examples, count, HELD_OUT_SEED).rows(model)
  number = len(rows.mpjpe)
  return {
    "parameters": sum(int(np.prod(v.shape)) for v in model.trainable_variables),
    "held_out_examples": number,
    "held_out_seed": HELD_OUT_SEED,
    "unit": "means over close-ups; s_0 first",
    "stages": {
      name: [round(float(v), 3) for v in values.mean(axis=0)]
      for name, values in rows._asdict().items()
    },
    "standard_errors_of_the_last": {
      name: round(float(values[:, -1].std() / np.sqrt(number)), 3)
      for name, values in rows._asdict().items()
    },
  }


def publish(
  run_dirs: Sequence[str], kind: str, output: str | os.PathLike, count: int
) -> dict:
  """Writes the weights of finished runs, their flags and their metrics.

  Args:
    run_dirs: folders of the runs, each begun with the best weights of the one
      before; the last has the weights.
    kind: "hand" or "face".
    output: the .npz file; flags and metrics go beside it.
    count: of held-out close-ups.

  Returns:
    The metrics.

  Raises:
    ValueError: if a folder is not that of a run that was validated, or of
      another part.
  """
  runs = [pathlib.Path(folder) for folder in run_dirs]
  body_model = BodyModel()
  model = part_weights.load(body_model, kind, runs[-1] / BEST_WEIGHTS)
  histories = [
    run_folder.history(
      run,
      "train_parts",
      ("mpjpe", "pa_mpjpe"),
      lambda row: float(row["mpjpe"].split()[-1]),
    )
    for run in runs
  ]
  output = pathlib.Path(output)
  with locks.only_writer(output.parent, output.stem):
    part_weights.save(model, output, half=True)
    stored = part_weights.load(body_model, kind, output)
    metrics = {
      "runs": histories,
      "examples": sum(history["examples"] for history in histories),
      **measure(body_model, stored, count),
    }
    files.write_text(
      output.with_suffix(".flags"),
      "".join(
        f"# Run {i} of {len(runs)}\n{run_folder.portable_flags(run)}"
        for i, run in enumerate(runs, 1)
      ),
    )
    files.write_json(output.with_suffix(".metrics.json"), metrics)
  return metrics
