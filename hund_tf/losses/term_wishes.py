"""Where terms of a user's own want the parts of bodies to go.

A term is a black box, of which nothing but values can be had. So each of the 14
parts of a body is moved a little along x, y and z and turned a little about
them, the function is asked again, and the differences say which move of the
parts, the smallest that does it, would bring the term to nothing. No body is
posed for it, and no gradient is taken: a function need not have one.
"""

from typing import NamedTuple

import numpy as np

from hund_tf.body.interface import Body
from hund_tf.compat import tf
from hund_tf.losses.terms import Term
from hund_tf.types import (
  NUM_PARTS,
  STATE_DIMS,
  BodyOutput,
  HumanState,
)

PARTS = NUM_PARTS - 1
MOVES = 6 * PARTS  # a shift along x, y, z and a turn about them, of each part
_MOVE = 1e-3  # metres that parts are shifted by
_LEVER = 0.15  # metres: a turn counts as the shift of a point so far away
# [3, 3, 3]: the matrix of the cross product with each axis.
_ABOUT = np.cross(np.eye(3)[:, None], np.eye(3)).transpose(0, 2, 1)
_ABOUT = _ABOUT.astype(np.float32)
_NEAREST = 24  # vertices that say which parts joints and keypoints belong to


class Asked(NamedTuple):
  """What terms ask of B bodies."""

  value: tf.Tensor  # [B] what they add to L_u, where it is above 0
  wishes: tf.Tensor  # [B, 84] metres: shifts and turns of the parts, those of a
  # term times v / (1 + v) of its value v


class PartMoves:
  """Small moves of the parts of bodies, to ask terms what they want."""

  def __init__(self, body_model: Body, mesh: str):
    """Finds which parts joints and keypoints belong to.

    Args:
      body_model: of the bodies.
      mesh: of their vertices.
    """
    labels = body_model.part_labels(mesh)
    own = np.eye(NUM_PARTS, dtype=np.float32)[labels][:, 1:]
    with tf.init_scope():
      mean = HumanState(*(tf.zeros([1, n]) for n in STATE_DIMS))
      upright = tf.constant([[1.0, 0.0, 0.0, 1.0, 0.0, 0.0]])
      rest = body_model.decode(mean._replace(rotation=upright), mesh)
      vertices, joints, keypoints = (x[0].numpy() for x in rest[:3])
    self._shares = BodyOutput(
      own, *(_shared(x, vertices, own) for x in (joints, keypoints)), None
    )

  def asked(self, terms: list[Term], body: BodyOutput) -> Asked:
    """What terms ask of bodies `[B, ...]`.

    A part that a term does not depend on is to stay. Terms that are met, and
    those whose value is not finite or not above 0, ask for nothing.
    """
    tried = self._moved(body)
    count = tf.shape(body.joints)[0]
    asked = [_asked(term, tried, count) for term in terms]
    return Asked(*(tf.add_n(list(x)) for x in zip(*asked, strict=True)))

  def _moved(self, body: BodyOutput) -> BodyOutput:
    """Each body `[B * 85, ...]` as it is, and after each of the 84 moves."""
    shares = self._shares
    # Middles of the parts, about which they turn.
    members = shares.joints / np.maximum(shares.joints.sum(0), 1e-6)
    middles = tf.einsum("np,bni->bpi", members, body.joints)
    moved = [
      _every_move(points, share, middles)
      for points, share in zip(body[:3], shares[:3], strict=True)
    ]
    turns = tf.repeat(body.rotations, MOVES + 1, axis=0)
    return BodyOutput(*moved, turns)


def _shared(
  points: np.ndarray, vertices: np.ndarray, own: np.ndarray
) -> np.ndarray:
  """Shares `[N, 14]` of points in the parts, by the vertices around them."""
  distance = np.linalg.norm(points[:, None] - vertices, axis=-1)
  return own[np.argsort(distance, axis=1)[:, :_NEAREST]].mean(axis=1)


def _every_move(
  points: tf.Tensor, shares: np.ndarray, middles: tf.Tensor
) -> tf.Tensor:
  """Points `[B, N, 3]` after no move and each of them, `[B * 85, N, 3]`."""
  apart = points[:, None] - middles[:, :, None]  # [B, 14, N, 3]
  turn = tf.einsum("aij,bpnj->bpani", _ABOUT, apart)
  shift = tf.broadcast_to(tf.eye(3)[:, None], tf.shape(turn))
  by = tf.constant(_MOVE * shares.T)[:, None, :, None]  # [14, 1, N, 1]
  steps = by * tf.concat([shift, turn / _LEVER], axis=2)  # [B, 14, 6, N, 3]
  count = points.shape[1]
  steps = tf.reshape(steps, [-1, MOVES, count, 3])
  every = points[:, None] + tf.pad(steps, [[0, 0], [1, 0], [0, 0], [0, 0]])
  return tf.reshape(every, [-1, count, 3])


def _asked(term: Term, tried: BodyOutput, count: tf.Tensor) -> Asked:
  """What one term asks of bodies that were moved."""
  residuals = term.residuals(tried)
  if residuals is None:
    values = tf.reshape(term.value(tried), [count, MOVES + 1])
    value = values[:, 0]
    slope = (values[:, 1:] - values[:, :1]) / _MOVE
  else:
    size = residuals.shape[-1]
    residuals = tf.reshape(residuals, [count, MOVES + 1, size])
    here = residuals[:, 0]
    value = tf.reduce_sum(here * here, axis=-1)
    change = (residuals[:, 1:] - residuals[:, :1]) / _MOVE
    slope = 2.0 * tf.linalg.matvec(change, here)
  # The smallest move to where a square of a linear function is nothing.
  length = tf.reduce_sum(slope * slope, axis=-1)
  wish = tf.math.divide_no_nan(-2.0 * value, length)[:, None] * slope
  wish = tf.where(tf.math.is_finite(wish), wish, 0.0)
  value = tf.where(tf.math.is_finite(value), value, 0.0)
  positive = tf.nn.relu(value)
  share = positive / (1.0 + positive)
  return Asked(positive, share[:, None] * wish)
