"""How far a reconstruction can be trusted: the final loss as a probability.

The quality of a person is the probability that PA-MPJPE over 14 joints is under
80 mm, by logistic regression (Platt's scaling with several inputs) on the terms
of the alignment loss of the last state. It is calibrated on synthetic examples
whose truth is known, for one set of weights, and holds for these only.
"""

import dataclasses
import hashlib
import json
import os
import pathlib
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np
from scipy import optimize, special

from hund_tf.body import keypoints
from hund_tf.compat import tf
from hund_tf.data.output_folder import atomic_path
from hund_tf.evaluation import metrics
from hund_tf.losses.alignment import AlignmentObjective
from hund_tf.losses.heatmaps import target_from_features
from hund_tf.reconstruction.methods import Method
from hund_tf.types import AlignmentTerms, ImageFeatures, TrainingExample

SCHEMA = "hund_tf.quality/1"
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
}
_LEAST_PART = 1e-3
_PRIOR_DEVIATION = 3.0  # of coefficients per standard deviation
_BINS = 10


class QualityError(ValueError):
  """A calibration cannot be made or used."""


def predictors(features: ImageFeatures, terms: AlignmentTerms) -> np.ndarray:
  """`PREDICTORS` of B people, `[B, 6]`.

  Args:
    features: of B crops.
    terms: of the last states, `[B]` each.
  """
  terms = AlignmentTerms(*(np.asarray(x, np.float64) for x in terms))
  channels = np.asarray(features.part_weights, np.float64).sum(-1)
  known = channels > 0.0
  per_channel = terms.part / np.where(known, channels, 1.0)
  confidence = np.asarray(features.heatmap_weights)[:, keypoints.BODY]
  return np.stack(
    [
      np.log1p(terms.keypoint),
      np.where(known, np.log(per_channel + _LEAST_PART), 0.0),
      known,
      np.log1p(terms.pose_prior),
      np.log1p(terms.shape_prior),
      confidence.mean(-1),
    ],
    axis=-1,
  )


def fit(values: np.ndarray, good: np.ndarray) -> tuple[float, np.ndarray]:
  """Logistic regression with the signs that `PREDICTORS` demand.

  Args:
    values: `[N, 6]` predictors.
    good: `[N]` whether the error was under the threshold.

  Returns:
    Intercept and coefficients `[6]` of the log odds.

  Raises:
    QualityError: if shapes or values are wrong, or all examples agree.
  """
  values, good = np.asarray(values, np.float64), np.asarray(good, bool)
  if values.shape != (len(good), len(PREDICTORS)):
    raise QualityError(
      f"predictors: shape is {values.shape}, expected "
      f"[{len(good)}, {len(PREDICTORS)}]"
    )
  if not np.isfinite(values).all():
    raise QualityError("predictors: not all are finite numbers")
  if good.all() or not good.any():
    raise QualityError(
      f"{good.sum()} of {len(good)} examples are under {THRESHOLD_MM:.0f} mm; "
      "a calibration needs some on either side: take more examples"
    )
  mean, deviation = values.mean(0), values.std(0)
  deviation = np.where(deviation > 1e-9, deviation, 1.0)
  x = np.column_stack([np.ones(len(good)), (values - mean) / deviation])

  decay = 0.5 / (_PRIOR_DEVIATION**2 * len(good))

  def loss(weights: np.ndarray) -> tuple[float, np.ndarray]:
    odds = x @ weights
    # log(1 + e^odds) - good * odds is -log likelihood.
    value = np.mean(np.logaddexp(0.0, odds) - good * odds)
    gradient = x.T @ (special.expit(odds) - good) / len(good)
    slopes = np.concatenate([[0.0], weights[1:]])
    return value + decay * (slopes**2).sum(), gradient + 2 * decay * slopes

  limits = {-1: (None, 0.0), 0: (None, None), 1: (0.0, None)}
  found = optimize.minimize(
    loss,
    np.zeros(x.shape[1]),
    jac=True,
    method="L-BFGS-B",
    bounds=[(None, None), *(limits[sign] for sign in PREDICTORS.values())],
    options={"ftol": 1e-12, "maxiter": 1000},
  )
  slopes = found.x[1:] / deviation
  return float(found.x[0] - slopes @ mean), slopes


@dataclasses.dataclass(frozen=True)
class QualityCalibration:
  """From the loss of the last state to a probability."""

  intercept: float  # of the log odds
  coefficients: dict[str, float]  # of `PREDICTORS`
  num_stages: int  # of the descents that it was made with
  objective: dict[str, Any]  # settings of the objective whose terms are read
  weights_sha256: str  # of the weights file that it was made with
  provenance: dict[str, Any]  # how it was made and what it reaches

  def __call__(
    self, features: ImageFeatures, terms: AlignmentTerms
  ) -> np.ndarray:
    """Quality in [0, 1] of B people, `[B]`; see `predictors`."""
    return self.probability(predictors(features, terms))

  def probability(self, values: np.ndarray) -> np.ndarray:
    """Quality `[N]` from predictors `[N, 6]`."""
    slopes = [self.coefficients[name] for name in PREDICTORS]
    return special.expit(self.intercept + values @ np.array(slopes))

  def applies_to(self, objective: AlignmentObjective) -> bool:
    """Whether the terms of an objective are those that it was made with.

    The renderers agree closely enough to be exchanged.
    """
    mine, other = self.objective, dataclasses.asdict(objective.config)
    return {**mine, "renderer": None} == {**other, "renderer": None}


def path_beside(weights: str | os.PathLike) -> pathlib.Path:
  """Where the calibration of a weights file is: NAME.quality.json beside it."""
  return pathlib.Path(weights).with_suffix(".quality.json")


def digest(path: str | os.PathLike) -> str:
  """SHA-256 of a file, hexadecimal.

  Raises:
    QualityError: if it cannot be read.
  """
  try:
    return hashlib.sha256(pathlib.Path(path).read_bytes()).hexdigest()
  except OSError as error:
    raise QualityError(f"{path}: cannot be read ({error.strerror})") from error


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
    content = json.loads(pathlib.Path(path).read_text(encoding="utf-8"))
    header = content.pop("schema"), content.pop("threshold_mm")
    if header != (SCHEMA, THRESHOLD_MM):
      raise ValueError(f"it is {header[0]!r} at {header[1]} mm")
    calibration = QualityCalibration(**content)
    if set(calibration.coefficients) != set(PREDICTORS):
      raise ValueError(f"coefficients of {sorted(calibration.coefficients)}")
    numbers = [calibration.intercept, *calibration.coefficients.values()]
    if not np.isfinite(np.array(numbers, np.float64)).all():
      raise ValueError("coefficients that are not finite")
  except (
    OSError,
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
  ) as error:
    raise QualityError(
      f"quality calibration {path}: cannot be used ({error}); expected the "
      f"JSON that tools.calibrate_quality writes, {SCHEMA}"
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
  if calibration.weights_sha256 != digest(weights):
    raise QualityError(
      f"quality calibration {path}: is not of the weights {weights} as they "
      "are; run tools.calibrate_quality again"
    )
  return calibration


class Measurements(NamedTuple):
  """Of N examples."""

  predictors: np.ndarray  # [N, 6]
  pa_mpjpe: np.ndarray  # [N] millimetres, 14 joints

  @property
  def good(self) -> np.ndarray:
    """Whether the error is under the threshold, `[N]`."""
    return self.pa_mpjpe < THRESHOLD_MM


def measure(
  examples: Iterable[TrainingExample],
  method: Method,
  objective: AlignmentObjective,
  report: Callable[[int], None] = lambda count: None,
) -> Measurements:
  """Reconstructs examples and takes predictors and errors.

  Args:
    examples: batches whose true joints are known.
    method: reconstructs them.
    objective: of whose terms the predictors are.
    report: called with the size of each batch that is done.
  """
  evaluate = tf.function(objective.__call__, autograph=False)
  rows, errors = [], []
  for example in examples:
    trace = method(example.features, example.intrinsics)
    state = tf.nest.map_structure(lambda x: x[:, -1], trace.state)
    target = target_from_features(example.features)
    terms = evaluate(state, target, example.intrinsics)
    body = objective.body_model.decode(state, mesh=objective.config.mesh)
    rows.append(predictors(example.features, terms))
    errors.append(
      1e3
      * metrics.pa_mpjpe(
        metrics.lsp_joints(body.joints.numpy()),
        metrics.lsp_joints(example.joints.numpy()),
      )
    )
    report(len(errors[-1]))
  return Measurements(np.concatenate(rows), np.concatenate(errors))


class Reliability(NamedTuple):
  """Predicted against observed, in bins of the prediction."""

  predicted: np.ndarray  # [bins] mean prediction, NaN where the bin is empty
  observed: np.ndarray  # [bins] share of good examples, NaN likewise
  count: np.ndarray  # [bins]
  brier: float  # mean squared error of the probability
  calibration_error: float  # expected: |observed - predicted| by count
  base_rate: float  # share of good examples


def reliability(probability: np.ndarray, good: np.ndarray) -> Reliability:
  """Scores probabilities `[N]` by what happened `[N]`, in 10 equal bins.

  Raises:
    QualityError: if there is no example, or the shapes differ.
  """
  probability, good = np.asarray(probability, float), np.asarray(good, float)
  if probability.shape != good.shape or not good.size:
    raise QualityError(
      f"probabilities {probability.shape} and outcomes {good.shape}: expected "
      "the same [N], N at least 1"
    )
  bins = np.minimum((probability * _BINS).astype(int), _BINS - 1)
  count = np.bincount(bins, minlength=_BINS)
  share = np.where(count, count, np.nan)
  predicted = np.bincount(bins, probability, minlength=_BINS) / share
  observed = np.bincount(bins, good, minlength=_BINS) / share
  return Reliability(
    predicted=predicted,
    observed=observed,
    count=count,
    brier=float(np.mean((probability - good) ** 2)),
    calibration_error=float(
      np.nansum(count * np.abs(observed - predicted)) / count.sum()
    ),
    base_rate=float(good.mean()),
  )
