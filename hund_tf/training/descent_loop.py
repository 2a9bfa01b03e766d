"""All stages of a descent in a loop, for XLA.

A program of one stage compiles in seconds; that of M + 1 takes minutes.
"""

from collections.abc import Callable, Sequence
from typing import Any

from hund_tf.compat import tf
from hund_tf.losses.alignment import PartTerm
from hund_tf.models.hund.descent_cell import DescentCell, Stage


def values_in_loop(
  cell: DescentCell,
  inputs: Any,
  states: list[tf.Tensor],
  num_stages: int,
  values: Callable[[Stage], Sequence[tf.Tensor]],
  count: int,
  parts: PartTerm = "full",
) -> list[tf.Tensor]:
  """Values of the stages s_0 ... s_M.

  Args:
    cell: that descends.
    inputs: of the descent.
    states: of the cell at s_0.
    num_stages: M.
    values: of a stage, `[B]` each.
    count: how many there are.
    parts: whether L_b is rendered, and a gradient taken through it.

  Returns:
    `count` tensors `[M + 1, B]`.
  """
  rows = num_stages + 1
  arrays = [tf.TensorArray(tf.float32, rows) for _ in range(count)]

  def refine(i, states, arrays):
    stage = cell.evaluate(states[0], inputs, parts, inline=True)
    found = values(stage)
    written = [a.write(i, x) for a, x in zip(arrays, found, strict=True)]
    # That of s_M is not used, and costs less than a stage that differs.
    return i + 1, cell.refine(stage, inputs, states), written

  _, _, arrays = tf.while_loop(
    lambda i, *_: i < rows,
    refine,
    (tf.constant(0), states, arrays),
    maximum_iterations=rows,
  )
  return [array.stack() for array in arrays]
