"""Fits the quality to reconstructions whose truth is known, and scores it."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from scipy import optimize, special

from hund_tf.compat import tf
from hund_tf.evaluation import metrics
from hund_tf.evaluation.compared_joints import lsp_joints
from hund_tf.losses.alignment import AlignmentObjective
from hund_tf.losses.heatmaps import target_from_features
from hund_tf.reconstruction.methods import Method
from hund_tf.reconstruction.quality import (
  PREDICTORS,
  THRESHOLD_MM,
  QualityCalibration,
  QualityError,
  predictors,
  term_settings,
)
from hund_tf.types import TrainingExample

_PRIOR_DEVIATION = 3.0  # of coefficients per standard deviation
_BINS = 10


def fit(values: np.ndarray, good: np.ndarray) -> tuple[float, np.ndarray]:
  """Logistic regression with the signs that `PREDICTORS` demand.

  Args:
    values: `[N, 9]` predictors.
    good: `[N]` whether the error was under the threshold.

  Returns:
    Intercept and coefficients `[9]` of the log odds.

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


class Measurements(NamedTuple):
  """Of N examples."""

  predictors: np.ndarray  # [N, 9]
  pa_mpjpe: np.ndarray  # [N] millimetres, 14 joints

  @property
  def good(self) -> np.ndarray:
    """Whether the error is under the threshold, `[N]`."""
    return self.pa_mpjpe < THRESHOLD_MM


def measure(
  examples: Iterable[TrainingExample],
  method: Method,
  objective: AlignmentObjective,
) -> Measurements:
  """Reconstructs examples and takes predictors and errors.

  Args:
    examples: batches whose true joints are known.
    method: reconstructs them.
    objective: of whose terms the predictors are.
  """
  evaluate = tf.function(objective.__call__, autograph=False)
  rows, errors = [], []
  for example in examples:
    trace = method(example.features, example.intrinsics)
    state = tf.nest.map_structure(lambda x: x[:, -1], trace.state)
    target = target_from_features(example.features)
    terms = evaluate(state, target, example.intrinsics)
    body = objective.body_model.decode(state, mesh=objective.config.mesh)
    rows.append(predictors(example.features, terms, state.rotation))
    errors.append(
      1e3
      * metrics.pa_mpjpe(
        lsp_joints(body.joints.numpy()),
        lsp_joints(example.joints.numpy()),
      )
    )
  return Measurements(np.concatenate(rows), np.concatenate(errors))


def calibrate(
  fitted: Measurements,
  objective: AlignmentObjective,
  num_stages: int,
  weights_sha256: str,
) -> QualityCalibration:
  """The calibration that fits measurements; its provenance is left empty.

  Args:
    fitted: of examples whose truth is known.
    objective: of whose terms the predictors are.
    num_stages: of the descents that were measured.
    weights_sha256: digest of the weights file of these.

  Raises:
    QualityError: as `fit`.
  """
  intercept, slopes = fit(fitted.predictors, fitted.good)
  return QualityCalibration(
    intercept=intercept,
    coefficients=dict(zip(PREDICTORS, map(float, slopes), strict=True)),
    num_stages=num_stages,
    objective=term_settings(objective.config),
    weights_sha256=weights_sha256,
    provenance={},
  )


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
