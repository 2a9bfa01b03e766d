"""The polish at the end of descents, as one more row of their traces."""

import functools
import time
from collections.abc import Callable

import numpy as np

from hund_tf.compat import tf
from hund_tf.losses.alignment import AlignmentObjective, PartTerm
from hund_tf.losses.heatmaps import target_from_features
from hund_tf.models.compilation import any_batch, compiled
from hund_tf.models.hund.config import HundConfig
from hund_tf.models.hund.model import blank_inputs
from hund_tf.models.hund.polish import Polish
from hund_tf.models.hund.polish_anchor import Anchor
from hund_tf.models.hund.polish_asked import AskedPolish
from hund_tf.models.hund.polish_pairs import Relations
from hund_tf.models.hund.polish_rows import Seen, seen_in
from hund_tf.models.hund.polish_wishes import Held
from hund_tf.types import (
  STATE_DIMS,
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
    self,
    objective: AlignmentObjective,
    anchor: Anchor,
    config: HundConfig,
    jit_compile: bool,
  ):
    """Prepares the polish.

    Args:
      objective: of whose terms the rows are; it carries the body model.
      anchor: of the weights that the states come from.
      config: of the model that they come from.
      jit_compile: XLA where it is faster.
    """
    self._objective = objective
    made = objective.body_model, anchor, jit_compile
    self._polish = Polish(*made)
    if objective.terms:
      self._polish = AskedPolish(*made, terms=objective.terms)
    self._make_whole = functools.partial(
      AskedPolish, *made, whole=True, terms=objective.terms
    )
    self._read = compiled(_read, jit_compile)
    blank, camera = blank_inputs(config)
    target = any_batch(target_from_features(blank))
    seen = any_batch((blank, camera))
    state = HumanState(*(tf.TensorSpec([None, n]) for n in STATE_DIMS))
    self._look = tf.function(self._read, input_signature=seen, autograph=False)
    self._fit = self._polished  # its steps are traced by themselves
    if not objective.terms:
      self._fit = tf.function(
        self._polished, input_signature=(state, *seen), autograph=False
      )
    self._expect = tf.function(
      self._expected, input_signature=(*seen, state), autograph=False
    )
    self._rows = tf.function(_two_rows, autograph=False, reduce_retracing=True)
    self._terms = {
      parts: tf.function(
        functools.partial(self._terms_of, parts),
        input_signature=(state, target, seen[1]),
        autograph=False,
        jit_compile=jit_compile or None,
      )
      for parts in ("value", "none")
    }

  def __call__(
    self,
    last: HumanState,
    features: ImageFeatures,
    intrinsics: Intrinsics,
    held: Held | None = None,
    relations: Relations = (),
  ) -> RefinementState:
    """Two rows `[B, 2, ...]`: the last states, and these polished.

    Of the first only the state is to be used; `seconds` count from it.

    Args:
      last: s_M.
      features: of the crops.
      intrinsics: of the crops, fields `[B, 2]`, crop pixels.
      held: what somebody says of the people, which is then met.
      relations: terms of pairs of them, only if something is held.
    """
    begin = time.perf_counter()
    if held is None:
      state, target = self._fit(last, features, intrinsics)
    else:
      target, seen = self._look(features, intrinsics)
      state = self._whole(last, seen, intrinsics, held, relations)
    terms = self._terms[parts_read(features)](state, target, intrinsics)
    terms.total.numpy()  # waits for it
    seconds = tf.constant(time.perf_counter() - begin)
    return self._rows(last, state, terms, seconds)

  def uncertainty(
    self, features: ImageFeatures, intrinsics: Intrinsics, state: HumanState
  ) -> tf.Tensor:
    """Expected errors of the joints `[B, 63]`, see `Polish.uncertainty`."""
    return self._expect(features, intrinsics, state)

  @functools.cached_property
  def _whole(self) -> AskedPolish:
    """Meets what is held; it is seldom needed."""
    return self._make_whole()

  def _polished(self, last, features, intrinsics):
    target, seen = self._look(features, intrinsics)
    return self._polish(last, seen, intrinsics), target

  def _expected(self, features, intrinsics, state):
    _, seen = self._read(features, intrinsics)
    return self._polish.uncertainty(state, seen, intrinsics)

  def _terms_of(self, parts, state, target, intrinsics):
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
