"""Residuals of the polish that somebody asks for: corrections, and terms.

Unlike what is seen (`polish_rows`) they are not doubted: a large error pulls in
full.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from hund_tf.compat import tf
from hund_tf.losses.terms import Term
from hund_tf.models.hund.polish_rows import Posed, Rows, projected
from hund_tf.types import (
  NUM_JOINTS,
  NUM_KEYPOINTS,
  STATE_DIMS,
  BodyOutput,
  HumanState,
  Intrinsics,
)

KEYPOINT_SIGMA = 0.5  # crop pixels that a corrected keypoint may be off
JOINT_SIGMA = 0.005  # metres that a locked joint may move
_DIFFERENCE = 0.01  # of a step's numbers
_GROUPS = (*STATE_DIMS[:5], 6)  # of a step's numbers


class Held(NamedTuple):
  """What somebody says of B people."""

  keypoints: tf.Tensor  # [B, 137, 2] crop pixels
  corrected: tf.Tensor  # [B, 137] 1 where that is said of the keypoint, else 0
  joints: tf.Tensor  # [B, 63, 3] metres, camera frame
  locked: tf.Tensor  # [B, 63] 1 where the joint is to be there, else 0
  parts: (
    tf.Tensor
  )  # [B, 3] 1 where left hand, right hand, face may move, else 0
  shape: tf.Tensor | None = None  # [B, 1] 1 where it may change, else 0; None:
  # everybody's may


def nothing_held(people: int) -> Held:
  """Of so many people nothing is said; fingers and faces are to stay."""
  return Held(
    tf.zeros([people, NUM_KEYPOINTS, 2]),
    tf.zeros([people, NUM_KEYPOINTS]),
    tf.zeros([people, NUM_JOINTS, 3]),
    tf.zeros([people, NUM_JOINTS]),
    tf.zeros([people, 3]),
  )


def may_move(held: Held) -> tf.Tensor:
  """Which of a step's 201 numbers may change, `[B, 201]`, 1 or 0."""
  body = tf.ones_like(held.parts[:, :1])
  left, right, face = tf.split(held.parts, 3, axis=-1)
  shape = body if held.shape is None else held.shape
  columns = zip((body, left, right, shape, face, body), _GROUPS, strict=True)
  return tf.concat([tf.repeat(x, n, axis=-1) for x, n in columns], axis=-1)


def with_parts_of(
  held: Held, state: HumanState, before: HumanState
) -> HumanState:
  """States whose hands and faces are as before, unless they may move."""
  kept = {}
  for i, name in enumerate(("left_hand", "right_hand", "expression")):
    moves = held.parts[:, i : i + 1] > 0.0
    kept[name] = tf.where(moves, getattr(state, name), getattr(before, name))
  return state._replace(**kept)


def held_rows(
  keypoints: Posed, joints: Posed, held: Held, intrinsics: Intrinsics
) -> list[Rows]:
  """Errors of the keypoints `[B, 137, 2]` pixels, of the joints `[B, 63, 3]`.

  Args:
    keypoints: all 137 of the bodies.
    joints: all 63.
    held: of the same people.
    intrinsics: of the crops, fields `[B, 2]`, crop pixels.
  """
  pixels, slopes = projected(keypoints, intrinsics)
  return [
    (pixels - held.keypoints, slopes, held.corrected / KEYPOINT_SIGMA**2),
    (
      joints.points - held.joints,
      joints.slopes,
      held.locked / JOINT_SIGMA**2,
    ),
  ]


def term_rows(
  terms: Sequence[Term],
  decode: Callable[[HumanState], BodyOutput],
  moved: Callable[[HumanState, tf.Tensor], HumanState],
  state: HumanState,
  size: int,
) -> list[Rows]:
  """Residuals `[B, R, 1]` of each term that gives some.

  Derivatives are differences, so that a term may be anything that TensorFlow
  computes: a body for each number of a step.

  Args:
    terms: of the user.
    decode: gives the bodies of states `[N, ...]`.
    moved: states `[N, ...]` moved by steps `[N, D]`; the cameras are those of
      the people, each `size + 1` times in turn.
    state: of B people.
    size: D.
  """
  tries = np.vstack([np.zeros(size), _DIFFERENCE * np.eye(size)])
  people = tf.shape(state.shape)[0]
  tried = moved(
    tf.nest.map_structure(lambda x: tf.repeat(x, size + 1, axis=0), state),
    tf.tile(tf.constant(tries, tf.float32), [people, 1]),
  )
  bodies = decode(tried)
  rows = []
  for term in terms:
    found = term.residuals(bodies)
    if found is None:
      continue
    found = tf.reshape(found, [-1, size + 1, found.shape[-1]])
    slopes = (found[:, 1:] - found[:, :1]) / _DIFFERENCE
    slopes = tf.transpose(slopes, [0, 2, 1])[:, :, None]
    error = found[:, 0, :, None]
    rows.append((error, slopes, tf.ones_like(error[..., 0])))
  return rows
