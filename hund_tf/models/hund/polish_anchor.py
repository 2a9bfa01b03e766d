"""How far descents end from the truth: the anchor of the polish, as a file.

It is made for one set of weights (`tools.calibrate_polish`), and lies beside
them as NAME.polish.npz.
"""

import dataclasses
import os
import pathlib
from typing import Any

import numpy as np

from hund_tf import files, json_text
from hund_tf.body.points import STEP_SIZE
from hund_tf.models import weight_files
from hund_tf.models.weight_files import WeightsError

_MOST_STAGES = 100
_WRITER = "tools.calibrate_polish"


@dataclasses.dataclass(frozen=True, eq=False)
class Anchor:
  """Covariances of (truth - s_M), and how far what is seen is trusted."""

  covariances: np.ndarray  # [N, 201, 201] by how much is known, least first
  edges: np.ndarray  # [N - 1] mean confidences of the body between these
  keypoints: tuple[float, float]  # sigma, crop pixels; c, in sigmas
  landmarks: tuple[float, float]  # tau, metres; c, in taus; 0: not looked at
  uncertainty_scale: float = 1.0  # makes expected errors right on examples
  num_stages: int = 5  # M of the descents that it was made with
  weights_sha256: str = ""  # of the weights file that it was made with
  provenance: dict[str, Any] = dataclasses.field(default_factory=dict)
  # sigma, crop pixels, and c, in sigmas, of outlines; 0: not looked at
  outline: tuple[float, float] = (0.0, 1.0)

  def __post_init__(self):
    count = len(self.covariances)
    if np.shape(self.covariances) != (count, STEP_SIZE, STEP_SIZE) or (
      np.shape(self.edges) != (count - 1,)
    ):
      raise ValueError(
        f"anchor: covariances {np.shape(self.covariances)} with edges "
        f"{np.shape(self.edges)}, expected [N, {STEP_SIZE}, {STEP_SIZE}] and "
        "[N - 1]"
      )

  def precisions(self, numbers: np.ndarray) -> np.ndarray:
    """Lambda: the inverse covariances `[N, D, D]` float32 of D numbers."""
    covariances = self.covariances[:, numbers[:, None], numbers]
    inverse = np.linalg.inv(np.asarray(covariances, np.float64))
    return ((inverse + inverse.transpose(0, 2, 1)) / 2.0).astype(np.float32)


def path_beside(weights: str | os.PathLike) -> pathlib.Path:
  """Where the anchor of a weights file is: NAME.polish.npz beside it."""
  return pathlib.Path(weights).with_suffix(".polish.npz")


def save(anchor: Anchor, path: str | os.PathLike) -> None:
  """Writes an anchor, atomically."""
  settings = dataclasses.asdict(anchor)
  covariances = settings.pop("covariances")
  settings["edges"] = [float(edge) for edge in settings["edges"]]
  # Symmetric: one triangle is enough.
  rows, columns = np.tril_indices(STEP_SIZE)
  lower = covariances[:, rows, columns].astype(np.float32)
  weight_files.write(path, {"covariances": lower}, settings, compressed=True)


def _pair(name: str, value: Any) -> tuple[float, float]:
  numbers = json_text.numbers(value)
  if numbers.shape != (2,) or (numbers < 0).any():
    raise ValueError(f"{name} {json_text.shown(value)}")
  return float(numbers[0]), float(numbers[1])


def load(path: str | os.PathLike) -> Anchor:
  """Reads what `save` wrote.

  Raises:
    WeightsError: if it cannot be read or does not hold an anchor.
  """
  arrays, settings = weight_files.read(path, _WRITER)
  try:
    lower = arrays.pop("covariances")
    rows, columns = np.tril_indices(STEP_SIZE)
    if arrays or lower.shape != (len(lower), len(rows)):
      raise ValueError(f"covariances {lower.shape}, and {sorted(arrays)}")
    covariances = np.zeros([len(lower), STEP_SIZE, STEP_SIZE], np.float32)
    covariances[:, rows, columns] = lower
    covariances[:, columns, rows] = lower
    for name in {"keypoints", "landmarks", "outline"} & settings.keys():
      settings[name] = _pair(name, settings[name])
    scale = json_text.numbers(settings.get("uncertainty_scale", 1.0))
    if scale.shape or scale <= 0:
      raise ValueError(f"uncertainty_scale {scale}")
    if not 0 <= settings.get("num_stages", 5) <= _MOST_STAGES:
      raise ValueError(f"num_stages {settings['num_stages']!r:.40}")
    edges = json_text.numbers(settings.pop("edges")).astype(np.float32)
    anchor = Anchor(covariances, edges, **settings)
    anchor.precisions(np.arange(STEP_SIZE))
  except (KeyError, TypeError, ValueError, IndexError) as error:
    raise WeightsError(
      f"anchor {path}: cannot be used ({files.problem(error)}); expected the "
      f"file that {_WRITER} writes"
    ) from error
  return anchor


def load_beside(
  weights: str | os.PathLike, num_stages: int | None = None
) -> Anchor | None:
  """The anchor of a weights file, or None if there is none beside it.

  Args:
    weights: the file.
    num_stages: M if it is asked for; there is no anchor of other descents.

  Raises:
    WeightsError: if it cannot be read, or is of other weights.
  """
  path = path_beside(weights)
  if not path.exists():
    return None
  anchor = load(path)
  if anchor.weights_sha256 != weight_files.digest(weights):
    raise WeightsError(
      f"anchor {path}: is not of the weights {weights} as they are; run "
      f"{_WRITER} again, or use --nopolish"
    )
  return anchor if num_stages in (None, anchor.num_stages) else None
