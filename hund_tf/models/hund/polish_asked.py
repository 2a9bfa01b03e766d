"""The polish that does what somebody asks for, as `polish_wishes` has it.

To the sum of `polish` it adds residuals of terms, and, for whole bodies with
their 201 numbers, corrected keypoints and locked joints, and terms that relate
two of them. Its steps are more, as these may be far, and none goes too far; the
last ones meet what is held by the least change under the anchor.
"""

from collections.abc import Sequence

from hund_tf.body.model import BodyModel
from hund_tf.compat import tf
from hund_tf.losses.terms import Term
from hund_tf.models.hund.polish import NUM_STEPS, Polish, solved
from hund_tf.models.hund.polish_anchor import Anchor
from hund_tf.models.hund.polish_pairs import (
  Relations,
  first_steps,
  solved_together,
  tried_bodies,
)
from hund_tf.models.hund.polish_rows import Posed, Rows, Seen, placed
from hund_tf.models.hund.polish_steps import stepped
from hund_tf.models.hund.polish_wishes import (
  Held,
  held_rows,
  may_move,
  term_rows,
  with_parts_of,
)
from hund_tf.types import BodyOutput, HumanState, Intrinsics

_STEPS = 6  # with terms alone
_WHOLE_STEPS = NUM_STEPS  # later ones are halved, or they might swing
_MEETING = 3  # steps after `NUM_STEPS`, by what is held alone
_FARTHEST = 3.0  # of a step, in the anchor's standard deviations
_STILL = 1e6  # precision of what may not move
_MESH = "proxy_1500"  # that terms see


class AskedPolish(Polish):
  """A `Polish` with terms, or one of whole bodies for what is held."""

  def __init__(
    self,
    body_model: BodyModel,
    anchor: Anchor,
    jit_compile: bool = False,
    whole: bool = False,
    terms: Sequence[Term] = (),
  ):
    """See `Polish`.

    Args:
      body_model: see there.
      anchor: see there.
      jit_compile: see there.
      whole: it is given what is held.
      terms: whose residuals count too.
    """
    super().__init__(body_model, anchor, jit_compile, whole)
    self._body, self._terms = body_model, tuple(terms)
    self._any_equations = tf.function(  # one trace for all steps
      self._equations,
      autograph=False,
      reduce_retracing=True,
      jit_compile=jit_compile or None,
    )
    self._tried = tf.function(
      lambda *given: tried_bodies(self._decode, *given),
      autograph=False,
      reduce_retracing=True,
    )

  def __call__(
    self,
    state: HumanState,
    seen: Seen,
    intrinsics: Intrinsics,
    held: Held | None = None,
    relations: Relations = (),
  ) -> HumanState:
    """See `Polish`.

    Args:
      state: see there.
      seen: see there.
      intrinsics: see there.
      held: what somebody says of the people.
      relations: terms of pairs of these people, all of one photo.
    """
    precision = tf.gather(self._precisions, self._bins(seen))
    loose = precision
    if held is not None:
      precision += tf.linalg.diag(_STILL * (1.0 - may_move(held)))
    polished = state
    change = step = tf.zeros_like(precision[:, 0])
    steps = _STEPS if held is None else NUM_STEPS
    met = 0 if held is None else _MEETING
    for i in range(steps + met):
      fits = float(i < steps)
      shares = tf.constant([fits, fits * float(i > 0)])
      polished, *equations = self._any_equations(
        polished, change, fits * step, seen, precision, intrinsics, shares, held
      )
      change = _limited(solved(*equations), loose)
      if _WHOLE_STEPS <= i < steps:
        change *= 0.5
      step += change
    found = self._end(state, polished, change, intrinsics)
    if held is not None:
      found = with_parts_of(held, found, state)
    if relations:
      given = seen, precision, intrinsics, tf.ones([2]), held
      _, hessian, _ = self._any_equations(found, 0.0 * step, 0.0 * step, *given)
      found = self._related(found, intrinsics, hessian, loose, relations)
    return found

  def _related(
    self,
    state: HumanState,
    intrinsics: Intrinsics,
    hessian: tf.Tensor,
    loose: tf.Tensor,
    relations: Relations,
  ) -> HumanState:
    """Polished states moved by what relates them.

    What is known of each person is taken as the parabola of its polish.
    """
    step = first_steps(relations, self._decode, state, intrinsics, hessian)
    state = stepped(state, step, intrinsics)
    for i in range(_STEPS):
      bodies = self._tried(state, intrinsics)
      gradient = tf.linalg.matvec(hessian, step)
      change = solved_together(relations, bodies, hessian, gradient)
      change = _limited(change, loose)
      if i >= _WHOLE_STEPS:
        change *= 0.5
      state = stepped(state, change, intrinsics)
      step += change
    return state

  def _decode(self, states: HumanState) -> BodyOutput:
    return self._body.decode(states, _MESH)

  def _equations(
    self, state, change, step, seen, precision, intrinsics, shares, held
  ):
    """The state moved by a change, and the equations there.

    `shares` are 1 where what is seen counts, and where its outline does, or 0.
    """
    fits, outlined = shares[0], shares[1]
    mask = seen.mask._replace(weights=seen.mask.weights * outlined)
    evidence = seen.evidence._replace(weights=seen.evidence.weights * fits)
    seen = Seen(seen.keypoints, seen.weights * fits, evidence, mask)
    moved = stepped(state, change, intrinsics)
    return moved, *self._normal_equations(
      moved, step, seen, precision, intrinsics, self._skin, held, fits
    )

  def _asked_rows(
    self,
    posed: Posed,
    state: HumanState,
    intrinsics: Intrinsics,
    held: Held | None,
    fits: tf.Tensor | float,
  ) -> list[Rows]:
    """Those of what is held, and of the terms."""
    rows = []
    if held is not None:
      joints = placed(self._joints(state), state, intrinsics)
      rows += held_rows(posed, joints, held, intrinsics)
    if self._terms:
      size = len(self._numbers)
      cameras = Intrinsics(
        *(tf.repeat(x, size + 1, axis=0) for x in intrinsics)
      )
      found = term_rows(
        self._terms,
        self._decode,
        lambda states, step: stepped(states, step, cameras),
        state,
        size,
      )
      rows += [(error, slopes, fits * share) for error, slopes, share in found]
    return rows


def _limited(change: tf.Tensor, precision: tf.Tensor) -> tf.Tensor:
  """Changes `[B, D]` of which none goes too far."""
  length = tf.einsum("bi,bij,bj->b", change, precision, change)
  return change * tf.minimum(1.0, _FARTHEST * tf.math.rsqrt(length))[:, None]
