"""Facial expressions by name, as latents of the expression space.

They are the face units of the body's CC0 source (`construction.
expression_space.NAMED` says which), projected onto the 20 components;
`python -m tools.build_body_model --expressions_only` makes the file. Gaze is
none of them: the eyes turn by their joints (`gaze`).
"""

import functools
from pathlib import Path

import numpy as np

from hund_tf import files

PATH = Path(__file__).parent / "assets" / "expressions.json"


@functools.cache
def _table() -> dict[str, list[float]]:
  return files.read_json(PATH)


def names() -> tuple[str, ...]:
  """The names of all expressions."""
  return tuple(_table())


def latent(name: str) -> np.ndarray:
  """Expression latent `[20]` float32 of a name; the neutral face is zero.

  Raises:
    ValueError: if there is no such expression.
  """
  if name not in _table():
    raise ValueError(
      f"expression {name!r} is unknown; expected one of {', '.join(names())}"
    )
  return np.array(_table()[name], np.float32)
