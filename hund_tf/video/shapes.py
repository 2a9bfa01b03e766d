"""One body for each person: the mean of the frames' shapes, and poses for it.

With the shape known, the errors of everything else are known better: they are
those of the polish's anchor given the error of the shape. From s_M moved by
their conditional mean the polish is done once more, with the shape held.
"""

import dataclasses

import numpy as np

from hund_tf.body import keypoints as keypoint_table
from hund_tf.body import measures
from hund_tf.body.model import BodyModel
from hund_tf.body.points import BODY_STEP, STEP_SIZE
from hund_tf.compat import tf
from hund_tf.geometry import camera
from hund_tf.losses.heatmaps import target_from_features
from hund_tf.models.hund.polish import Polish
from hund_tf.models.hund.polish_anchor import Anchor
from hund_tf.models.hund.polish_rows import seen_in
from hund_tf.models.hund.polish_steps import stepped
from hund_tf.types import (
  BODY_POSE_DIM,
  HAND_POSE_DIM,
  SHAPE_DIM,
  HumanState,
  ImageFeatures,
  Intrinsics,
  state_from_vector,
  state_to_vector,
)
from hund_tf.video.fitting import features_of
from hund_tf.video.sightings import People

_HELD = 1e-3  # deviation of a held shape latent
_TOGETHER = 16  # people who are polished together
_LEAST_QUALITY = 0.05
_USUAL_ERROR = 50.0  # mm, of who has none stated
# The numbers of a step that are of the shape, and the others of a body.
_SHAPE = np.arange(SHAPE_DIM) + BODY_POSE_DIM + 2 * HAND_POSE_DIM
_REST = np.setdiff1d(BODY_STEP, _SHAPE)


def weights_of(people: People) -> np.ndarray:
  """How much the shape of each of N people counts, `[N]`.

  Quality over the squared expected error; what is not known is 1 each.
  """
  error = people.uncertainty.mean(axis=-1)
  error = np.where(np.isfinite(error), error, _USUAL_ERROR)
  quality = np.where(np.isfinite(people.quality), people.quality, 1.0)
  return np.maximum(quality, _LEAST_QUALITY) * (_USUAL_ERROR / error) ** 2


def _held(anchor: Anchor) -> tuple[Anchor, np.ndarray]:
  """The anchor given the shape, and `[N, 75, 16]` what the others follow by."""
  covariances = np.array(anchor.covariances, np.float64)
  of_shape = covariances[:, _SHAPE[:, None], _SHAPE]
  others = np.setdiff1d(np.arange(STEP_SIZE), _SHAPE)
  across = covariances[:, others[:, None], _SHAPE]
  follow = np.linalg.solve(of_shape, across.transpose(0, 2, 1))
  follow = follow.transpose(0, 2, 1)  # [N, 185, 16]
  covariances[:, others[:, None], others] -= follow @ across.transpose(0, 2, 1)
  covariances[:, others[:, None], _SHAPE] = 0.0
  covariances[:, _SHAPE[:, None], others] = 0.0
  covariances[:, _SHAPE[:, None], _SHAPE] = _HELD**2 * np.eye(SHAPE_DIM)
  kept = np.isin(others, _REST)
  return dataclasses.replace(anchor, covariances=covariances), follow[:, kept]


class ShapeHolder:
  """Poses of people whose shape is known."""

  def __init__(self, body_model: BodyModel, anchor: Anchor | None):
    """Prepares the polish.

    Args:
      body_model: of the states.
      anchor: of the weights that s_M come from; None: states are scaled with
        their shape, and nothing is polished.
    """
    self._body_model, self._polish = body_model, None
    if anchor is not None:
      held, self._follow = _held(anchor)
      self._edges = np.asarray(anchor.edges)
      self._polish = Polish(body_model, held)
    self._fit = tf.function(
      self._polished, autograph=False, reduce_retracing=True
    )

  def __call__(
    self, people: People, shapes: np.ndarray, intrinsics: Intrinsics
  ) -> np.ndarray:
    """States `[N, 204]` of N people with shapes `[N, 16]`.

    Args:
      people: in their frames.
      shapes: that they have.
      intrinsics: of the video, fields `[2]`, pixels.
    """
    if not len(shapes):
      return np.zeros_like(people.last)
    if self._polish is None:
      return _with_parts(_scaled(self._body_model, people, shapes), people)
    parts = []
    for begin in range(0, len(shapes), _TOGETHER):
      some = np.arange(begin, min(begin + _TOGETHER, len(shapes)))
      padded = np.resize(some, _TOGETHER)
      fitted = self._of_batch(people.row(padded), shapes[padded], intrinsics)
      parts.append(fitted[: len(some)])
    return _with_parts(np.concatenate(parts), people)

  def _of_batch(self, people, shapes, intrinsics) -> np.ndarray:
    features = features_of(
      people.keypoints, people.landmarks_3d, people.mask, people.crop_box
    )
    cameras = Intrinsics(
      *(np.broadcast_to(x, [len(shapes), 2]) for x in intrinsics)
    )
    crops = camera.crop_intrinsics(
      cameras, tf.constant(people.crop_box, tf.float32)
    )
    known = features.heatmap_weights.numpy()[:, keypoint_table.BODY]
    bins = np.sum(known.mean(axis=1)[:, None] > self._edges, axis=-1)
    last = state_from_vector(tf.constant(people.last, tf.float32))
    change = shapes - last.shape.numpy()
    step = np.zeros((len(shapes), len(BODY_STEP)), np.float32)
    step[:, np.isin(BODY_STEP, _SHAPE)] = change
    rest = np.einsum("nij,nj->ni", self._follow[bins], change)
    step[:, np.isin(BODY_STEP, _REST)] = rest
    given = tf.constant(shapes, tf.float32)
    return self._fit(last, tf.constant(step), given, features, crops).numpy()

  def _polished(
    self,
    last: HumanState,
    step: tf.Tensor,
    shapes: tf.Tensor,
    features: ImageFeatures,
    crops: Intrinsics,
  ) -> tf.Tensor:
    seen = seen_in(features, target_from_features(features), crops)
    start = stepped(last, step, crops)._replace(shape=shapes)
    polished = self._polish(start, seen, crops)  # pyright: ignore[reportOptionalCall]
    return state_to_vector(polished._replace(shape=shapes))


def _scaled(
  body_model: BodyModel, people: People, shapes: np.ndarray
) -> np.ndarray:
  """Polished states with other shapes, as far away as makes them as large."""
  states = people.polished.copy()
  begin = BODY_POSE_DIM + 2 * HAND_POSE_DIM
  own = states[:, begin : begin + SHAPE_DIM]
  ours, others = (
    measures.stature(body_model, x).numpy() for x in (own, shapes)
  )
  states[:, begin : begin + SHAPE_DIM] = shapes
  states[:, -3:] *= (others / ours)[:, None]
  return states


def _with_parts(states: np.ndarray, people: People) -> np.ndarray:
  """States `[N, 204]` with the hands and faces that were put on."""
  changed = np.any(people.state != people.polished, axis=-1)
  if not changed.any():
    return states
  result = states.copy()
  body = slice(0, BODY_POSE_DIM)
  result[:, body] += people.state[:, body] - people.polished[:, body]
  hands = slice(BODY_POSE_DIM, _SHAPE[0])
  face = slice(_SHAPE[-1] + 1, -9)
  for part in (hands, face):
    result[:, part] = people.state[:, part]
  return np.where(changed[:, None], result, states).astype(np.float32)
