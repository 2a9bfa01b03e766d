"""Ways from image features to body states, behind one interface.

A method takes the features of B crops and the crops' intrinsics and returns a
trace; the optimisers and the learned descent cannot be told apart by what they
return.
"""

from collections.abc import Callable
from typing import Protocol

import numpy as np

from hund_tf.compat import tf
from hund_tf.losses.alignment import AlignmentObjective
from hund_tf.losses.heatmaps import target_from_features
from hund_tf.models.hund.model import HundModel
from hund_tf.models.hund.polish_anchor import Anchor
from hund_tf.models.hund.polish_pairs import Relations
from hund_tf.models.hund.polish_wishes import Held, with_parts_of
from hund_tf.optimization.config import OptimizerConfig
from hund_tf.optimization.minimize import counted
from hund_tf.optimization.minimizers import Minimizer
from hund_tf.reconstruction.descents import (
  CompiledDescent,
  Start,
  TracedDescent,
)
from hund_tf.reconstruction.polished_end import (
  PolishedEnd,
  Uncertainty,
  parts_read,
)
from hund_tf.types import (
  AlignmentTarget,
  HumanState,
  ImageFeatures,
  Intrinsics,
  RefinementState,
)

# (states) -> states, fields [B, ...]
Change = Callable[[HumanState], HumanState]


class Method(Protocol):
  """Fits body states to image features."""

  @property
  def objective(self) -> AlignmentObjective:
    """What is descended; it carries the body model."""
    ...

  @property
  def feature_channels(self) -> int:
    """Channels of F that it reads; 0 where it reads none."""
    ...

  @property
  def uncertainty(self) -> Uncertainty | None:
    """Expected errors of the joints of its last states; None: not known."""
    ...

  def __call__(
    self, features: ImageFeatures, intrinsics: Intrinsics
  ) -> RefinementState:
    """Traces of B people, fields `[B, M+1, ...]`.

    Args:
      features: of B crops.
      intrinsics: of the crops (C_c), fields `[B, 2]`, crop pixels.
    """
    ...

  def resume(
    self,
    features: ImageFeatures,
    intrinsics: Intrinsics,
    trace: RefinementState,
    num_stages: int,
    change: Change | None = None,
  ) -> RefinementState:
    """Goes on from where a trace of this method stood, with other features.

    Args:
      features: of B crops, as those that the trace is of, or changed by what
        is known better.
      intrinsics: of the crops (C_c), fields `[B, 2]`, crop pixels.
      trace: of the same people, fields `[B, M+1, ...]`.
      num_stages: of the learned descent; optimisers go on until they are done.
      change: what is done to the state first that it goes on from.

    Returns:
      A trace whose first row is where it went on from, and whose last is, as
      that of `trace`, polished if the method polishes.
    """
    ...


class OptimizerMethod:
  """BFGS, L-BFGS, Adam or a user's minimiser, from A-poses."""

  feature_channels = 0
  uncertainty = None

  def __init__(
    self,
    objective: AlignmentObjective,
    config: OptimizerConfig | None = None,
    minimizer: Minimizer | None = None,
  ):
    """Keeps what to minimise and how: `minimizer` in place of a method."""
    self.objective = objective
    self._config = config or OptimizerConfig()
    self._minimizer = minimizer

  def __call__(
    self, features: ImageFeatures, intrinsics: Intrinsics
  ) -> RefinementState:
    """See `Method`."""
    return self.counted(features, intrinsics)[0]

  def counted(
    self, features: ImageFeatures, intrinsics: Intrinsics
  ) -> tuple[RefinementState, np.ndarray]:
    """The trace, and the evaluations of L_u by each row of it, `[B, M+1]`."""
    return self._minimize(features, intrinsics)

  def resume(
    self,
    features: ImageFeatures,
    intrinsics: Intrinsics,
    trace: RefinementState,
    num_stages: int,
    change: Change | None = None,
  ) -> RefinementState:
    """See `Method`."""
    del num_stages
    initial = _changed(_row(trace.state, -1), change)
    return self._minimize(features, intrinsics, initial)[0]

  def _minimize(
    self,
    features: ImageFeatures,
    intrinsics: Intrinsics,
    initial: HumanState | None = None,
  ) -> tuple[RefinementState, np.ndarray]:
    return counted(
      self.objective,
      target_from_features(features),
      intrinsics,
      self._config,
      initial,
      self._minimizer,
    )


class HundMethod:
  """The learned descent, and an optimiser after it if asked (the hybrid)."""

  def __init__(
    self,
    model: HundModel,
    num_stages: int | None = None,
    refinement: OptimizerConfig | None = None,
    objective: AlignmentObjective | None = None,
    jit_compile: bool = False,
    anchor: Anchor | None = None,
  ):
    """Keeps the model.

    Args:
      model: with its weights.
      num_stages: M; without it the model's own number.
      refinement: an optimiser that starts at the last stage's state.
      objective: what the optimiser minimises and the trace's terms are of;
        without it the objective that the model reads.
      jit_compile: XLA for the whole descent: a faster one, a slower start. Its
        stages are then not timed one by one, and share its time evenly. A
        change of the model's weights after a call is not seen.
      anchor: of the weights: the last state is polished, and the trace has one
        row more. Not together with a refinement.
    """
    self.objective = objective or model.objective
    self.feature_channels = model.config.feature_channels
    self._model = model
    self._num_stages = num_stages
    self._refinement = refinement
    compiled = jit_compile and model.objective.xla_compatible
    self._descent = (CompiledDescent if compiled else TracedDescent)(model)
    self._polish = anchor and PolishedEnd(
      self.objective,
      anchor,
      model.config,
      jit_compile and self.objective.xla_compatible,
    )
    self._join = tf.function(_joined, autograph=False, reduce_retracing=True)
    self._terms = None
    if _read_by(self.objective) != _read_by(model.objective):
      self._terms = tf.function(
        self.objective.__call__,
        autograph=False,
        reduce_retracing=True,
        jit_compile=(jit_compile and self.objective.xla_compatible) or None,
      )

  def __call__(
    self, features: ImageFeatures, intrinsics: Intrinsics
  ) -> RefinementState:
    """See `Method`. `seconds` count the stages, each with its loss."""
    return self.counted(features, intrinsics)[0]

  def counted(
    self, features: ImageFeatures, intrinsics: Intrinsics
  ) -> tuple[RefinementState, np.ndarray]:
    """The trace, and the evaluations of L_u by each row of it, `[B, M+1]`.

    Every stage takes one; a row of the polish counts as one, of its own terms.
    """
    return self._run(features, intrinsics, self.stages)

  def resume(
    self,
    features: ImageFeatures,
    intrinsics: Intrinsics,
    trace: RefinementState,
    num_stages: int,
    change: Change | None = None,
    held: Held | None = None,
    relations: Relations = (),
  ) -> RefinementState:
    """See `Method`: from (s_M, m_M), the end of the stages.

    Args:
      features: see `Method`.
      intrinsics: see `Method`.
      trace: see `Method`.
      num_stages: see `Method`.
      change: see `Method`.
      held: what somebody says of the people, which the polish then meets.
      relations: terms of pairs of them, only if something is held.

    Raises:
      ValueError: if something is held by a method that does not polish.
    """
    if held is not None and self._polish is None:
      raise ValueError(
        "method: does not polish, so that nothing can be held; give the "
        "learned descent with its polish"
      )
    state = _changed(_row(trace.state, self.stages), change)
    start = Start(state, _row(trace.memory, self.stages))
    return self._run(features, intrinsics, num_stages, start, held, relations)[
      0
    ]

  @property
  def stages(self) -> int:
    """M."""
    if self._num_stages is None:
      return self._model.config.num_stages
    return self._num_stages

  def _run(
    self,
    features: ImageFeatures,
    intrinsics: Intrinsics,
    stages: int,
    start: Start | None = None,
    held: Held | None = None,
    relations: Relations = (),
  ) -> tuple[RefinementState, np.ndarray]:
    """The stages, and what comes after them; and their evaluations."""
    parts = parts_read(features)
    trace = self._descent(features, intrinsics, stages, parts, start)
    if self._terms is not None:
      trace = self._with_terms(
        trace, target_from_features(features), intrinsics
      )
    last = _row(trace.state, -1)
    if start is not None and held is not None:
      last = with_parts_of(held, last, start.state)
    if self._polish is not None:
      polished = self._polish(last, features, intrinsics, held, relations)
      trace = self._join(trace, polished)
    evaluations = np.tile(
      np.arange(1, trace.seconds.shape[1] + 1), (trace.seconds.shape[0], 1)
    )
    if self._polish is not None or self._refinement is None:
      return trace, evaluations
    rest, more = counted(
      self.objective,
      target_from_features(features),
      intrinsics,
      self._refinement,
      last,
    )
    more = evaluations[:, -1:] + more[:, 1:]
    return _joined(trace, rest), np.concatenate([evaluations, more], axis=1)

  @property
  def uncertainty(self) -> Uncertainty | None:
    """Expected errors of the joints of polished states, if it polishes."""
    return self._polish and self._polish.uncertainty

  def _with_terms(
    self,
    trace: RefinementState,
    target: AlignmentTarget,
    intrinsics: Intrinsics,
  ) -> RefinementState:
    """The trace with the terms of `self.objective`."""
    rows = []
    for i in range(trace.seconds.shape[1]):
      state = _row(trace.state, i)
      rows.append(self._terms(state, target, intrinsics))
    terms = tf.nest.map_structure(lambda *x: tf.stack(x, axis=1), *rows)
    return trace._replace(terms=terms)


def _row(states, index: int):
  """One row `[B, ...]` of what a trace holds `[B, M + 1, ...]`."""
  return tf.nest.map_structure(lambda x: x[:, index], states)


def _read_by(objective: AlignmentObjective) -> tuple:
  """What the terms of an objective depend on."""
  return objective.config, objective.terms


def _changed(state: HumanState, change: Change | None) -> HumanState:
  return state if change is None else change(state)


def _joined(trace: RefinementState, rest: RefinementState) -> RefinementState:
  """`trace` continued by `rest`, whose first state is the last of `trace`."""
  steps = rest.seconds.shape[1]
  kept = tf.repeat(trace.memory[:, -1:], steps, axis=1)
  rest = rest._replace(
    memory=kept, seconds=rest.seconds + trace.seconds[:, -1:]
  )
  return tf.nest.map_structure(
    lambda a, b: tf.concat([a, b[:, 1:]], axis=1), trace, rest
  )
