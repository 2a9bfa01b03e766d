"""A random family of terms, which descents are trained with.

Users' terms are not known in advance, so that training draws others for each
person: joints that shall lie on planes, be at places, be so far apart, or point
somewhere, as they truly do but for a noise that the term's weight states. A
stage that uses whatever terms there are does better on them.
"""

from typing import NamedTuple

import numpy as np

from hund_tf.body import skeleton
from hund_tf.compat import tf
from hund_tf.draws import Draws
from hund_tf.losses.terms import Term
from hund_tf.types import BodyOutput

KINDS = ("plane", "place", "distance", "direction")
_POINTS = 4  # joints that a term may depend on
_SIGMA = 0.006, 0.1  # metres, of a term's noise
_LENGTH = 0.3  # metres that directions count at
_JOINTS = np.array(
  [
    skeleton.INDEX[name]
    for name in (
      *(n for n in skeleton.BODY_JOINTS if not n.startswith("spine")),
      *(f"{s}_{finger}3" for s in "lr" for finger in ("index", "thumb")),
      *("jaw", "l_eye", "r_eye"),
    )
  ],
  np.int32,
)
# Joints that tell how a face, a hand or a foot is turned; faces as often as
# both others.
_ENDS = np.array(
  [
    [skeleton.INDEX[f"{side}_{name}"] for name in pair]
    for side in "lr"
    for pair in (("index3", "wrist"), ("ball", "ankle"))
  ]
  + 2 * [[skeleton.INDEX[f"{s}_eye"], skeleton.INDEX["head"]] for s in "lr"],
  np.int32,
)


class RandomTerms(NamedTuple):
  """A term for each of B people."""

  weight: tf.Tensor  # [B] 1 / m^2; 0: no term
  kind: tf.Tensor  # [B, 4] 1 for its kind, else 0
  joints: tf.Tensor  # [B, 4] int32, which it is about
  counts: tf.Tensor  # [B, 4] 1 for each joint that lies on its plane, else 0
  normal: tf.Tensor  # [B, 3] of the plane, or the direction
  offsets: tf.Tensor  # [B, 4] metres of the planes along it
  place: tf.Tensor  # [B, 3] metres, camera frame
  distance: tf.Tensor  # [B] metres


def draw(
  draws: Draws, joints: tf.Tensor, known: tf.Tensor, share: float
) -> RandomTerms:
  """Terms that are true of people but for their noise.

  Args:
    draws: random numbers.
    joints: `[B, 63, 3]` metres, camera frame, the truth.
    known: `[B]` above 0 where it is known; others get no term.
    share: of people with a term.
  """
  size = tf.shape(joints)[0]
  kind = tf.one_hot(draws.integers([size], len(KINDS)), len(KINDS))
  chosen = _some_joints(draws, kind[:, 3] > 0.0)
  points = tf.gather(joints, chosen, batch_dims=1)
  counts = tf.cast(draws.happens([size, _POINTS], 0.5), tf.float32)
  counts = tf.maximum(counts, tf.one_hot(0, _POINTS))
  sigma = draws.log_uniform([size], *_SIGMA)
  there = tf.logical_and(draws.happens([size], share), known > 0.0)
  normal = tf.math.l2_normalize(draws.normal([size, 3]), axis=-1)
  noise = sigma[:, None] * draws.normal([size, _POINTS])
  offsets = tf.einsum("bni,bi->bn", points, normal) + noise
  place = points[:, 0] + sigma[:, None] * draws.normal([size, 3])
  apart = points[:, 0] - points[:, 1]
  distance = tf.norm(apart + 1e-6, axis=-1) + sigma * draws.normal([size])
  tilt = sigma[:, None] / _LENGTH * draws.normal([size, 3])
  direction = tf.math.l2_normalize(
    tf.math.l2_normalize(apart, axis=-1) + tilt, axis=-1
  )
  pointed = kind[:, 3:]
  return RandomTerms(
    tf.cast(there, tf.float32) / sigma**2,
    kind,
    chosen,
    counts,
    pointed * direction + (1.0 - pointed) * normal,
    offsets,
    place,
    tf.nn.relu(distance),
  )


def _some_joints(draws: Draws, pointing: tf.Tensor) -> tf.Tensor:
  """Joints `[B, 4]`; the second is often what the first hangs on.

  Where terms are of a direction `[B]`, it is half of the time that of a face, a
  hand or a foot.
  """
  size = tf.shape(pointing)[0]
  count = len(_JOINTS)
  chosen = draws.integers([size, _POINTS], count)
  other = (chosen[:, 0] + 1 + draws.integers([size], count - 1)) % count
  chosen = tf.gather(_JOINTS, chosen)
  parents = tf.gather(np.array(skeleton.PARENTS, np.int32), chosen[:, 0])
  near = draws.happens([size], 0.5)
  second = tf.where(near, parents, tf.gather(_JOINTS, other))
  first = tf.stack([chosen[:, 0], second], axis=1)
  ends = tf.gather(_ENDS, draws.integers([size], len(_ENDS)))
  of_end = tf.logical_and(pointing, draws.happens([size], 0.5))
  return tf.concat(
    [tf.where(of_end[:, None], ends, first), chosen[:, 2:]], axis=1
  )


def as_term(drawn: RandomTerms) -> Term:
  """The terms of B people as one, of bodies `[B, ...]` or `[B * n, ...]`."""

  def residuals(body: BodyOutput) -> tf.Tensor:
    each = tf.shape(body.joints)[0] // tf.shape(drawn.weight)[0]
    own = RandomTerms(*(tf.repeat(x, each, axis=0) for x in drawn))
    points = tf.gather(body.joints, own.joints, batch_dims=1)
    on_plane = tf.einsum("bni,bi->bn", points, own.normal) - own.offsets
    apart = points[:, 0] - points[:, 1]
    length = tf.sqrt(tf.reduce_sum(apart * apart, axis=-1) + 1e-8)
    turned = _LENGTH * (apart / length[:, None] - own.normal)
    found = [
      own.counts * on_plane,
      points[:, 0] - own.place,
      (length - own.distance)[:, None],
      turned,
    ]
    kinds = tf.unstack(own.kind, axis=-1)
    weighted = [k[:, None] * r for k, r in zip(kinds, found, strict=True)]
    return tf.sqrt(own.weight)[:, None] * tf.concat(weighted, axis=-1)

  return Term("random", residuals)


def distance(drawn: RandomTerms, body: BodyOutput) -> tf.Tensor:
  """How far bodies are from their terms, `[B]` metres; 0 without one."""
  square = as_term(drawn).value(body)
  scale = tf.math.divide_no_nan(1.0, drawn.weight)
  there = tf.cast(drawn.weight > 0.0, tf.float32)
  return there * tf.sqrt(square * scale + 1e-8)
