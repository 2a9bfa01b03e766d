"""Predictions against the truth of a protocol; both meet by key."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from hund_tf.body.joint_sets import LSP_14
from hund_tf.evaluation import compared_joints, metrics
from hund_tf.evaluation.compared_joints import Root
from hund_tf.evaluation.predictions import Predictions, compared
from hund_tf.evaluation.protocols import Protocol, Truth

_MM = 1e3
_LISTED = 10  # names in a message
# How far a number of frames may be from the expected one, which is rounded.
_TOLERANCE = 0.01


class Scores(NamedTuple):
  """Errors of the N people of a protocol."""

  errors: dict[str, np.ndarray]  # name of `tables.COLUMNS` to [N]; NaN where
  # the person was not found
  found: np.ndarray  # [N] bool
  source: str  # array that the predicted joints are of
  unknown: tuple[str, ...]  # keys of predictions that no record has


def position_errors(
  joints: np.ndarray,
  truth: np.ndarray,
  pelvis: np.ndarray,
  true_pelvis: np.ndarray,
  root: Root,
  weights: np.ndarray | None = None,
) -> dict[str, np.ndarray]:
  """Errors of 14 joints by name of `tables.COLUMNS`, each `[N]`.

  Args:
    joints: `[N, 14, 3]` metres, camera frame.
    truth: `[N, 14, 3]`.
    pelvis: `[N, 3]` of `joints`.
    true_pelvis: `[N, 3]`.
    root: what is moved together.
    weights: `[N, 14]`; 0 is missing.
  """
  roots = (
    compared_joints.root_of(root, joints, pelvis),
    compared_joints.root_of(root, truth, true_pelvis),
  )
  distances = metrics.joint_distances(joints, truth, *roots)
  # Without a root there are no distances, and none is near enough.
  weights = np.ones(distances.shape) if weights is None else weights
  known = np.isfinite(roots).all((0, -1))[:, None]
  weights_here = weights * known
  return {
    "pa_mpjpe": _MM * metrics.pa_mpjpe(joints, truth, weights),
    "mpjpe": _MM * metrics.mean_over_joints(distances, weights_here),
    "mpjpe_trans": _MM * metrics.translation_error(pelvis, true_pelvis),
    "mpjpe_camera": _MM * metrics.mpjpe(joints, truth, weights=weights),
    "pck_50": metrics.pck(distances, 0.05, weights_here),
    "pck_150": metrics.pck(distances, 0.15, weights_here),
    "auc_150": metrics.auc(distances, 0.15, weights_here),
    "auc_200": metrics.auc(distances, 0.20, weights_here),
    "trunk_pitch": np.abs(trunk_pitch(joints) - trunk_pitch(truth)),
  }


def trunk_pitch(points: np.ndarray) -> np.ndarray:
  """Degrees by which trunks lean away from the camera.

  The angle of the middle of the hips to that of the shoulders with the image
  plane, positive if the shoulders are farther away, of LSP's joints
  `[..., 14, 3]` in the camera frame.
  """
  hips, shoulders = (
    sum(points[..., LSP_14.index(f"{side}_{name}"), :] for side in "lr") / 2.0
    for name in ("hip", "shoulder")
  )
  trunk = shoulders - hips
  return np.degrees(
    np.arctan2(trunk[..., 2], np.linalg.norm(trunk[..., :2], axis=-1))
  )


def score(truth: Truth, predictions: Predictions, root: Root) -> Scores:
  """Compares predictions with the truth, person by person.

  Raises:
    ValueError: if no prediction is of a person of the protocol, or the root
      is not known of any.
  """
  rows = {key: i for i, key in enumerate(predictions.keys)}
  count = len(truth.keys)
  order = np.array([rows.get(key, -1) for key in truth.keys])
  unknown = tuple(sorted(set(rows) - set(truth.keys)))
  joints, pelvis, source = compared(predictions, truth.joint_set)
  found = order >= 0
  found[found] = np.isfinite(joints[order[found]]).all((-1, -2))
  if not found.any():
    raise ValueError(
      f"predictions: none of {len(rows)} is a finite one of the {count} people "
      f"of the protocol, such as {truth.keys[0]!r}"
    )
  chosen = order[found]
  pelvis = pelvis[chosen]
  if root == "pelvis" and not np.isfinite(pelvis).any():
    raise ValueError(
      "predictions: have no pelvis, the root; add `pelvis` [N, 3] or "
      "joints_17, or take the root mid_hip"
    )
  errors = position_errors(
    joints[chosen],
    truth.joints[found],
    pelvis,
    truth.pelvis[found],
    root,
    truth.weights[found],
  )
  spread = {}
  for name, values in errors.items():
    spread[name] = np.full(count, np.nan)
    spread[name][found] = values
  return Scores(spread, found, source, unknown)


def warnings(truth: Truth, scores: Scores, protocol: Protocol) -> list[str]:
  """One line for whatever is missing or too much; empty if all is there."""
  lines = []
  frames = len(truth.keys)
  if abs(frames - protocol.frames) > _TOLERANCE * protocol.frames:
    lines.append(
      f"{frames} people, expected about {protocol.frames} "
      f"({protocol.frames_source})"
    )
  if truth.videos != protocol.videos:
    lines.append(f"{truth.videos} videos, expected {protocol.videos}")
  if absent := truth.left_out.get("no joints"):
    lines.append(f"{absent} records have no joints and are left out")
  lines += truth.gaps[:_LISTED]
  if len(truth.gaps) > _LISTED:
    lines.append(f"and {len(truth.gaps) - _LISTED} more videos with gaps")
  missing = [
    key
    for key, there in zip(truth.keys, scores.found, strict=True)
    if not there
  ]
  if missing:
    lines.append(
      f"{len(missing)} of {frames} people have no prediction: {_some(missing)}"
    )
  if scores.unknown:
    lines.append(
      f"{len(scores.unknown)} predictions are of nobody in the protocol: "
      f"{_some(scores.unknown)}"
    )
  return lines


def _some(names: Iterable[str]) -> str:
  names = list(names)
  return ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")
