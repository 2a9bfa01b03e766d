"""Anatomical limits, and the bounded joint angles that the pose priors use.

Every joint has three angles in a frame of its own: a *twist* about its bone,
and the two components of the *swing* rotation vector that turns the bone,
R = exp(swing) exp(twist). The two are singular only for a swing of 180
degrees, which no limit allows, so there is no gimbal lock. Angles are named by
axis: for a joint whose bone lies along x, `x` is the twist and (y, z) the
swing. Right joints use the mirror image of the left ones' angles.

Zero pose: T-pose with world-aligned frames (x = subject's left, y up, z
forward), so hip flexion is -x, knee +x, left elbow -y, left fingers -z.
"""

import math
from typing import NamedTuple

import numpy as np

from hund_tf.body import skeleton
from hund_tf.compat import tf
from hund_tf.geometry import rotation

_X, _Y = 0, 1
# Joint role -> (twist axis, (low, high) degrees of x, y, z). The elbow and the
# knee are hinges of 0-150 degrees with a little slack; so are the fingers.
_TABLE = {
  "hip": (_Y, (-140, 50), (-70, 70), (-50, 90)),
  "knee": (_Y, (-10, 155), (-20, 20), (-12, 12)),
  "ankle": (_Y, (-55, 60), (-45, 45), (-40, 40)),
  "ball": (_Y, (-65, 65), (-12, 12), (-12, 12)),
  "spine1": (_Y, (-35, 75), (-35, 35), (-35, 35)),
  "spine2": (_Y, (-20, 30), (-25, 25), (-20, 20)),
  "spine3": (_Y, (-20, 30), (-25, 25), (-20, 20)),
  "spine4": (_Y, (-40, 30), (-25, 25), (-30, 30)),
  "neck1": (_Y, (-35, 55), (-45, 45), (-40, 40)),
  "neck2": (_Y, (-60, 45), (-45, 45), (-40, 40)),
  "head": (_Y, (-40, 40), (-45, 45), (-40, 40)),
  "clavicle": (_X, (-15, 15), (-30, 30), (-20, 40)),
  "shoulder": (_X, (-130, 110), (-135, 75), (-115, 110)),
  "elbow": (_X, (-20, 20), (-155, 10), (-15, 15)),
  "wrist": (_X, (-115, 130), (-65, 65), (-85, 85)),
  # Thumb: angles about its own axes (below): x twist, y abduction, z flexion.
  "thumb1": (_X, (-35, 35), (-35, 35), (-50, 35)),
  "thumb2": (_X, (-12, 12), (-15, 15), (-70, 20)),
  "thumb3": (_X, (-10, 10), (-10, 10), (-90, 25)),
  "finger1": (_X, (-12, 12), (-25, 25), (-92, 20)),
  "finger2": (_X, (-5, 5), (-5, 5), (-108, 5)),
  "finger3": (_X, (-5, 5), (-5, 5), (-80, 8)),
}
# The thumb's own frame: bone direction, and the flexion axis that closes it
# over the palm, as columns (x', y', z') in the zero pose, left hand.
_THUMB_BONE = (0.60, -0.48, 0.62)
_THUMB_FLEXION = (-0.58, -0.82, -0.06)  # z', before orthonormalisation


class JointAngles(NamedTuple):
  """Constants of a group of J joints; angles are `[..., J, 3]` radians."""

  frames: np.ndarray  # [J, 3, 3] joint axes as columns, body frame
  twist: np.ndarray  # [J, 3] one at the twist axis, zero elsewhere
  lower: np.ndarray  # [J, 3] radians
  upper: np.ndarray  # [J, 3] radians


def _role(name: str) -> str:
  """Row of the table for a joint's name."""
  part = name.removeprefix("l_").removeprefix("r_")
  if part in _TABLE:
    return part
  return "finger" + part[-1]


def _frame(name: str) -> np.ndarray:
  """Axes of a joint's angles `[3, 3]`; mirrored for the right side.

  A mirrored rotation S R S, S = diag(-1, 1, 1), turns by the same angle about
  -S axis, so the right frame is -S F: equal angles are mirror images.
  """
  frame = np.eye(3)
  if "thumb" in name:
    bone = np.asarray(_THUMB_BONE) / np.linalg.norm(_THUMB_BONE)
    flexion = np.asarray(_THUMB_FLEXION)
    flexion = flexion - bone * (flexion @ bone)
    flexion /= np.linalg.norm(flexion)
    frame = np.stack([bone, np.cross(flexion, bone), flexion], axis=-1)
  if name.startswith("r_"):
    frame = np.diag([1.0, -1.0, -1.0]) @ frame
  return frame


def joint_angles(names: tuple[str, ...]) -> JointAngles:
  """The angle convention and limits of the joints `names`, float32."""
  rows = [_TABLE[_role(name)] for name in names]
  limits = np.radians([row[1:] for row in rows])
  return JointAngles(
    frames=np.stack([_frame(name) for name in names]).astype(np.float32),
    twist=np.eye(3, dtype=np.float32)[[row[0] for row in rows]],
    lower=limits[..., 0].astype(np.float32),
    upper=limits[..., 1].astype(np.float32),
  )


BODY = joint_angles(skeleton.BODY_JOINTS)
LEFT_HAND = joint_angles(skeleton.LEFT_HAND_JOINTS)
RIGHT_HAND = joint_angles(skeleton.RIGHT_HAND_JOINTS)


def to_rotations(angles: tf.Tensor, joints: JointAngles) -> tf.Tensor:
  """Rotation matrices `[..., J, 3, 3]` of angles `[..., J, 3]` in radians."""
  swing = angles * (1.0 - joints.twist)
  twist = angles * joints.twist
  frames = tf.convert_to_tensor(joints.frames)
  swing = tf.einsum("jik,...jk->...ji", frames, swing)
  twist = tf.einsum("jik,...jk->...ji", frames, twist)
  return tf.linalg.matmul(
    rotation.from_rotation_vector(swing), rotation.from_rotation_vector(twist)
  )


def turns(angles: tf.Tensor, joints: JointAngles) -> tf.Tensor:
  """How the rotations of `to_rotations` turn with the angles.

  Returns:
    `[..., J, 3, 3]`: in its columns rotation vectors, in the parent's frame, by
    each of the three angles `[..., J, 3]`.
  """
  frames = tf.convert_to_tensor(joints.frames)
  swing = tf.linalg.matvec(frames, angles * (1.0 - joints.twist))
  by_swing = tf.matmul(rotation.left_jacobian(swing), frames)
  by_twist = tf.matmul(rotation.from_rotation_vector(swing), frames)
  is_twist = joints.twist[:, None, :] > 0.0
  return tf.where(is_twist, by_twist, by_swing)


def from_rotations(matrices: tf.Tensor, joints: JointAngles) -> tf.Tensor:
  """Angles `[..., J, 3]` in radians of rotations `[..., J, 3, 3]`.

  The swing is the smallest rotation from the bone's direction e to R e; the
  twist is what remains, exp(twist) = exp(swing)^T R. Twists lie in (-pi, pi].
  """
  frames = tf.convert_to_tensor(joints.frames)
  local = tf.einsum("jia,...jik,jkb->...jab", frames, matrices, frames)
  axis = tf.convert_to_tensor(joints.twist)
  bone = tf.linalg.matvec(local, tf.broadcast_to(axis, tf.shape(local)[:-1]))
  normal = tf.linalg.cross(tf.broadcast_to(axis, tf.shape(bone)), bone)
  sine = tf.sqrt(tf.reduce_sum(normal * normal, -1, keepdims=True) + 1e-14)
  cosine = tf.reduce_sum(bone * axis, -1, keepdims=True)
  swing = normal * (tf.atan2(sine, cosine) / sine)
  rest = tf.linalg.matmul(
    rotation.from_rotation_vector(swing), local, transpose_a=True
  )
  skew = tf.stack(
    [
      rest[..., 2, 1] - rest[..., 1, 2],
      rest[..., 0, 2] - rest[..., 2, 0],
      rest[..., 1, 0] - rest[..., 0, 1],
    ],
    axis=-1,
  )
  double_sine = tf.reduce_sum(skew * axis, -1, keepdims=True)
  double_cosine = tf.linalg.trace(rest)[..., tf.newaxis] - 1.0
  return swing + axis * tf.atan2(double_sine, double_cosine)


# Angles nearer to a limit than this share of half the range are clipped.
_MARGIN = 5e-5


def squash(unbounded: tf.Tensor, joints: JointAngles) -> tf.Tensor:
  """Angles strictly inside the limits, from any real numbers `[..., J, 3]`."""
  middle = 0.5 * (joints.upper + joints.lower)
  half = 0.5 * (joints.upper - joints.lower)
  return middle + half * tf.tanh(unbounded)


def squash_slopes(unbounded: tf.Tensor, joints: JointAngles) -> tf.Tensor:
  """Derivatives of `squash` by its inputs, elementwise `[..., J, 3]`."""
  half = 0.5 * (joints.upper - joints.lower)
  return half * (1.0 - tf.tanh(unbounded) ** 2)


def unsquash(angles: tf.Tensor, joints: JointAngles) -> tf.Tensor:
  """Inverse of `squash`; angles outside are first clipped to the limits."""
  middle = 0.5 * (joints.upper + joints.lower)
  half = 0.5 * (joints.upper - joints.lower)
  bound = 1.0 - _MARGIN
  ratio = tf.clip_by_value((angles - middle) / half, -bound, bound)
  return tf.atanh(ratio)


def inside(angles: np.ndarray, joints: JointAngles) -> np.ndarray:
  """Whether all angles `[..., J, 3]` are within the limits, `[...]` bool."""
  ok = (angles > joints.lower) & (angles < joints.upper)
  return np.all(ok, axis=(-2, -1))


def max_swing() -> float:
  """Largest swing in radians that any limits allow (must stay below pi)."""
  largest = 0.0
  for twist, *limits in _TABLE.values():
    corner = [max(abs(a), abs(b)) for a, b in limits]
    corner[twist] = 0
    largest = max(largest, math.hypot(*corner))
  return math.radians(largest)
