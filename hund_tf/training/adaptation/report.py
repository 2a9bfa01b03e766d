"""What an adaptation did, as JSON."""

import dataclasses
import os
from collections.abc import Sequence

import numpy as np

from hund_tf import files
from hund_tf.training.adaptation.guard import Judgement, worse
from hund_tf.training.adaptation.photo_batches import SeenPerson
from hund_tf.training.adaptation.trainer import (
  AdaptationConfig,
  AdaptationResult,
)
from hund_tf.training.run_folder import git_hash

SCHEMA = "hund_tf.adaptation/1"


def build(
  result: AdaptationResult,
  config: AdaptationConfig,
  people: Sequence[SeenPerson],
  held_out: Sequence[SeenPerson],
  **facts,
) -> dict:
  """The report as plain values.

  Args:
    result: of the adaptation.
    config: its settings.
    people: that were trained on.
    held_out: that were judged by.
    **facts: more entries.
  """
  before, best = result.before, result.best

  def look(judgement: Judgement) -> dict:
    risen = worse(before, judgement, config.guard)
    return _look(judgement) | {"worse_people": int(risen.sum())}

  return {
    "schema": SCHEMA,
    "kept": best is not None,
    "reasons": result.reasons,
    **facts,
    "git_hash": git_hash(),
    "settings": dataclasses.asdict(config),
    "trained_photos": _photos(people),
    "held_out_photos": _photos(held_out),
    "trained_people": len(people),
    "before": look(before),
    "after": look(best) if best else None,
    "history": [look(judgement) for judgement in result.history],
    "held_out_people": [
      {
        "photo": person.source,
        "before": _rounded(before.terms.total[i]),
        "after": _rounded(best.terms.total[i]) if best else None,
      }
      for i, person in enumerate(held_out)
    ],
  }


def write(path: str | os.PathLike, report: dict) -> None:
  """Writes a report atomically.

  Raises:
    OutputError: if it cannot be written.
  """
  files.write_json(path, report)


def _look(judgement: Judgement) -> dict:
  """Means over the held-out people, and the errors of synthetic ones."""
  terms = judgement.terms._asdict()
  return {
    "step": judgement.step,
    "objective": _rounded(judgement.objective),
    **{k: _rounded(np.mean(v)) for k, v in terms.items() if k != "total"},
    "mpjpe": _rounded(judgement.mpjpe),
    "pa_mpjpe": _rounded(judgement.pa_mpjpe),
  }


def _rounded(value: float) -> float | None:
  """To four digits behind the point; JSON has no NaN."""
  return round(float(value), 4) if np.isfinite(value) else None


def _photos(people: Sequence[SeenPerson]) -> list[str]:
  return list(dict.fromkeys(person.source for person in people))
