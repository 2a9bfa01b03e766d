"""The polish at the end of descents, as one more row of their traces."""

import time
from collections.abc import Callable

import numpy as np

from hund_tf.compat import tf
from hund_tf.losses.alignment import AlignmentObjective, PartTerm
from hund_tf.losses.heatmaps import target_from_features
from hund_tf.models.compilation import compiled
from hund_tf.models.hund.polish import Polish
from hund_tf.models.hund.polish_anchor import Anchor
from hund_tf.models.hund.polish_rows import Seen, seen_in
from hund_tf.types import (
  AlignmentTarget,
  AlignmentTerms,
  HumanState,
  ImageFeatures,
  Intrinsics,
  RefinementState,
)

# (features, intrinsics of the crops, states) -> [B, 63] millimetres
Uncertainty = Callable[[ImageFeatures, Intrinsics, HumanState], tf.Tensor]


def parts_read(features: ImageFeatures) -> PartTerm:
  """How L_b is taken: without a known part it is 0, and nothing is rendered."""
  known = np.any(features.part_weights.numpy() > 0.0)
  return "value" if known else "none"


class PolishedEnd:
  """Polishes last states and takes their terms."""

  def __init__(
    self, objective: AlignmentObjective, anchor: Anchor, jit_compile: bool
  ):
    """Prepares the polish.

    Args:
      objective: of whose terms the rows are; it carries the body model.
      anchor: of the weights that the states come from.
      jit_compile: XLA where it is faster.
    """
    self._objective = objective
    self._polish = Polish(objective.body_model, anchor, jit_compile)
    self._read = compiled(_read, jit_compile)
    traced = lambda function: tf.function(
      function, autograph=False, reduce_retracing=True
    )
    self._fit, self._expect = traced(self._polished), traced(self._expected)
    self._rows = traced(_two_rows)
    self._terms = tf.function(
      self._terms_of,
      autograph=False,
      reduce_retracing=True,
      jit_compile=jit_compile or None,
    )

  def __call__(
    self, last: HumanState, features: ImageFeatures, intrinsics: Intrinsics
  ) -> RefinementState:
    """Two rows `[B, 2, ...]`: the last states, and these polished.

    Of the first only the state is to be used; `seconds` count from it.
    """
    begin = time.perf_counter()
    state, target = self._fit(last, features, intrinsics)
    terms = self._terms(state, target, intrinsics, parts_read(features))
    terms.total.numpy()  # waits for it
    seconds = tf.constant(time.perf_counter() - begin)
    return self._rows(last, state, terms, seconds)

  def uncertainty(
    self, features: ImageFeatures, intrinsics: Intrinsics, state: HumanState
  ) -> tf.Tensor:
    """Expected errors of the joints `[B, 63]`, see `Polish.uncertainty`."""
    return self._expect(features, intrinsics, state)

  def _polished(self, last, features, intrinsics):
    target, seen = self._read(features, intrinsics)
    return self._polish(last, seen, intrinsics), target

  def _expected(self, features, intrinsics, state):
    _, seen = self._read(features, intrinsics)
    return self._polish.uncertainty(state, seen, intrinsics)

  def _terms_of(self, state, target, intrinsics, parts):
    objective = self._objective
    body = objective.body_model.decode(state, mesh=objective.config.mesh)
    return objective.evaluate(body, state, target, intrinsics, parts)


def _two_rows(
  last: HumanState, state: HumanState, terms: AlignmentTerms, seconds: tf.Tensor
) -> RefinementState:
  """Both states, each with the terms of the second, as a trace."""
  pair = lambda a, b: tf.stack([a, b], axis=1)
  zeros = tf.zeros_like(terms.total)
  return RefinementState(
    state=tf.nest.map_structure(pair, last, state),
    terms=tf.nest.map_structure(pair, terms, terms),
    memory=pair(zeros, zeros)[..., None][..., :0],
    seconds=pair(zeros, zeros + seconds),
  )


def _read(
  features: ImageFeatures, intrinsics: Intrinsics
) -> tuple[AlignmentTarget, Seen]:
  """What crops show."""
  target = target_from_features(features)
  return target, seen_in(features, target, intrinsics)
