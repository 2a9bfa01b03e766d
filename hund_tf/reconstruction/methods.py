"""Ways from image features to body states, behind one interface.

A method takes the features of B crops and the crops' intrinsics and returns a
trace; the optimisers and the learned descent cannot be told apart by what they
return.
"""

import time
from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np

from hund_tf.compat import tf
from hund_tf.losses.alignment import AlignmentObjective, PartTerm
from hund_tf.losses.heatmaps import target_from_features
from hund_tf.models.compilation import fixed_program
from hund_tf.models.hund.model import HundModel, blank_inputs
from hund_tf.models.hund.polish_anchor import Anchor
from hund_tf.optimization.config import OptimizerConfig
from hund_tf.optimization.minimize import minimize
from hund_tf.reconstruction.polished_end import (
  PolishedEnd,
  Uncertainty,
  parts_read,
)
from hund_tf.types import (
  AlignmentTarget,
  ImageFeatures,
  Intrinsics,
  RefinementState,
)


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


class OptimizerMethod:
  """BFGS, L-BFGS or Adam on the objective, from A-poses."""

  feature_channels = 0
  uncertainty = None

  def __init__(
    self, objective: AlignmentObjective, config: OptimizerConfig | None = None
  ):
    """Keeps what to minimise and how."""
    self.objective = objective
    self._config = config or OptimizerConfig()

  def __call__(
    self, features: ImageFeatures, intrinsics: Intrinsics
  ) -> RefinementState:
    """See `Method`."""
    target = target_from_features(features)
    return minimize(self.objective, target, intrinsics, self._config)


class _TracedDescent:
  """A descent stage by stage, by functions traced once for any batch."""

  def __init__(self, model: HundModel):
    self._model = model
    signature = _any_batch(blank_inputs(model.config))
    self.begin = tf.function(
      model.begin, input_signature=signature, autograph=False
    )
    self._functions: dict[tuple[str, PartTerm], Callable] = {}

  def __call__(
    self,
    features: ImageFeatures,
    intrinsics: Intrinsics,
    stages: int,
    parts: PartTerm,
  ) -> RefinementState:
    """The trace of a descent of so many stages, each timed."""
    begin = time.perf_counter()
    inputs, states = self.begin(features, intrinsics)
    rows, seconds = [], []
    for i in range(stages + 1):
      memory = tf.concat(states[1:], axis=-1)
      if i < stages:
        stage, states = self.step(parts)(inputs, states)
      else:
        stage = self.evaluate(parts)(inputs, states)
      stage.terms.total.numpy()  # waits for it
      rows.append((stage.state, stage.terms, memory))
      seconds.append(time.perf_counter() - begin)
    state, terms, memory = tf.nest.map_structure(
      lambda *x: tf.stack(x, axis=1), *rows
    )
    return RefinementState(
      state=state,
      terms=terms,
      memory=memory,
      seconds=_of_all(seconds, terms.total),
    )

  def step(self, parts: PartTerm) -> Callable:
    """(inputs, states) -> the `Stage` of the states, and the next ones."""
    cell = self._model.cell
    return self._function("step", cell.call, parts)

  def evaluate(self, parts: PartTerm) -> Callable:
    """(inputs, states) -> the `Stage` of the states."""
    cell = self._model.cell

    def evaluate(inputs, states, parts):
      return cell.evaluate(states[0], inputs, parts)

    return self._function("evaluate", evaluate, parts)

  def _function(self, name: str, function: Callable, parts: PartTerm):
    key = name, parts
    if key not in self._functions:
      begun = self.begin.get_concrete_function().structured_outputs
      self._functions[key] = tf.function(
        lambda inputs, states: function(inputs, states, parts),
        input_signature=_any_batch(begun),
        autograph=False,
      )
    return self._functions[key]


class _CompiledDescent:
  """A whole descent as one program of XLA; weights are as at its first call."""

  def __init__(self, model: HundModel):
    self._model = model
    self._functions: dict[tuple[int, PartTerm], Callable] = {}

  def __call__(
    self,
    features: ImageFeatures,
    intrinsics: Intrinsics,
    stages: int,
    parts: PartTerm,
  ) -> RefinementState:
    """The trace of a descent; every state gets an equal share of its time."""
    run = self._function(stages, parts)
    begin = time.perf_counter()
    trace = run(features, intrinsics)
    trace.terms.total.numpy()  # waits for it
    seconds = time.perf_counter() - begin
    shares = np.arange(1, stages + 2) / (stages + 1)
    return trace._replace(seconds=_of_all(seconds * shares, trace.terms.total))

  def _function(self, stages: int, parts: PartTerm) -> Callable:
    key = stages, parts
    if key not in self._functions:
      self._functions[key] = fixed_program(
        lambda *inputs: self._model.descend_in_loop(*inputs, stages, parts),
        _any_batch(blank_inputs(self._model.config)),
      )
    return self._functions[key]


def _any_batch(tensors):
  """Specifications of tensors `[B, ...]` with B left open."""
  return tf.nest.map_structure(
    lambda x: tf.TensorSpec([None, *x.shape[1:]], x.dtype), tensors
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
    self._descent = (_CompiledDescent if compiled else _TracedDescent)(model)
    self._polish = anchor and PolishedEnd(
      self.objective, anchor, jit_compile and self.objective.xla_compatible
    )
    self._join = tf.function(_joined, autograph=False, reduce_retracing=True)
    self._terms = None
    if self.objective.config != model.objective.config:
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
    trace = self._descend(features, intrinsics)
    if self._terms is not None:
      trace = self._with_terms(
        trace, target_from_features(features), intrinsics
      )
    last = tf.nest.map_structure(lambda x: x[:, -1], trace.state)
    if self._polish is not None:
      return self._join(trace, self._polish(last, features, intrinsics))
    if self._refinement is None:
      return trace
    rest = minimize(
      self.objective,
      target_from_features(features),
      intrinsics,
      self._refinement,
      initial=last,
    )
    return _joined(trace, rest)

  @property
  def uncertainty(self) -> Uncertainty | None:
    """Expected errors of the joints of polished states, if it polishes."""
    return self._polish and self._polish.uncertainty

  def _descend(
    self, features: ImageFeatures, intrinsics: Intrinsics
  ) -> RefinementState:
    stages = self._num_stages
    if stages is None:
      stages = self._model.config.num_stages
    parts = parts_read(features)
    return self._descent(features, intrinsics, stages, parts)

  def _with_terms(
    self,
    trace: RefinementState,
    target: AlignmentTarget,
    intrinsics: Intrinsics,
  ) -> RefinementState:
    """The trace with the terms of `self.objective`."""
    rows = []
    for i in range(trace.seconds.shape[1]):
      state = tf.nest.map_structure(lambda x, i=i: x[:, i], trace.state)
      rows.append(self._terms(state, target, intrinsics))
    terms = tf.nest.map_structure(lambda *x: tf.stack(x, axis=1), *rows)
    return trace._replace(terms=terms)


def _of_all(seconds: Sequence[float], totals: tf.Tensor) -> tf.Tensor:
  """The same seconds `[M + 1]` for every person of totals `[B, M + 1]`."""
  return tf.constant(np.tile(seconds, [totals.shape[0], 1]), tf.float32)


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
