"""npz files of named weights and settings, as all models here are stored."""

import hashlib
import json
import os
import pathlib
import zipfile
from collections.abc import Iterable, Mapping

import numpy as np

from hund_tf import files
from hund_tf.compat import tf

_SETTINGS = "settings"  # entry of the npz with the settings


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

  Raises:
    WeightsError: if it cannot be read.
  """
  try:
    with np.load(path) as file:
      arrays = dict(file)
      settings = json.loads(str(arrays.pop(_SETTINGS)))
  except (
    OSError,
    ValueError,
    KeyError,
    EOFError,
    zipfile.BadZipFile,
  ) as error:
    raise WeightsError(
      f"weights {path}: cannot be read ({error}); expected a file that "
      f"`python -m {writer}` wrote"
    ) from error
  return arrays, settings


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
