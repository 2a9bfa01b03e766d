"""Hands and faces put onto the body (Sec. 2.2, Fig. 2).

What passed the gates is taken over: fingers and expression as they are, the
face's rotation in the camera as that of the head against the neck, and the
hand's as that of the wrist against the forearm. Of that
rotation the twist about the forearm is shared by the joint half-way along it,
which is driven; beyond +-0.4 pi the elbow takes over as much of it as its
limits allow. The body's descent goes on from its last stage with the hand's
wrist and knuckles, and the face's nose and eyes, as keypoints.
"""

import dataclasses
import math
from collections.abc import Mapping

import numpy as np

from hund_tf.body import joint_limits, kinematics, skeleton
from hund_tf.body import keypoints as table
from hund_tf.body.model import BodyModel
from hund_tf.compat import tf
from hund_tf.geometry import camera, rotation
from hund_tf.losses.heatmaps import with_keypoints
from hund_tf.options import check, option
from hund_tf.reconstruction.attention import FACE, LEFT_HAND, ROWS
from hund_tf.reconstruction.part_gates import GateConfig
from hund_tf.types import (
  BodyOutput,
  FaceState,
  HandState,
  HumanState,
  ImageFeatures,
  Intrinsics,
)

TWIST_LIMIT = 0.4 * math.pi  # radians that a forearm twists by itself
# Wrist and knuckles among a hand's 21 keypoints; nose and pupils of a face.
STEERING = (0, 5, 9, 13, 17)
_FACE_STEERING = (30, 68, 69)
_HEAD, _NECK = skeleton.INDEX["head"], skeleton.INDEX["neck2"]
_NECK_BASE, _BACK = skeleton.INDEX["neck1"], skeleton.INDEX["spine4"]
_MIDDLE = slice(27, 48)  # nose and eyes among the face's keypoints
INNER_FACE = slice(17, 68)  # all but its contour and pupils
_MOST_BENT = 0.4  # radians
_MESH = "proxy_1500"  # joints and keypoints do not depend on it
_ELBOW = joint_limits.joint_angles(("l_elbow",))  # mirrored: the same twists
_INSIDE = 1e-3  # radians that the elbow keeps from its limits
_SHARE_OF_LIMITS = 0.99  # of the range of a joint that parts may turn it in


@dataclasses.dataclass(frozen=True)
class FusionConfig:
  """Which parts the body takes over, and how."""

  gates: GateConfig = GateConfig()
  resume_stages: int = option(
    0,
    "Stages that the body's descent goes on for once hands are found, before "
    "it is polished anew; more than it was trained for make joints worse.",
    low=0,
  )

  def __post_init__(self):
    check(self)


def global_rotations(rotations: tf.Tensor) -> tf.Tensor:
  """Joint-to-camera rotations `[B, 63, 3, 3]` of local ones, driven or not."""
  still = tf.zeros([tf.shape(rotations)[0], len(skeleton.NAMES), 3])
  return kinematics.global_transforms(rotations, still)[0]


def local_wrist(forearm: tf.Tensor, hand: tf.Tensor) -> tf.Tensor:
  """A hand's rotation against its forearm: forearm^T hand, `[B, 3, 3]`.

  Args:
    forearm: `[B, 3, 3]` of the elbow joint to the camera.
    hand: `[B, 3, 3]` of the wrist joint to the camera.
  """
  return tf.matmul(forearm, hand, transpose_a=True)


def twist_angle(rotations: tf.Tensor) -> tf.Tensor:
  """Angle `[...]` in (-pi, pi] of the twist of rotations about the x axis.

  The same for both orders of swing and twist.
  """
  sine = rotations[..., 2, 1] - rotations[..., 1, 2]
  return tf.atan2(sine, rotations[..., 1, 1] + rotations[..., 2, 2])


def shared_twist(
  elbow: tf.Tensor, wrist: tf.Tensor, limit: float = TWIST_LIMIT
) -> tf.Tensor:
  """Angle `[B]` by which the elbow is to twist in place of the wrist.

  It is what the wrist's twist exceeds the limit by, and at most what the elbow
  has left of its own.

  Args:
    elbow: `[B, 3, 3]` local rotations.
    wrist: `[B, 3, 3]` local rotations against the forearm.
    limit: of the forearm's twist, radians.
  """
  twist = twist_angle(wrist)
  excess = twist - tf.clip_by_value(twist, -limit, limit)
  own = twist_angle(elbow)
  low = float(_ELBOW.lower[0, 0]) + _INSIDE
  high = float(_ELBOW.upper[0, 0]) - _INSIDE
  return tf.clip_by_value(
    excess, tf.minimum(low - own, 0.0), tf.maximum(high - own, 0.0)
  )


def twisted(
  elbow: tf.Tensor, wrist: tf.Tensor, angle: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
  """Elbow and wrist `[B, 3, 3]`, with a twist moved from wrist to elbow.

  Their product, the hand's rotation, stays as it is.

  Args:
    elbow: local rotations.
    wrist: local rotations against the forearm.
    angle: `[B]` about the forearm, radians.
  """
  zero = tf.zeros_like(angle)
  turn = rotation.from_rotation_vector(tf.stack([angle, zero, zero], axis=-1))
  return tf.matmul(elbow, turn), tf.matmul(turn, wrist, transpose_a=True)


def within_limits(rotations: tf.Tensor, joint: str) -> tf.Tensor:
  """Local rotations `[B, 3, 3]` of a joint, clipped to just inside its limits.

  Nearer to them latents grow without bound and lose the other joints.
  """
  limits = joint_limits.joint_angles((joint,))
  angles = joint_limits.from_rotations(rotations[:, None], limits)
  middle = 0.5 * (limits.upper + limits.lower)
  half = 0.5 * _SHARE_OF_LIMITS * (limits.upper - limits.lower)
  inside = tf.clip_by_value(angles, middle - half, middle + half)
  return joint_limits.to_rotations(inside, limits)[:, 0]


def with_wrists(
  rotations: tf.Tensor, hands: Mapping[str, tf.Tensor]
) -> tf.Tensor:
  """Bodies whose hands are turned as is said.

  Args:
    rotations: `[B, 63, 3, 3]` local, the root's to the camera, driven or not.
    hands: by their names rotations `[B, 3, 3]` of the wrists to the camera.

  Returns:
    `[B, 63, 3, 3]` local rotations, not driven.
  """
  rotations = kinematics.undrive_twists(rotations)
  forearms = global_rotations(rotations)
  rows = tf.unstack(rotations, axis=1)
  for name, turned in hands.items():
    elbow = skeleton.INDEX[f"{name[0]}_elbow"]
    wrist = skeleton.INDEX[f"{name[0]}_wrist"]
    local = local_wrist(forearms[:, elbow], turned)
    angle = shared_twist(rows[elbow], local)
    rows[elbow], turn = twisted(rows[elbow], local, angle)
    rows[wrist] = within_limits(turn, f"{name[0]}_wrist")
  return tf.stack(rows, axis=1)


def with_hands(
  body_model: BodyModel,
  state: HumanState,
  hands: Mapping[str, HandState],
  used: Mapping[str, tf.Tensor],
) -> HumanState:
  """States whose hands are those that were read of close-ups.

  Args:
    body_model: of the states.
    state: of B bodies, fields `[B, ...]`.
    hands: of the left and the right side, fields `[B, ...]`, camera frame.
    used: `[B]` bool, whose hands of that name are taken over; the latents of
      the others, and all of a body that has none, are left bit for bit.

  Returns:
    States `[B, ...]`. Wrists beyond their limits are clipped to them.
  """
  state = HumanState(*map(tf.convert_to_tensor, state))
  local = kinematics.undrive_twists(body_model.rotations(state))
  own = global_rotations(local)
  turned = {}
  for name, hand in hands.items():
    wrist = skeleton.INDEX[f"{name[0]}_wrist"]
    said = rotation.from_6d(tf.convert_to_tensor(hand.rotation))
    chosen = used[name][:, None, None]
    turned[name] = tf.where(chosen, said, own[:, wrist])
  fused = with_wrists(local, turned)
  rows = tf.unstack(local, axis=1)
  for name in hands:
    for joint in ("elbow", "wrist"):
      row = skeleton.INDEX[f"{name[0]}_{joint}"]
      chosen = used[name][:, None, None]
      rows[row] = tf.where(chosen, fused[:, row], rows[row])
  body_pose = body_model.encode_pose(tf.stack(rows, axis=1))[0]
  some = tf.reduce_any(tf.stack([used[name] for name in hands]), axis=0)
  latents = {
    name: tf.where(used[name][:, None], hand.pose, getattr(state, name))
    for name, hand in hands.items()
  }
  return state._replace(
    body_pose=tf.where(some[:, None], body_pose, state.body_pose), **latents
  )


def with_faces(
  body_model: BodyModel,
  state: HumanState,
  face: FaceState,
  points: tf.Tensor,
  used: tf.Tensor,
) -> HumanState:
  """States whose heads and faces are those that were read of close-ups.

  The head is turned as the face is, and the neck bent, by `_MOST_BENT` at most,
  until the face is where it was seen.

  Args:
    body_model: of the states.
    state: of B bodies, fields `[B, ...]`.
    face: fields `[B, ...]`, camera frame.
    points: `[B, 70, 3]` its keypoints, metres, camera frame; only where they
      are in the picture counts.
    used: `[B]` bool, whose faces are taken over; the others are left bit for
      bit.

  Returns:
    States `[B, ...]`. Heads beyond their limits are clipped to them.
  """
  state = HumanState(*map(tf.convert_to_tensor, state))
  local = kinematics.undrive_twists(body_model.rotations(state))
  turned = global_rotations(local)
  said = rotation.from_6d(tf.convert_to_tensor(face.rotation))
  rows = tf.unstack(local, axis=1)
  rows[_HEAD] = tf.matmul(turned[:, _NECK], said, transpose_a=True)
  body = body_model.pose(
    tf.stack(rows, axis=1),
    state.shape,
    tf.convert_to_tensor(face.expression),
    turned[:, 0],
    state.translation,
    _MESH,
  )
  bend = _bend(body, points)
  neck = tf.matmul(bend, turned[:, _NECK_BASE])
  rows[_NECK_BASE] = tf.matmul(turned[:, _BACK], neck, transpose_a=True)
  rows[_HEAD] = tf.matmul(
    tf.matmul(bend, turned[:, _NECK]), said, transpose_a=True
  )
  for name in ("neck1", "head"):
    rows[skeleton.INDEX[name]] = within_limits(rows[skeleton.INDEX[name]], name)
  body_pose = body_model.encode_pose(tf.stack(rows, axis=1))[0]
  chosen = used[:, None]
  return state._replace(
    body_pose=tf.where(chosen, body_pose, state.body_pose),
    expression=tf.where(chosen, face.expression, state.expression),
  )


def _bend(body: BodyOutput, points: tf.Tensor) -> tf.Tensor:
  """Rotations `[B, 3, 3]` of the neck that bring faces to where they are seen.

  Args:
    body: `[B, ...]`, with the heads turned.
    points: `[B, 70, 3]` as of `with_faces`.
  """
  own = tf.reduce_mean(body.keypoints[:, table.FACE][:, _MIDDLE], axis=1)
  face = tf.cast(points, tf.float32)[:, _MIDDLE]
  depth = tf.maximum(face[..., 2:], camera.MIN_DEPTH)
  seen = tf.reduce_mean(face[..., :2] / depth, axis=1)
  aside = seen * own[:, 2:] - own[:, :2]
  arm = body.joints[:, _HEAD] - body.joints[:, _NECK_BASE]
  end = arm + tf.pad(aside, [[0, 0], [0, 1]])
  axis = tf.linalg.cross(arm, end)
  sine = tf.norm(axis, axis=-1, keepdims=True) + 1e-9
  cosine = tf.reduce_sum(arm * end, axis=-1, keepdims=True)
  angle = tf.minimum(tf.atan2(sine, cosine), _MOST_BENT)
  return rotation.from_rotation_vector(axis / sine * angle)


def steering_rows(name: str) -> list[int]:
  """Keypoints, of all 137, by which a part steers the body.

  A hand's wrist and knuckles, and the body's wrist; the body's nose and eyes.
  """
  if name == FACE:
    return [table.INDEX[row] for row in ("nose", "r_eye", "l_eye")]
  side = "l" if name == LEFT_HAND else "r"
  rows = [ROWS[name].start + row for row in STEERING]
  return [*rows, table.INDEX[f"{side}_wrist"]]


def steered_features(
  features: ImageFeatures,
  intrinsics: Intrinsics,
  points: Mapping[str, np.ndarray],
  used: Mapping[str, np.ndarray],
) -> ImageFeatures:
  """What is known of crops, with some keypoints of close-ups in K.

  Args:
    features: of B crops of whole people.
    intrinsics: of the crops (C_c), fields `[B, 2]`, crop pixels.
    points: by names of parts their keypoints `[B, n, 3]` metres, camera frame.
    used: `[B]` bool, whose parts of that name steer.
  """
  shape = features.heatmap_weights.shape
  places = np.zeros([*shape, 2], np.float32)
  said = np.zeros(shape, bool)
  for name, own in points.items():
    seen = camera.project(tf.constant(own), intrinsics).numpy()
    rows = steering_rows(name)
    sources = _FACE_STEERING if name == FACE else (*STEERING, 0)
    places[:, rows] = seen[:, list(sources)]
    said[:, rows] = used[name][:, None]
  return with_keypoints(features, tf.constant(places), tf.constant(said))
