"""The SavedModel from photos to people, whatever optional inputs it has."""

import hashlib
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from hund_tf import files
from hund_tf.compat import tf

PLAIN, WITH_MESH = "serving_default", "people_with_mesh"
# Of a photo; all other outputs are of its people, [B, P, ...].
OF_PHOTOS = ("num_people", "num_people_found", "error", "image_size", "camera")
NEEDED = ("num_people", "error", "boxes", "scores")
_IMAGES = "image_bytes"


class ModelError(ValueError):
  """A folder that is no such model; one line."""


class Column(NamedTuple):
  """An output of people."""

  output: str
  shape: tuple[int | None, ...]  # of a person
  dtype: str = "float32"

  @property
  def name(self) -> str:
    """What it is called in tables."""
    return self.output.replace("/", "_")


def fingerprint(folder: str) -> str:
  """SHA-256 of the model's files, of which results are said to be.

  Raises:
    ModelError: if there is no SavedModel in the folder.
  """
  root = files.expand(folder)
  if not (root / "saved_model.pb").is_file():
    raise ModelError(
      f"{files.printable(folder)}: holds no SavedModel; give a folder that "
      "`hund export --format=people` wrote"
    )
  digest = hashlib.sha256()
  for path in sorted(root.rglob("*")):
    if path.is_file() and "assets.extra" not in path.parts:
      digest.update(path.relative_to(root).as_posix().encode() + b"\0")
      with path.open("rb") as file:
        digest.update(hashlib.file_digest(file, "sha256").digest())
  return digest.hexdigest()


class PeopleModel:
  """A loaded model."""

  def __init__(self, folder: str, signature: str = PLAIN):
    """Loads it.

    Raises:
      ModelError: if it cannot be loaded or has not this signature.
    """
    begin = time.perf_counter()
    self.fingerprint = fingerprint(folder)
    shown = files.printable(folder)
    try:
      self._module = tf.saved_model.load(str(Path(files.expand(folder))))
    except (OSError, ValueError, tf.errors.OpError) as error:
      raise ModelError(f"{shown}: {files.problem(error)}") from error
    run = self._module.signatures.get(signature)
    inputs = run.structured_input_signature[1] if run is not None else {}
    outputs = run.structured_outputs if run is not None else {}
    if run is None or _IMAGES not in inputs or not {*NEEDED} <= {*outputs}:
      raise ModelError(
        f"{shown}: has no signature {signature!r} from {_IMAGES} to people; "
        "give a folder that `hund export --format=people` wrote"
      )
    self._run, self._others = run, {*inputs} - {_IMAGES}
    self.columns = tuple(
      Column(name, tuple(spec.shape[2:]), spec.dtype.name)
      for name, spec in sorted(outputs.items())
      if name not in OF_PHOTOS and name != "vertices"
    )
    self.seconds = time.perf_counter() - begin  # that loading took

  def __call__(self, photos: Sequence[bytes]) -> dict[str, np.ndarray]:
    """The outputs for photos; what else the model takes is not known (0)."""
    unknown = tf.zeros([len(photos)])
    found = self._run(
      image_bytes=tf.constant(list(photos), tf.string),
      **dict.fromkeys(self._others, unknown),
    )
    return {name: value.numpy() for name, value in found.items()}

  def faces(self) -> np.ndarray:
    """Triangles `[F, 3]` of the mesh."""
    return self._module.signatures["topology"]()["faces"].numpy()
