"""A body made as tall as its person is known to be, seen as before.

Whoever is k times as tall stands k times as far away. The shape space does not
hold every body scaled as a whole (tall people have other proportions), so the
shape with the given stature that is nearest under the prior is sought together
with a small change of the pose that leaves the picture of the keypoints as it
was: with pi the projection and p the keypoints of a state,

  minimise |pi(p(s')) - pi(p(s))|^2 / sigma^2 + |s' - s|^2 / tau^2
  subject to stature(s') = h and depth' = k depth

by Gauss-Newton steps with the constraint as a Lagrange multiplier; derivatives
are differences, as one batch of the body model.
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
  height: float,
) -> HumanState:
  """The state of a person whose stature is known.

  Args:
    body_model: of the state.
    state: as estimated, fields without a batch axis, numpy.
    intrinsics: of the photo, fields `[2]`, pixels.
    height: stature, metres.

  Returns:
    The state, numpy, whose body in a T-pose is as high as `height`, whose depth
    is that of `state` times the ratio of the statures, and whose keypoints are
    seen where they were, as nearly as a body of this stature allows.
  """
  ratio = height / stature(body_model, state.shape[None])[0]
  start = state._replace(translation=ratio * state.translation)
  pixel = state.translation[2] / np.asarray(intrinsics.focal) / _SIGMA
  seen = _picture(body_model, _repeated(state, 1), intrinsics)
  change = np.zeros([_SIZE])
  for _ in range(_ITERATIONS):
    tried = change + _STEP * np.vstack([np.zeros(_SIZE), np.eye(_SIZE)])
    states = _changed(start, tried)
    moved = _picture(body_model, states, intrinsics) - seen
    missed = (pixel * moved).reshape(len(moved), -1)
    jacobian = (missed[1:] - missed[0]).T / _STEP
    tall, slope = _stature_slope(body_model, states.shape)
    hessian = jacobian.T @ jacobian + np.diag(1.0 / _TAU**2)
    gradient = jacobian.T @ missed[0] + change / _TAU**2
    system = np.block([[hessian, slope[:, None]], [slope, np.zeros([1])]])
    right = np.concatenate([-gradient, [height - tall]])
    change = change + np.linalg.solve(system, right)[:-1]
  return _exactly(body_model, _row(_changed(start, change[None])), height)


def _exactly(
  body_model: BodyModel, state: HumanState, height: float
) -> HumanState:
  """The shape taken to the stature by Newton's steps of least norm."""
  shape = state.shape.astype(np.float64)
  for _ in range(_LAST_ITERATIONS):
    tried = shape + _STEP * np.vstack([np.zeros(SHAPE_DIM), np.eye(SHAPE_DIM)])
    tall = stature(body_model, tried)
    slope = (tall[1:] - tall[0]) / _STEP
    shape = shape + slope * (height - tall[0]) / (slope @ slope)
  return state._replace(shape=shape.astype(np.float32))


def _stature_slope(
  body_model: BodyModel, shapes: np.ndarray
) -> tuple[float, np.ndarray]:
  """The stature of the first state, and its derivatives `[_SIZE]`."""
  tall = stature(body_model, np.vstack([shapes[:1], shapes[1:][_SHAPE]]))
  slope = np.zeros([_SIZE])
  slope[_SHAPE] = (tall[1:] - tall[0]) / _STEP
  return tall[0], slope


def _picture(
  body_model: BodyModel, states: HumanState, intrinsics: Intrinsics
) -> np.ndarray:
  """The body's 25 keypoints as seen: `[N, 25, 2]` pixels, float64."""
  points = body_model.decode(states, _MESH).keypoints[:, keypoints.BODY]
  return camera.project(points, intrinsics).numpy().astype(np.float64)


def _changed(state: HumanState, changes: np.ndarray) -> HumanState:
  """A state changed in N ways `[N, _SIZE]`: `[N, ...]`."""
  changes = changes.astype(np.float32)
  many = _repeated(state, len(changes))
  turned = rotation.from_rotation_vector(changes[:, _TURN]) @ rotation.from_6d(
    tf.constant(many.rotation)
  )
  return many._replace(
    body_pose=many.body_pose + changes[:, _POSE],
    shape=many.shape + changes[:, _SHAPE],
    rotation=rotation.to_6d(turned).numpy(),
    translation=many.translation
    + np.pad(changes[:, _ACROSS], [(0, 0), (0, 1)]),
  )


def _repeated(state: HumanState, count: int) -> HumanState:
  fields = (np.asarray(field, np.float32) for field in state)
  return HumanState(*(np.repeat(f[None], count, axis=0) for f in fields))


def _row(states: HumanState) -> HumanState:
  return HumanState(*(field[0] for field in states))
