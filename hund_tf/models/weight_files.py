"""npz files of named weights and settings, as all models here are stored."""

import dataclasses
import hashlib
import json
import os
import pathlib
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from hund_tf import files, json_text, npz_arrays
from hund_tf.compat import tf

_SETTINGS = "settings"  # entry of the npz with the settings
_MOST, _LARGEST = 2048, 1e9  # in settings: whole numbers, others
_LAYERS = (
  "num_stages",
  "stages",
  "stage_convolutions",
  "blocks",
  "fine_blocks",
)
_MOST_LAYERS = 100


class WeightsError(ValueError):
  """A weights file cannot be used."""


def write(
  path: str | os.PathLike,
  arrays: Mapping[str, np.ndarray],
  settings: dict,
  compressed: bool = False,
) -> None:
  """Writes named arrays and settings, atomically."""
  text = np.array(json.dumps(settings))
  files.write_npz(path, {**arrays, _SETTINGS: text}, compressed=compressed)


def read(
  path: str | os.PathLike, writer: str
) -> tuple[dict[str, np.ndarray], dict]:
  """The named arrays and the settings of a file.

  Args:
    path: of the npz.
    writer: the program that writes such files, for the message.

  Returns:
    Arrays, float16 or float32 and finite, by name; settings as JSON has them.

  Raises:
    WeightsError: if it cannot be read.
  """

  def check(headers: dict[str, npz_arrays.Header]) -> None:
    if _SETTINGS not in headers:
      raise ValueError(f"it lacks {_SETTINGS}")

  try:
    arrays = npz_arrays.read(path, texts=(_SETTINGS,), check=check)
    settings = json_text.parse(str(arrays.pop(_SETTINGS)).encode())
    if not isinstance(settings, dict):
      raise ValueError(f"its settings are a {type(settings).__name__}")
  except (OSError, ValueError) as error:
    raise WeightsError(
      f"weights {files.printable(path)}: cannot be read "
      f"({files.problem(error)}); expected a file that `python -m {writer}` "
      "wrote"
    ) from error
  return arrays, settings


def check_settings(config: type, settings: Mapping[str, Any]) -> None:
  """Checks settings of a file by the defaults of the dataclass's fields.

  Whole numbers are at most 2,048, and at most 100 where they count layers or
  stages; others are finite.

  Raises:
    ValueError: if one is unknown, or of another type, or too large.
  """
  fields = {field.name: field for field in dataclasses.fields(config)}
  for name, value in settings.items():
    if name not in fields:
      raise ValueError(f"{json_text.shown_key(name)} is unknown")
    default = fields[name].default
    several = isinstance(default, tuple)
    if several != isinstance(value, list | tuple):
      raise ValueError(f"{name} is {json_text.shown(value)}")
    most = _MOST_LAYERS if name in _LAYERS else _MOST
    for one in value if several else (value,):
      kind = type(default[0] if several else default)
      fits = type(one) in ((int, float) if kind is float else (kind,))
      if kind in (int, float) and fits:
        fits = 0 <= one <= (most if kind is int else _LARGEST)
      if not fits:
        raise ValueError(f"{name} is {json_text.shown(one)}")


def digest(path: str | os.PathLike) -> str:
  """SHA-256 of a file, hexadecimal.

  Raises:
    WeightsError: if it cannot be read.
  """
  try:
    return hashlib.sha256(pathlib.Path(path).read_bytes()).hexdigest()
  except OSError as error:
    raise WeightsError(f"{path}: cannot be read ({error.strerror})") from error


def assign(
  variables: Iterable[tf.Variable],
  arrays: Mapping[str, np.ndarray],
  path: str | os.PathLike,
) -> None:
  """Gives variables the arrays of their names.

  Raises:
    WeightsError: if names or shapes differ; nothing is then changed.
  """
  by_name = {v.name: v for v in variables}
  expected = {name: tuple(v.shape) for name, v in by_name.items()}
  found = {name: value.shape for name, value in arrays.items()}
  if found != expected:
    names = sorted(
      n for n in {*found, *expected} if found.get(n) != expected.get(n)
    )
    raise WeightsError(
      f"weights {path}: {names[0]} has shape {found.get(names[0])}, the model "
      f"expects {expected.get(names[0])} ({len(names)} such differences)"
    )
  for name, variable in by_name.items():
    variable.assign(arrays[name].astype(np.float32))
