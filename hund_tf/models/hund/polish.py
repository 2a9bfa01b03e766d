"""The anchored polish: a Gauss-Newton fit that stays near the descent's end.

The last state s_M of a descent is the network's mean guess; what is seen of a
person says more where it is exact. From s_M, with pi the projection, two steps
go down

  sum_k w_k rho(|pi(J_k(s)) - j_k|^2 / sigma^2)
    + sum_i u_i rho((n_i . pi(V_i(s)) - b_i)^2 / eta^2)
    + sum_k v_k rho(|L_k(s) - l_k|^2 / tau^2) + (s - s_M)^T Lambda (s - s_M)

over keypoints j_k of weights w_k, borders b_i of the mask beside points V_i of
the skin along normals n_i (`outline`; from the second step on, when limbs are
where they are seen), and 3D landmarks l_k of weights v_k, these up to a scale.
Lambda is the inverse covariance of (truth - s_M) on examples, so that what is
known badly moves most, and depth is not given away for the picture.
rho(x) = c^2 log(1 + x / c^2) hardly hears what is far off. A descent that reads
3D landmarks has heard them, and its errors are theirs: they would count twice,
and are left out.

Steps are in the latents of body pose and shape, a turn of the root in the
camera frame, and the placement (u, v, w): 91 numbers, by the 25 keypoints of
the body. Fingers and faces keep what the descent made of them, which points of
theirs in the picture hardly tell better.
"""

import numpy as np

from hund_tf.body import keypoints as keypoint_table
from hund_tf.body import skeleton
from hund_tf.body.model import BodyModel
from hund_tf.body.points import (
  BODY_STEP,
  STEP_SIZE,
  PointModel,
  PointSet,
  keypoint_set,
)
from hund_tf.compat import tf
from hund_tf.models.compilation import compiled
from hund_tf.models.hund import outline
from hund_tf.models.hund.polish_anchor import Anchor
from hund_tf.models.hund.polish_rows import (
  Posed,
  Rows,
  Seen,
  keypoint_rows,
  known_share,
  landmark_rows,
  outline_rows,
  placed,
)
from hund_tf.models.hund.polish_steps import stepped
from hund_tf.models.hund.polish_wishes import Held
from hund_tf.types import (
  NUM_JOINTS,
  HumanState,
  Intrinsics,
)

NUM_STEPS = 2
_OTHERS = np.setdiff1d(np.arange(STEP_SIZE), BODY_STEP)  # fingers and face
_PELVIS = skeleton.INDEX["pelvis"]
_MM = 1e3


class Polish:
  """Fits the ends of descents to what is seen."""

  def __init__(
    self,
    body_model: BodyModel,
    anchor: Anchor,
    jit_compile: bool = False,
    whole: bool = False,
  ):
    """Prepares the derivatives of the body's keypoints and joints.

    Args:
      body_model: of the states.
      anchor: Lambda, and how far what is seen is trusted.
      jit_compile: XLA for all but the solution of the linear equations, which
        it is slow at.
      whole: fingers and face are moved too.
    """
    self.anchor = anchor
    self._numbers = np.arange(STEP_SIZE) if whole else BODY_STEP
    self._precisions = anchor.precisions(self._numbers)
    rows = slice(None) if whole else keypoint_table.BODY
    points = keypoint_set(body_model, rows)
    self._keypoints = PointModel(body_model, points, not whole)
    self._skin = None
    if anchor.outline[0] > 0.0:
      points = outline.section_points(body_model)
      self._skin = PointModel(body_model, points, not whole)
    joints = PointSet(
      np.zeros([0], np.int32), np.zeros([0, 3]), None, np.zeros([NUM_JOINTS])
    )
    self._joints = PointModel(body_model, joints)
    self._begin = compiled(self._first_equations, jit_compile)
    self._further = compiled(self._next_equations, jit_compile)
    self._end = compiled(_finished, jit_compile)
    self._known = compiled(self._posterior_parts, jit_compile)

  def __call__(
    self, state: HumanState, seen: Seen, intrinsics: Intrinsics
  ) -> HumanState:
    """The polished states.

    Args:
      state: s_M, fields `[B, ...]`.
      seen: of the same people.
      intrinsics: of the crops (C_c), fields `[B, 2]`, crop pixels.

    Returns:
      States `[B, ...]`; a person whose fit is not finite keeps s_M.
    """
    precision, *equations = self._begin(state, seen, intrinsics)
    step = solved(*equations)
    polished, change = state, step
    for _ in range(NUM_STEPS - 1):
      polished, *equations = self._further(
        polished, change, step, seen, precision, intrinsics
      )
      change = solved(*equations)
      step += change
    return self._end(state, polished, change, intrinsics)

  def uncertainty(
    self, state: HumanState, seen: Seen, intrinsics: Intrinsics
  ) -> tf.Tensor:
    """Expected errors of the joints, `[B, 63]` millimetres.

    Of the distance to the truth with the pelvises together, by the posterior
    covariance (J^T W J + Lambda)^-1, that of the anchor for the fingers, and a
    factor that makes it right on examples.

    Args:
      state: polished.
      seen: of the same people.
      intrinsics: of the crops, fields `[B, 2]`, crop pixels.
    """
    hessian, rows, kept = self._known(state, seen, intrinsics)
    factor = tf.linalg.cholesky(hessian)
    spread = tf.linalg.triangular_solve(
      factor, tf.linalg.matrix_transpose(rows)
    )
    variance = tf.reduce_sum(spread * spread, axis=1) + kept
    variance = tf.reduce_sum(tf.reshape(variance, [-1, NUM_JOINTS, 3]), axis=-1)
    return _MM * self.anchor.uncertainty_scale * tf.sqrt(variance)

  def _posterior_parts(self, state, seen, intrinsics):
    """Half the Hessian, joints' slopes `[B, 189, 91]`, the rest's variances."""
    _, hessian, _ = self._first_equations(state, seen, intrinsics)
    slopes = placed(self._joints(state), state, intrinsics).slopes
    slopes -= slopes[:, _PELVIS : _PELVIS + 1]
    slopes = tf.reshape(slopes, [-1, NUM_JOINTS * 3, STEP_SIZE])
    others = tf.gather(slopes, _OTHERS, axis=-1)
    covariances = self.anchor.covariances[:, _OTHERS[:, None], _OTHERS]
    spread = tf.gather(covariances, self._bins(seen))
    kept = tf.reduce_sum(tf.matmul(others, spread) * others, axis=-1)
    return hessian, tf.gather(slopes, BODY_STEP, axis=-1), kept

  def _bins(self, seen: Seen) -> tf.Tensor:
    """Covariance `[B]` int32 of people of whom so much is known."""
    above = known_share(seen)[:, None] > self.anchor.edges
    return tf.reduce_sum(tf.cast(above, tf.int32), axis=-1)

  def _first_equations(self, state, seen, intrinsics):
    """Lambda `[B, 91, 91]`, and the equations at s_M."""
    precision = tf.gather(self._precisions, self._bins(seen))
    still = tf.zeros_like(precision[:, 0])
    return precision, *self._normal_equations(
      state, still, seen, precision, intrinsics
    )

  def _next_equations(self, state, change, step, seen, precision, intrinsics):
    """The state moved by a change, and the equations there."""
    moved = stepped(state, change, intrinsics)
    return moved, *self._normal_equations(
      moved, step, seen, precision, intrinsics, self._skin
    )

  def _normal_equations(
    self,
    state: HumanState,
    step: tf.Tensor,
    seen: Seen,
    precision: tf.Tensor,
    intrinsics: Intrinsics,
    skin: PointModel | None = None,
    held: Held | None = None,
    fits: tf.Tensor | float = 1.0,
  ) -> tuple[tf.Tensor, tf.Tensor]:
    """Half the Hessian `[B, D, D]` and half the gradient `[B, D]`.

    Args:
      state: where the derivatives are taken.
      step: from s_M to there.
      seen: of the people.
      precision: Lambda.
      intrinsics: of the crops.
      skin: the section points, if the outline counts.
      held: what somebody says of the people.
      fits: 1 where terms count, else 0.
    """
    every = placed(self._keypoints(state), state, intrinsics)
    posed = Posed(*(x[:, keypoint_table.BODY] for x in every))
    parts = [keypoint_rows(posed, seen, intrinsics, self.anchor)]
    parts += self._asked_rows(every, state, intrinsics, held, fits)
    if self.anchor.landmarks[0] > 0.0:
      parts.append(landmark_rows(posed, seen.evidence, self.anchor))
    if skin is not None:
      on_skin = placed(skin(state), state, intrinsics)
      parts.append(outline_rows(on_skin, posed, seen, intrinsics, self.anchor))
    number = len(self._numbers)
    rows, pulled, errors = [], [], []
    for error, slopes, weights in parts:
      size = error.shape[1] * error.shape[2]
      rows.append(tf.reshape(slopes, [-1, size, number]))
      weighted = slopes * weights[..., None, None]
      pulled.append(tf.reshape(weighted, [-1, size, number]))
      errors.append(tf.reshape(error, [-1, size, 1]))
    pulled = tf.concat(pulled, axis=1)
    hessian = tf.matmul(pulled, tf.concat(rows, axis=1), transpose_a=True)
    gradient = tf.matmul(pulled, tf.concat(errors, axis=1), transpose_a=True)
    gradient = gradient[..., 0] + tf.linalg.matvec(precision, step)
    return hessian + precision, gradient

  def _asked_rows(
    self,
    posed: Posed,
    state: HumanState,
    intrinsics: Intrinsics,
    held: Held | None,
    fits: tf.Tensor | float,
  ) -> list[Rows]:
    """Those of what somebody asks for: nothing here, see `AskedPolish`."""
    del posed, state, intrinsics, held, fits
    return []


def solved(hessian: tf.Tensor, gradient: tf.Tensor) -> tf.Tensor:
  """The change `[B, 91]` of a Gauss-Newton step."""
  factor = tf.linalg.cholesky(hessian)
  return -tf.linalg.cholesky_solve(factor, gradient[..., None])[..., 0]


def _finished(
  start: HumanState,
  state: HumanState,
  change: tf.Tensor,
  intrinsics: Intrinsics,
) -> HumanState:
  """States moved by a last change; where that is not finite, the start."""
  finite = tf.reduce_all(tf.math.is_finite(change), axis=-1, keepdims=True)
  return tf.nest.map_structure(
    lambda new, old: tf.where(finite, new, old),
    stepped(state, change, intrinsics),
    start,
  )
