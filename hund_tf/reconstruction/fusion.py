"""Hands and faces put onto the body (Sec. 2.2, Fig. 2).

What passed the gates is taken over: fingers and expression as they are, and the
hand's rotation in the camera as that of the wrist against the forearm. Of that
rotation the twist about the forearm is shared by the joint half-way along it,
which is driven; beyond +-0.4 pi the elbow takes over as much of it as its
limits allow. The body's descent goes on from its last stage with the hand's
wrist and knuckles as keypoints.
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
from hund_tf.losses.heatmaps import render_heatmaps
from hund_tf.options import check, option
from hund_tf.reconstruction.attention import HANDS, LEFT_HAND, ROWS
from hund_tf.reconstruction.part_gates import GateConfig
from hund_tf.types import (
  CROP_SIZE,
  HandState,
  HumanState,
  ImageFeatures,
  Intrinsics,
)

TWIST_LIMIT = 0.4 * math.pi  # radians that a forearm twists by itself
# Wrist and knuckles among a hand's 21 keypoints.
STEERING = (0, 5, 9, 13, 17)
_ELBOW = joint_limits.joint_angles(("l_elbow",))  # mirrored: the same twists
_INSIDE = 1e-3  # radians that the elbow keeps from its limits


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
    rows[elbow], rows[wrist] = twisted(rows[elbow], local, angle)
  return tf.stack(rows, axis=1)


def with_hands(
  body_model: BodyModel,
  state: HumanState,
  hands: Mapping[str, HandState],
  used: Mapping[str, np.ndarray],
) -> HumanState:
  """States whose hands are those that were read of close-ups.

  Args:
    body_model: of the states.
    state: of B bodies, fields `[B, ...]`.
    hands: of the left and the right side, fields `[B, ...]`, camera frame.
    used: `[B]` bool, whose hands of that name are taken over; the latents of
      the others, and all of a body that has none, are left bit for bit.

  Returns:
    States `[B, ...]`, numpy. Wrists beyond their limits are clipped to them.
  """
  state = HumanState(*(np.asarray(field) for field in state))
  if not any(np.any(used[name]) for name in hands):
    return state
  bodies = HumanState(*map(tf.constant, state))
  local = kinematics.undrive_twists(body_model.rotations(bodies))
  own = global_rotations(local).numpy()
  turned = {}
  for name, hand in hands.items():
    wrist = skeleton.INDEX[f"{name[0]}_wrist"]
    said = rotation.from_6d(tf.constant(hand.rotation)).numpy()
    chosen = used[name][:, None, None]
    turned[name] = tf.constant(np.where(chosen, said, own[:, wrist]))
  fused = with_wrists(local, turned).numpy()
  keep = np.ones(fused.shape[:2], bool)
  for name in hands:
    for joint in ("elbow", "wrist"):
      keep[used[name], skeleton.INDEX[f"{name[0]}_{joint}"]] = False
  fused = np.where(keep[..., None, None], local.numpy(), fused)
  body_pose = body_model.encode_pose(tf.constant(fused))[0].numpy()
  some = np.any([used[name] for name in hands], axis=0)[:, None]
  latents = {
    name: np.where(used[name][:, None], hand.pose, getattr(state, name))
    for name, hand in hands.items()
  }
  return state._replace(
    body_pose=np.where(some, body_pose, state.body_pose), **latents
  )


def steering_rows(name: str) -> list[int]:
  """Keypoints, of all 137, by which a hand steers the body.

  Its wrist and knuckles, and the body's wrist.
  """
  side = "l" if name == LEFT_HAND else "r"
  rows = [ROWS[name].start + row for row in STEERING]
  return [*rows, table.INDEX[f"{side}_wrist"]]


def steered_features(
  features: ImageFeatures,
  intrinsics: Intrinsics,
  points: Mapping[str, np.ndarray],
  used: Mapping[str, np.ndarray],
) -> ImageFeatures:
  """What is known of crops, with the wrists and knuckles of close-ups in K.

  Args:
    features: of B crops of whole people.
    intrinsics: of the crops (C_c), fields `[B, 2]`, crop pixels.
    points: by names of hands their keypoints `[B, 21, 3]` metres, camera frame.
    used: `[B]` bool, whose hands of that name steer.
  """
  weights = features.heatmap_weights.numpy()
  places = np.zeros([*weights.shape, 2], np.float32)
  drawn = np.zeros(weights.shape, bool)
  for name in HANDS:
    if name not in points:
      continue
    seen = camera.project(tf.constant(points[name]), intrinsics).numpy()
    rows = steering_rows(name)
    places[:, rows] = seen[:, [*STEERING, 0]]
    inside = ((places >= 0.0) & (places < CROP_SIZE)).all(axis=-1)
    drawn[:, rows] = used[name][:, None] & inside[:, rows]
  maps = render_heatmaps(tf.constant(places), tf.constant(drawn, tf.float32))
  return features._replace(
    heatmaps=tf.where(drawn[:, None, None], maps, features.heatmaps),
    heatmap_weights=tf.constant(np.where(drawn, 1.0, weights), tf.float32),
  )
