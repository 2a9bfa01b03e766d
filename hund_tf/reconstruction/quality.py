"""How far a reconstruction can be trusted: the final loss as a probability.

The quality of a person is the probability that PA-MPJPE over 14 joints is under
80 mm, by logistic regression (Platt's scaling with several inputs) on the terms
of the alignment loss of the last stage. It is calibrated on synthetic examples
whose truth is known, for one set of weights, and holds for these only.
"""

import dataclasses
import json
import os
import pathlib
from typing import Any

import numpy as np
from scipy import special

from hund_tf import json_text
from hund_tf.body import keypoints
from hund_tf.compat import tf
from hund_tf.files import atomic_path, problem, read_json
from hund_tf.geometry import rotation
from hund_tf.losses.alignment import AlignmentObjective, ObjectiveConfig
from hund_tf.models import weight_files
from hund_tf.types import AlignmentTerms, ImageFeatures

SCHEMA = "hund_tf.quality/2"
THRESHOLD_MM = 80.0

# What the probability depends on, and how it may: it never rises with a term of
# the loss (-1) and never falls with what is seen of the person (+1).
PREDICTORS = {
  "log_keypoint": -1,  # log of 1 + L_k, crop pixels
  "log_part": -1,  # log of L_b per known channel; 0 where none is known
  "part_known": 0,  # whether a channel of B is known
  "log_pose_prior": -1,  # log of 1 + ||theta||^2
  "log_shape_prior": -1,  # log of 1 + ||beta||^2
  "body_seen": 1,  # mean confidence of the 25 keypoints of the body
  "legs_seen": 1,  # of knees and ankles
  "turned": -1,  # of the body in the photo: 0 upright, 1/2 lying, 1 head down
  "side_on": -1,  # 0 facing the camera or turned away, 1 in profile
}
_LEAST_PART = 1e-3
_LEGS = [
  keypoints.INDEX[f"{side}_{joint}"]
  for side in "lr"
  for joint in ("knee", "ankle")
]


class QualityError(ValueError):
  """A calibration cannot be made or used."""


def predictors(
  features: ImageFeatures, terms: AlignmentTerms, root: np.ndarray
) -> np.ndarray:
  """`PREDICTORS` of B people, `[B, 9]`.

  Args:
    features: of B crops.
    terms: of the last states, `[B]` each.
    root: rotations of these, `[B, 6]`, body to camera.
  """
  axes = rotation.from_6d(tf.cast(root, tf.float64)).numpy()
  up, ahead = axes[:, :, 1], axes[:, :, 2]
  terms = AlignmentTerms(*(np.asarray(x, np.float64) for x in terms))
  channels = np.asarray(features.part_weights, np.float64).sum(-1)
  known = channels > 0.0
  per_channel = terms.part / np.where(known, channels, 1.0)
  confidence = np.asarray(features.heatmap_weights)
  return np.stack(
    [
      np.log1p(terms.keypoint),
      np.where(known, np.log(per_channel + _LEAST_PART), 0.0),
      known,
      np.log1p(terms.pose_prior),
      np.log1p(terms.shape_prior),
      confidence[:, keypoints.BODY].mean(-1),
      confidence[:, _LEGS].mean(-1),
      (1.0 + up[:, 1]) / 2.0,
      np.abs(ahead[:, 0]),
    ],
    axis=-1,
  )


def term_settings(config: ObjectiveConfig) -> dict[str, Any]:
  """The settings on which the unweighted terms of an objective depend.

  Its lambdas do not matter, unless L_b is left out. The renderers agree closely
  enough to be exchanged.
  """
  names = (
    "body_keypoint_weight",
    "face_keypoint_weight",
    "hand_keypoint_weight",
    "mesh",
  )
  settings = {name: getattr(config, name) for name in names}
  return {**settings, "has_part_term": config.part_weight > 0.0}


@dataclasses.dataclass(frozen=True)
class QualityCalibration:
  """From the loss of the last state to a probability."""

  intercept: float  # of the log odds
  coefficients: dict[str, float]  # of `PREDICTORS`
  num_stages: int  # of the descents that it was made with
  objective: dict[str, Any]  # `term_settings` of the objective that is read
  weights_sha256: str  # of the weights file that it was made with
  provenance: dict[str, Any]  # how it was made and what it reaches

  def __call__(
    self, features: ImageFeatures, terms: AlignmentTerms, root: np.ndarray
  ) -> np.ndarray:
    """Quality in [0, 1] of B people, `[B]`; see `predictors`."""
    return self.probability(predictors(features, terms, root))

  def probability(self, values: np.ndarray) -> np.ndarray:
    """Quality `[N]` from predictors `[N, 9]`."""
    slopes = [self.coefficients[name] for name in PREDICTORS]
    return special.expit(self.intercept + values @ np.array(slopes))

  def applies_to(self, objective: AlignmentObjective) -> bool:
    """Whether the terms of an objective are those that it was made with."""
    return self.objective == term_settings(objective.config)


def path_beside(weights: str | os.PathLike) -> pathlib.Path:
  """Where the calibration of a weights file is: NAME.quality.json beside it."""
  return pathlib.Path(weights).with_suffix(".quality.json")


def save(calibration: QualityCalibration, path: str | os.PathLike) -> None:
  """Writes a calibration atomically as JSON."""
  content = {"schema": SCHEMA, "threshold_mm": THRESHOLD_MM}
  content |= dataclasses.asdict(calibration)
  text = json.dumps(content, indent=2, allow_nan=False) + "\n"
  with atomic_path(path) as temporary:
    temporary.write_text(text, encoding="utf-8")


def load(path: str | os.PathLike) -> QualityCalibration:
  """Reads what `save` wrote.

  Raises:
    QualityError: if the file cannot be read or does not hold a calibration.
  """
  try:
    content = read_json(path)
    header = content.pop("schema"), content.pop("threshold_mm")
    if header != (SCHEMA, THRESHOLD_MM):
      raise ValueError(f"it is {header[0]!r} at {header[1]} mm")
    calibration = QualityCalibration(**content)
    if set(calibration.coefficients) != set(PREDICTORS):
      raise ValueError(f"coefficients of {sorted(calibration.coefficients)}")
    json_text.numbers(
      [calibration.intercept, *calibration.coefficients.values()]
    )
  except (
    OSError,
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
  ) as error:
    raise QualityError(
      f"quality calibration {path}: cannot be used ({problem(error)}); "
      f"expected the JSON that tools.calibrate_quality writes, {SCHEMA}"
    ) from error
  return calibration


def load_beside(weights: str | os.PathLike) -> QualityCalibration | None:
  """The calibration of a weights file, or None if there is none beside it.

  Raises:
    QualityError: if it cannot be read, or is of other weights.
  """
  path = path_beside(weights)
  if not path.exists():
    return None
  calibration = load(path)
  if calibration.weights_sha256 != weight_files.digest(weights):
    raise QualityError(
      f"quality calibration {path}: is not of the weights {weights} as they "
      "are; run tools.calibrate_quality again"
    )
  return calibration
