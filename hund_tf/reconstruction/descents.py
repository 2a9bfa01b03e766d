"""The learned descent as programs: stage by stage, or as a whole.

Both run it from the start or go on from a `Start`, and time it.
"""

import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from hund_tf.compat import tf
from hund_tf.losses.alignment import PartTerm
from hund_tf.models.compilation import any_batch, fixed_program
from hund_tf.models.hund.model import HundModel, blank_inputs
from hund_tf.types import (
  STATE_DIMS,
  HumanState,
  ImageFeatures,
  Intrinsics,
  RefinementState,
)


class Start(NamedTuple):
  """Where a descent goes on from."""

  state: HumanState  # fields [B, ...]
  memory: tf.Tensor  # [B, 2 * units] of the stage that the state came from


def _blank_start(model: HundModel) -> Start:
  """A start of one person, of zeros."""
  state = HumanState(*(tf.zeros([1, size]) for size in STATE_DIMS))
  return Start(state, tf.zeros([1, 2 * model.config.units]))


class TracedDescent:
  """A descent stage by stage, by functions traced once for any batch."""

  def __init__(self, model: HundModel):
    self._model = model
    signature = any_batch(blank_inputs(model.config))
    self.begin = tf.function(
      model.begin, input_signature=signature, autograph=False
    )
    self.begin_again = tf.function(
      model.begin_again,
      input_signature=[*signature, *any_batch(_blank_start(model))],
      autograph=False,
    )
    self._functions: dict[tuple[str, PartTerm], Callable] = {}

  def __call__(
    self,
    features: ImageFeatures,
    intrinsics: Intrinsics,
    stages: int,
    parts: PartTerm,
    start: Start | None = None,
  ) -> RefinementState:
    """The trace of so many stages, each timed."""
    begin = time.perf_counter()
    if start is None:
      inputs, states = self.begin(features, intrinsics)
    else:
      inputs, states = self.begin_again(features, intrinsics, *start)
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
        input_signature=any_batch(begun),
        autograph=False,
      )
    return self._functions[key]


class CompiledDescent:
  """A whole descent as one program of XLA; weights are as at its first call."""

  def __init__(self, model: HundModel):
    self._model = model
    self._functions: dict[tuple[int, PartTerm, bool], Callable] = {}

  def __call__(
    self,
    features: ImageFeatures,
    intrinsics: Intrinsics,
    stages: int,
    parts: PartTerm,
    start: Start | None = None,
  ) -> RefinementState:
    """The trace of so many stages; all states share its time evenly."""
    run = self._function(stages, parts, start is not None)
    begin = time.perf_counter()
    trace = run(features, intrinsics, *(start or ()))
    trace.terms.total.numpy()  # waits for it
    seconds = time.perf_counter() - begin
    shares = np.arange(1, stages + 2) / (stages + 1)
    return trace._replace(seconds=_of_all(seconds * shares, trace.terms.total))

  def _function(self, stages: int, parts: PartTerm, again: bool) -> Callable:
    key = stages, parts, again
    if key not in self._functions:
      model = self._model
      begin = model.begin_again if again else model.begin
      inputs = [*blank_inputs(model.config)]
      if again:
        inputs += _blank_start(model)
      self._functions[key] = fixed_program(
        lambda *given: model.loop_from(*begin(*given), stages, parts),
        any_batch(inputs),
      )
    return self._functions[key]


def _of_all(seconds: Sequence[float], totals: tf.Tensor) -> tf.Tensor:
  """The same seconds `[M + 1]` for every person of totals `[B, M + 1]`."""
  return tf.constant(np.tile(seconds, [totals.shape[0], 1]), tf.float32)
