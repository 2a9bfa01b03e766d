"""Makes the anchor of the polish from descents whose truth is known."""

import dataclasses
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from hund_tf.body import skeleton
from hund_tf.body.points import STEP_SIZE
from hund_tf.compat import tf
from hund_tf.losses.heatmaps import target_from_features
from hund_tf.models.hund import polish as polish_lib
from hund_tf.models.hund import polish_steps
from hund_tf.models.hund.polish_anchor import Anchor
from hund_tf.models.hund.polish_rows import Seen, known_share, seen_in
from hund_tf.reconstruction.methods import Method
from hund_tf.types import (
  STATE_DIMS,
  HumanState,
  ImageFeatures,
  Intrinsics,
  TrainingExample,
)

_PELVIS = skeleton.INDEX["pelvis"]
_MM = 1e3
_BINS = 3  # of how much is known of a person
_BORROWED = 200  # examples' worth of all people in the covariance of a bin
_TAILS = 8.0  # degrees of freedom of Student's t
_ROUNDS = 15
_RIDGE = 1e-2  # of the variances, added to them
_FIRST = np.cumsum([0, *STATE_DIMS[:5], 3, 3])  # of the groups in a step


class Ends(NamedTuple):
  """Where descents of N examples end, and what was seen."""

  errors: np.ndarray  # [N, 201] steps of the polish to the truth
  state: HumanState  # [N, ...] s_M
  seen: Seen  # [N, ...]
  intrinsics: Intrinsics  # [N, 2]
  joints: np.ndarray  # [N, 63, 3] true ones, metres, camera frame


def measure(
  examples: Iterable[TrainingExample],
  method: Method,
) -> Ends:
  """Ends of descents that are not polished.

  Args:
    examples: batches whose true states are known.
    method: the descent.
  """
  rows = []
  for example in examples:
    trace = method(example.features, example.intrinsics)
    last = tf.nest.map_structure(lambda x: x[:, -1], trace.state)
    rows.append(
      Ends(
        polish_steps.step_between(last, example.state, example.intrinsics),
        last,
        _seen(example.features, example.intrinsics),
        example.intrinsics,
        example.joints,
      )
    )
  return tf.nest.map_structure(
    lambda *x: np.concatenate([np.asarray(part) for part in x]), *rows
  )


def _seen(features: ImageFeatures, intrinsics: Intrinsics) -> Seen:
  target = target_from_features(features)
  return seen_in(features, target, intrinsics)


def covariance(errors: np.ndarray) -> np.ndarray:
  """Covariance `[D, D]` about zero of the bulk of errors `[N, D]`.

  The scatter of Student's t by expectation and maximisation: people whom the
  descent got all wrong do not make everybody's anchor loose.
  """
  errors = np.asarray(errors, np.float64)
  count, size = errors.shape
  weights = np.ones(count)
  scatter = np.eye(size)
  for _ in range(_ROUNDS):
    scatter = (errors * weights[:, None]).T @ errors / count
    scatter += np.diag(_RIDGE * np.diag(scatter) + 1e-9)
    distance = np.sum(errors @ np.linalg.inv(scatter) * errors, axis=1)
    weights = (_TAILS + size) / (_TAILS + distance)
  return scatter


def _groups() -> list[np.ndarray]:
  """Body with shape and placement, the hands, the expression: apart."""
  parts = [
    np.arange(first, last)
    for first, last in zip(_FIRST[:-1], _FIRST[1:], strict=True)
  ]
  body, left, right, shape, expression, turn, place = parts
  whole = np.concatenate([body, shape, turn, place])
  return [whole, left, right, expression]


def fit(
  ends: Ends,
  keypoints: tuple[float, float],
  landmarks: tuple[float, float],
  outline: tuple[float, float],
) -> Anchor:
  """The anchor, in three bins of how much is known of the body.

  Args:
    ends: of the descent.
    keypoints: see `Anchor`.
    landmarks: see `Anchor`.
    outline: see `Anchor`.
  """
  known = known_share(ends.seen).numpy()
  edges = np.quantile(known, np.arange(1, _BINS) / _BINS)
  bins = np.searchsorted(edges, known, side="left")
  covariances = np.zeros([_BINS, STEP_SIZE, STEP_SIZE])
  for group in _groups():
    errors = ends.errors[:, group]
    overall = covariance(errors)
    for i in range(_BINS):
      here = errors[bins == i]
      found = len(here) * covariance(here) + _BORROWED * overall
      covariances[i][np.ix_(group, group)] = found / (len(here) + _BORROWED)
  return Anchor(
    covariances.astype(np.float32),
    edges.astype(np.float32),
    keypoints,
    landmarks,
    outline=outline,
  )


class Checked(NamedTuple):
  """Of N examples, millimetres, pelvises together."""

  before: np.ndarray  # [N, 63] errors of s_M
  after: np.ndarray  # [N, 63] of the polished states
  expected: np.ndarray  # [N, 63] by the anchor


def check(
  ends: Ends, polish: polish_lib.Polish, method: Method, batch: int = 32
) -> Checked:
  """Errors of joints before and after the polish, and the expected ones."""
  body = method.objective.body_model

  @tf.function(autograph=False, reduce_retracing=True)
  def run(state, seen, intrinsics):
    fitted = polish(state, seen, intrinsics)
    joints = [body.decode(s, "proxy_1500").joints for s in (state, fitted)]
    return *joints, polish.uncertainty(fitted, seen, intrinsics)

  rows = []
  for first in range(0, len(ends.joints), batch):
    pick = lambda x, first=first: tf.constant(x[first : first + batch])
    parts = tf.nest.map_structure(pick, ends)
    *joints, expected = run(parts.state, parts.seen, parts.intrinsics)
    truth = parts.joints.numpy()
    rows.append(
      (*(_errors(found.numpy(), truth) for found in joints), expected)
    )
  return Checked(*(np.concatenate(x) for x in zip(*rows, strict=True)))


def _errors(joints: np.ndarray, truth: np.ndarray) -> np.ndarray:
  """Distances `[N, 63]` in millimetres with the pelvises together."""
  offset = joints - truth
  offset = offset - offset[:, _PELVIS : _PELVIS + 1]
  return _MM * np.linalg.norm(offset, axis=-1)


def scaled(anchor: Anchor, checked: Checked) -> Anchor:
  """The anchor whose expected errors are right in the mean."""
  factor = checked.after.mean() / checked.expected.mean()
  scale = float(anchor.uncertainty_scale * factor)
  return dataclasses.replace(anchor, uncertainty_scale=scale)


def reliability(checked: Checked, bins: int = 8) -> str:
  """A table of expected and true errors, joints by their expected errors."""
  moving = np.arange(checked.after.shape[1]) != _PELVIS
  expected = checked.expected[:, moving].ravel()
  true = checked.after[:, moving].ravel()
  order = np.argsort(expected, kind="stable")
  lines = [
    "| joints | expected error, mm | true error, mm |",
    "| --- | --- | --- |",
  ]
  lines += [
    f"| {len(rows)} | {expected[rows].mean():.1f} | {true[rows].mean():.1f} |"
    for rows in np.array_split(order, bins)
  ]
  return "\n".join(lines)
