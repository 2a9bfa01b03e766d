"""Descents of any kind of state: from what is seen to a trace of states.

`model` has whole bodies, `part_model` hands and faces.
"""

import abc
from typing import Any, NamedTuple

from hund_tf.compat import tf, tf_keras
from hund_tf.losses.alignment import PartTerm
from hund_tf.models.hund.descent_cell import DescentCell, Stage
from hund_tf.types import Intrinsics, RefinementState


class Descent(NamedTuple):
  """A descent with the bodies of all its states, for training losses."""

  stages: tuple[Stage, ...]  # of s_0 ... s_M, M + 1 of them
  memories: tuple[tf.Tensor, ...]  # [B, 2 * units] m_0 ... m_M

  def trace(self) -> RefinementState:
    """The stacked trace, fields `[B, M+1, ...]`; `seconds` are zeros."""
    stack = lambda *rows: tf.stack(rows, axis=1)
    terms = [stage.terms for stage in self.stages]
    total = stack(*(t.total for t in terms))
    return RefinementState(
      state=tf.nest.map_structure(stack, *(s.state for s in self.stages)),
      terms=tf.nest.map_structure(stack, *terms),
      memory=stack(*self.memories),
      seconds=tf.zeros_like(total),
    )


class DescentModel(tf_keras.Model, abc.ABC):
  """An embedding, an initial state and recurrent stages.

  All stages share their weights. No gradient of the objective is taken: a
  stage reads its value.

  Attributes:
    config: has `num_stages`.
    cell: one stage.
  """

  config: Any
  cell: DescentCell

  @abc.abstractmethod
  def begin(
    self, features: Any, intrinsics: Intrinsics
  ) -> tuple[Any, list[tf.Tensor]]:
    """The inputs of all stages, and the cell's states of s_0."""

  @property
  def objective(self) -> Any:
    """The objective whose value is descended."""
    return self.cell.objective

  def call(
    self,
    features: Any,
    intrinsics: Intrinsics,
    num_stages: int | None = None,
  ) -> RefinementState:
    """Reconstructs what B crops show.

    Args:
      features: of the crops.
      intrinsics: of the crops (C_c), fields `[B, 2]`, crop pixels.
      num_stages: M; without it the configured number.

    Returns:
      Trace of s_0 ... s_M, fields `[B, M+1, ...]`, translations in metres in
      the camera frame. `memory` holds the LSTM's hidden and cell state
      `[B, M+1, 2 * units]`, `seconds` are zeros.

    Raises:
      ValueError: if `num_stages` is negative, or the features do not fit.
    """
    return self.descend(features, intrinsics, num_stages).trace()

  def _stage_count(self, num_stages: int | None) -> int:
    """M as asked for, or the configured one."""
    if num_stages is None:
      return self.config.num_stages
    if num_stages < 0:
      raise ValueError(f"num_stages: got {num_stages}, expected 0 or more")
    return num_stages

  def descend(
    self,
    features: Any,
    intrinsics: Intrinsics,
    num_stages: int | None = None,
    parts: PartTerm = "full",
  ) -> Descent:
    """As calling the model, with the decoded body of every state.

    Args:
      features: see `call`.
      intrinsics: see `call`.
      num_stages: see `call`.
      parts: whether L_b is rendered, and a gradient taken through it: training
        can spare either.
    """
    inputs, states = self.begin(features, intrinsics)
    return self.descend_from(inputs, states, num_stages, parts)

  def descend_from(
    self,
    inputs: Any,
    states: list[tf.Tensor],
    num_stages: int | None = None,
    parts: PartTerm = "full",
  ) -> Descent:
    """The descent from the cell's states; see `begin` and `descend`."""
    num_stages = self._stage_count(num_stages)
    stages, memories = [], [tf.concat(states[1:], axis=-1)]
    for _ in range(num_stages):
      stage, states = self.cell(inputs, states, parts)
      stages.append(stage)
      memories.append(tf.concat(states[1:], axis=-1))
    stages.append(self.cell.evaluate(states[0], inputs, parts))
    return Descent(tuple(stages), tuple(memories))

  def _row(self) -> tuple:
    """A leaf for each tensor of one row of a trace: state, terms, memory."""
    size = self.cell.output_size
    return size.state, size.terms, "memory"

  @tf.autograph.experimental.do_not_convert
  def descend_in_loop(
    self,
    features: Any,
    intrinsics: Intrinsics,
    num_stages: int | None = None,
    parts: PartTerm = "full",
  ) -> RefinementState:
    """As calling the model, with its stages in a loop instead of unrolled.

    XLA then compiles one stage in place of M + 1 of them, in seconds, and the
    whole descent is one program.

    Args:
      features: see `call`.
      intrinsics: see `call`.
      num_stages: see `call`.
      parts: see `descend`.

    Returns:
      See `call`.

    Raises:
      ValueError: see `call`.
    """
    inputs, states = self.begin(features, intrinsics)
    return self.loop_from(inputs, states, num_stages, parts)

  @tf.autograph.experimental.do_not_convert
  def loop_from(
    self,
    inputs: Any,
    states: list[tf.Tensor],
    num_stages: int | None = None,
    parts: PartTerm = "full",
  ) -> RefinementState:
    """As `descend_in_loop`, from the cell's states; see `begin`."""
    rows = self._stage_count(num_stages) + 1
    arrays = tf.nest.map_structure(
      lambda _: tf.TensorArray(tf.float32, rows), self._row()
    )

    def refine(i, states, arrays):  # s_M is evaluated, but not refined
      stage = self.cell.evaluate(states[0], inputs, parts, inline=True)
      refined = tf.cond(
        i + 1 < rows,
        lambda: self.cell.refine(stage, inputs, states),
        lambda: states,
      )
      row = stage.state, stage.terms, tf.concat(states[1:], axis=-1)
      written = tf.nest.map_structure(lambda a, x: a.write(i, x), arrays, row)
      return i + 1, refined, written

    _, _, arrays = tf.while_loop(
      lambda i, *_: i < rows,
      refine,
      (tf.constant(0), states, arrays),
      maximum_iterations=rows,
    )
    stacked = tf.nest.map_structure(lambda a: _stages_second(a.stack()), arrays)
    return RefinementState(*stacked, tf.zeros_like(stacked[1].total))


def _stages_second(rows: tf.Tensor) -> tf.Tensor:
  """`[M + 1, B, ...]` to `[B, M + 1, ...]`."""
  return tf.transpose(rows, [1, 0, *range(2, rows.shape.rank)])
