"""The states that people end in, with their parts, statures and gaze."""

from collections.abc import Sequence

import numpy as np

from hund_tf.body.gaze import with_gaze
from hund_tf.body.interface import Body
from hund_tf.body.model import BodyModel
from hund_tf.compat import tf
from hund_tf.reconstruction.parts import Fused
from hund_tf.reconstruction.stature import with_stature
from hund_tf.types import BodyOutput, HumanState, Intrinsics


def row(structure, index: int):
  """One row of every tensor of a batch, as numpy."""
  return tf.nest.map_structure(lambda x: np.asarray(x[index]), structure)


def made_tall(
  body_model: Body,
  state: HumanState,
  cameras: Intrinsics,
  heights: Sequence[float | None],
) -> HumanState:
  """States `[N, ...]` of which those with a height are made so tall."""
  if not isinstance(body_model, BodyModel):
    raise ValueError(
      "heights: are given for a body other than the open one, whose shapes "
      "they choose"
    )
  rows = []
  for i, height in enumerate(heights):
    own = row(state, i)
    if height is not None:
      own = with_stature(body_model, own, row(cameras, i), height)
    rows.append(own)
  return HumanState(*(tf.stack(x) for x in zip(*rows, strict=True)))


def with_parts(state: HumanState, found: Sequence[Fused]) -> HumanState:
  """States `[B, ...]`, replaced for people of whom parts are used."""
  if all(one.state is None for one in found):
    return state
  rows = [
    row(state, i) if one.state is None else one.state
    for i, one in enumerate(found)
  ]
  return HumanState(*(tf.stack(x) for x in zip(*rows, strict=True)))


def posed(
  body_model: Body, state: HumanState, found: Sequence[Fused]
) -> BodyOutput:
  """Full bodies `[B, ...]`, whose eyes look where their faces say."""
  if all(one.gaze is None for one in found):
    return body_model.decode(state, mesh="full")
  known = np.array([one.gaze is not None for one in found])
  gaze = [np.zeros(2) if one.gaze is None else one.gaze for one in found]
  own = body_model.rotations(state)
  turned = with_gaze(own, tf.constant(np.stack(gaze), tf.float32))
  return body_model.pose_driven(
    tf.where(known[:, None, None, None], turned, own),
    state.shape,
    state.expression,
    state.translation,
  )
