"""A body made as tall as its person is known to be, seen as before.

Whoever is k times as tall stands k times as far away. The shape space does not
hold every body scaled as a whole (tall people have other proportions), so the
shape with the given stature that is nearest under the prior is sought together
with a small change of the pose that leaves the picture of the keypoints as it
was: with pi the projection and p the keypoints of a state,

  minimise |pi(p(s')) - pi(p(s))|^2 / sigma^2 + |s' - s|^2 / tau^2
  subject to stature(s') = h and depth' = k depth

by Gauss-Newton steps with the constraint as a Lagrange multiplier; derivatives
are differences, as one batch of the body model. Linear equations are solved in
float64.
"""

import numpy as np

from hund_tf.body import keypoints
from hund_tf.body.measures import stature
from hund_tf.body.model import BodyModel
from hund_tf.compat import tf
from hund_tf.geometry import camera, rotation
from hund_tf.types import (
  BODY_POSE_DIM,
  SHAPE_DIM,
  HumanState,
  Intrinsics,
)

_MESH = "proxy_1500"  # keypoints do not depend on it
_ITERATIONS, _LAST_ITERATIONS = 4, 3
_SIGMA = 0.003  # of the keypoints' picture, metres at the person's depth
_STEP = 0.01  # of differences
# What changes: pose latents, shape latents, a turn of the root in the camera
# frame, and where the pelvis is across the line of sight; and by how much.
_POSE, _SHAPE = slice(0, BODY_POSE_DIM), slice(BODY_POSE_DIM, -5)
_TURN, _ACROSS = slice(-5, -2), slice(-2, None)
_SIZE = BODY_POSE_DIM + SHAPE_DIM + 5
_TAU = np.concatenate(
  [
    np.full([BODY_POSE_DIM], 0.1),
    np.full([SHAPE_DIM], 1.0),
    np.full([3], 0.05),
    np.full([2], 0.1),
  ]
)


def with_stature(
  body_model: BodyModel,
  state: HumanState,
  intrinsics: Intrinsics,
  height: float | tf.Tensor,
) -> HumanState:
  """The state of a person whose stature is known.

  Args:
    body_model: of the state.
    state: as estimated, fields without a batch axis.
    intrinsics: of the photo, fields `[2]`, pixels.
    height: stature, metres.

  Returns:
    The state whose body in a T-pose is as high as `height`, whose depth is that
    of `state` times the ratio of the statures, and whose keypoints are seen
    where they were, as nearly as a body of this stature allows.
  """
  state = HumanState(*(tf.cast(field, tf.float32) for field in state))
  height = tf.cast(height, tf.float64)
  ratio = height / stature(body_model, state.shape[None])[0]
  start = state._replace(
    translation=tf.cast(ratio, tf.float32) * state.translation
  )
  pixel = state.translation[2] / tf.cast(intrinsics.focal, tf.float32)
  pixel = tf.cast(pixel, tf.float64) / _SIGMA
  seen = _picture(body_model, _repeated(state, 1), intrinsics)

  def improved(i: tf.Tensor, change: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    states = _changed(start, change + _STEP * np.eye(_SIZE + 1, _SIZE, -1))
    moved = _picture(body_model, states, intrinsics) - seen
    missed = tf.reshape(pixel * moved, [_SIZE + 1, -1])
    jacobian = (missed[1:] - missed[0]) / _STEP  # [_SIZE, 50]
    tall, slope = _stature_slope(body_model, states.shape)
    hessian = tf.matmul(jacobian, jacobian, transpose_b=True)
    hessian += np.diag(1.0 / _TAU**2)
    gradient = tf.linalg.matvec(jacobian, missed[0]) + change / _TAU**2
    upper = tf.concat([hessian, slope[:, None]], axis=1)
    lower = tf.pad(slope, [[0, 1]])[None]
    system = tf.concat([upper, lower], axis=0)
    right = tf.concat([-gradient, (height - tall)[None]], axis=0)
    return i + 1, change + tf.linalg.solve(system, right[:, None])[:-1, 0]

  _, change = tf.while_loop(
    lambda i, _: i < _ITERATIONS,
    improved,
    (tf.constant(0), tf.zeros([_SIZE], tf.float64)),
  )
  found = _row(_changed(start, change[None]))
  return _exactly(body_model, found, height)


def _exactly(
  body_model: BodyModel, state: HumanState, height: tf.Tensor
) -> HumanState:
  shape = shape_with_stature(body_model, state.shape, height)
  return state._replace(shape=shape)


def shape_with_stature(
  body_model: BodyModel, shape: tf.Tensor, height: float | tf.Tensor
) -> tf.Tensor:
  """A shape `[16]` taken to a stature by Newton's steps of least norm.

  Args:
    body_model: of the shape.
    shape: `[16]` latents.
    height: stature, metres.
  """
  height = tf.cast(height, tf.float64)

  def nearer(i: tf.Tensor, shape: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    tried = shape + _STEP * np.eye(SHAPE_DIM + 1, SHAPE_DIM, -1)
    tall = stature(body_model, tried)
    slope = (tall[1:] - tall[0]) / _STEP
    missed = height - tall[0]
    return i + 1, shape + slope * missed / tf.reduce_sum(slope * slope)

  _, shape = tf.while_loop(
    lambda i, _: i < _LAST_ITERATIONS,
    nearer,
    (tf.constant(0), tf.cast(shape, tf.float64)),
  )
  return tf.cast(shape, tf.float32)


def _stature_slope(
  body_model: BodyModel, shapes: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
  """The stature of the first state, and its derivatives `[_SIZE]`."""
  tried = tf.concat([shapes[:1], shapes[1:][_SHAPE]], axis=0)
  tall = stature(body_model, tried)
  slope = (tall[1:] - tall[0]) / _STEP
  return tall[0], tf.pad(slope, [[BODY_POSE_DIM, 5]])


def _picture(
  body_model: BodyModel, states: HumanState, intrinsics: Intrinsics
) -> tf.Tensor:
  """The body's 25 keypoints as seen: `[N, 25, 2]` pixels, float64."""
  points = body_model.decode(states, _MESH).keypoints[:, keypoints.BODY]
  return tf.cast(camera.project(points, intrinsics), tf.float64)


def _changed(state: HumanState, changes: tf.Tensor) -> HumanState:
  """A state changed in N ways `[N, _SIZE]`: `[N, ...]`."""
  changes = tf.cast(changes, tf.float32)
  many = _repeated(state, changes.shape[0])
  turned = tf.matmul(
    rotation.from_rotation_vector(changes[:, _TURN]),
    rotation.from_6d(many.rotation),
  )
  return many._replace(
    body_pose=many.body_pose + changes[:, _POSE],
    shape=many.shape + changes[:, _SHAPE],
    rotation=rotation.to_6d(turned),
    translation=many.translation
    + tf.pad(changes[:, _ACROSS], [[0, 0], [0, 1]]),
  )


def _repeated(state: HumanState, count: int) -> HumanState:
  return HumanState(*(tf.repeat(f[None], count, axis=0) for f in state))


def _row(states: HumanState) -> HumanState:
  return HumanState(*(field[0] for field in states))
