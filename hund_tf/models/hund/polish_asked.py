"""The polish that does what somebody asks for, as `polish_wishes` has it.

To the sum of `polish` it adds residuals of terms, and, for whole bodies with
their 201 numbers, corrected keypoints and locked joints. Its steps are more, as
these may be far, and none goes too far; the last ones meet what is held by the
least change under the anchor.
"""

from collections.abc import Sequence

from hund_tf.body.model import BodyModel
from hund_tf.compat import tf
from hund_tf.losses.terms import Term
from hund_tf.models.hund.polish import NUM_STEPS, Polish, solved
from hund_tf.models.hund.polish_anchor import Anchor
from hund_tf.models.hund.polish_rows import Posed, Rows, Seen, placed
from hund_tf.models.hund.polish_steps import stepped
from hund_tf.models.hund.polish_wishes import (
  Held,
  held_rows,
  may_move,
  term_rows,
  with_parts_of,
)
from hund_tf.types import HumanState, Intrinsics

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

  def __call__(
    self,
    state: HumanState,
    seen: Seen,
    intrinsics: Intrinsics,
    held: Held | None = None,
  ) -> HumanState:
    """See `Polish`; `held` is what somebody says of the people."""
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
      change = solved(*equations)
      length = tf.einsum("bi,bij,bj->b", change, loose, change)
      change *= tf.minimum(1.0, _FARTHEST * tf.math.rsqrt(length))[:, None]
      if _WHOLE_STEPS <= i < steps:
        change *= 0.5
      step += change
    found = self._end(state, polished, change, intrinsics)
    return found if held is None else with_parts_of(held, found, state)

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
        lambda states: self._body.decode(states, _MESH),
        lambda states, step: stepped(states, step, cameras),
        state,
        size,
      )
      rows += [(error, slopes, fits * share) for error, slopes, share in found]
    return rows
