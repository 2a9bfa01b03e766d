"""The polish of people whom terms relate: all of them as one system.

The equations of each person, H_i d_i = -g_i, are the diagonal blocks of one
system; a residual r of the persons i and j adds J^T J and J^T r, with its
derivatives J by the numbers of both. Who is known less well moves more. Here
H_i is taken at the end of a person's polish, and g_i = H_i s_i of the step s_i
from there.
"""

from collections.abc import Callable, Sequence

import numpy as np
import scipy.linalg

from hund_tf.body.points import BODY_STEP
from hund_tf.compat import tf
from hund_tf.losses.pair_terms import PairTerm
from hund_tf.models.hund.polish_steps import stepped
from hund_tf.types import BodyOutput, HumanState, Intrinsics

# Terms, and the numbers of the people that each relates.
Relations = Sequence[tuple[PairTerm, Sequence[tuple[int, int]]]]
_SIZE = len(BODY_STEP)  # numbers that terms move; fingers and face stay
_APART = np.linspace(-4.0, 4.0, 17)  # standard deviations that are tried
DIFFERENCE = 2e-3  # of a step's numbers


def first_steps(
  relations: Relations,
  decode: Callable[[HumanState], BodyOutput],
  state: HumanState,
  intrinsics: Intrinsics,
  hessian: tf.Tensor,
) -> tf.Tensor:
  """Where to begin: pairs as far apart in depth as is best.

  Depth is what is known worst, and the slopes of bodies that are in each other
  side by side do not tell that one of them may be behind. The people of each
  pair in turn are tried some standard deviations apart, each with its share of
  these and with what goes with a depth of a person.

  Args:
    relations: of B people.
    decode: gives the bodies of states `[N, ...]`.
    state: of them, polished.
    intrinsics: of their crops, fields `[B, 2]`, crop pixels.
    hessian: half those of each person, `[B, 201, 201]`.

  Returns:
    Steps `[B, 201]`.
  """
  hessian = np.asarray(hessian, np.float64)
  deeper = np.linalg.inv(hessian)[..., -1]
  deviation = np.sqrt(deeper[:, -1])
  deeper /= deviation[:, None]  # one standard deviation of w, and the rest
  metres = deviation * np.asarray(state.translation)[:, 2]
  steps = np.zeros_like(deeper)
  every = (tuple(sorted(pair)) for _, pairs in relations for pair in pairs)
  for i, j in dict.fromkeys(every):
    shares = np.array([metres[i], -metres[j]]) / np.hypot(metres[i], metres[j])
    tried, total = [], np.zeros(len(_APART))
    for person, share in zip((i, j), shares, strict=True):
      tries = steps[person] + share * _APART[:, None] * deeper[person]
      total += np.einsum("ti,ij,tj->t", tries, hessian[person], tries)
      tried.append(tries)
    bodies = {
      person: decode(_stepped(state, intrinsics, person, tries))
      for person, tries in zip((i, j), tried, strict=True)
    }
    for term, pairs in relations:
      for a, b in pairs:
        if {a, b} == {i, j}:
          found = term.residuals(bodies[a], bodies[b])
          total += np.sum(np.square(found), axis=-1)
    best = np.argmin(total)
    steps[i], steps[j] = tried[0][best], tried[1][best]
  return tf.constant(steps, tf.float32)


def _stepped(state, intrinsics, person: int, steps: np.ndarray) -> HumanState:
  """A person's state moved by steps `[T, 201]`."""
  many = lambda x: tf.repeat(x[person : person + 1], len(steps), axis=0)
  return stepped(
    tf.nest.map_structure(many, state),
    tf.constant(steps, tf.float32),
    tf.nest.map_structure(many, intrinsics),
  )


def tried_bodies(
  decode: Callable[[HumanState], BodyOutput],
  state: HumanState,
  intrinsics: Intrinsics,
) -> BodyOutput:
  """Bodies of people as they are, and moved by each number of a step.

  Args:
    decode: gives the bodies of states `[N, ...]`.
    state: of B people.
    intrinsics: of their crops, fields `[B, 2]`, crop pixels.

  Returns:
    Fields `[B, 92, ...]`.
  """
  tries = np.vstack([np.zeros(_SIZE), DIFFERENCE * np.eye(_SIZE)])
  people = tf.shape(state.shape)[0]
  repeated = lambda x: tf.repeat(x, _SIZE + 1, axis=0)
  tried = stepped(
    tf.nest.map_structure(repeated, state),
    tf.tile(tf.constant(tries, tf.float32), [people, 1]),
    tf.nest.map_structure(repeated, intrinsics),
  )
  return tf.nest.map_structure(
    lambda x: tf.reshape(x, [-1, _SIZE + 1, *x.shape[1:]]), decode(tried)
  )


def pair_rows(
  term: PairTerm, first: BodyOutput, second: BodyOutput
) -> tuple[np.ndarray, np.ndarray]:
  """Residuals `[R]` of a pair, and their derivatives `[R, 2, 91]`.

  The derivatives are differences by the numbers of the first person and by
  those of the second.

  Args:
    term: that relates them.
    first: of `tried_bodies`, fields `[92, ...]`.
    second: likewise.

  Raises:
    ValueError: if the term does not give residuals, or they are not finite.
  """
  still = lambda body: tf.nest.map_structure(
    lambda x: tf.repeat(x[:1], _SIZE + 1, axis=0), body
  )
  found = np.stack(
    [term.residuals(first, still(second)), term.residuals(still(first), second)]
  )
  if not np.isfinite(found).all():
    raise ValueError(f"term {term.name!r}: gives residuals that are not finite")
  slopes = (found[:, 1:] - found[:, :1]) / DIFFERENCE
  return found[0, 0], slopes.transpose(2, 0, 1)


def solved_together(
  relations: Relations,
  bodies: BodyOutput,
  hessian: tf.Tensor,
  gradient: tf.Tensor,
) -> tf.Tensor:
  """The changes `[B, 201]` of a Gauss-Newton step of related people.

  Args:
    relations: of the people.
    bodies: of `tried_bodies`.
    hessian: half those of each person, `[B, 201, 201]`.
    gradient: likewise, `[B, 201]`.
  """
  count, size = gradient.shape
  right = np.array(gradient, np.float64)
  blocks = np.zeros([count, count, size, size])
  blocks[np.arange(count), np.arange(count)] = hessian
  one = lambda i: tf.nest.map_structure(lambda x: x[i], bodies)
  for term, pairs in relations:
    for pair in pairs:
      error, slopes = pair_rows(term, *(one(i) for i in pair))
      slopes = np.asarray(slopes, np.float64)
      for a, i in enumerate(pair):
        right[i, BODY_STEP] += error @ slopes[:, a]
        for b, j in enumerate(pair):
          square = slopes[:, a].T @ slopes[:, b]
          blocks[i, j, BODY_STEP[:, None], BODY_STEP] += square
  whole = blocks.transpose(0, 2, 1, 3).reshape(count * size, count * size)
  factor = scipy.linalg.cho_factor(whole, lower=True, overwrite_a=True)
  change = -scipy.linalg.cho_solve(factor, right.ravel())
  return tf.constant(change.reshape(count, size), tf.float32)
