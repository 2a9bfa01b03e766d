"""How the pose latents turn the joints: derivatives of the pose prior."""

from typing import NamedTuple

from hund_tf import types
from hund_tf.body import joint_limits, kinematics, pose_prior, skeleton
from hund_tf.compat import tf
from hund_tf.geometry import rotation

_GROUPS = (
  skeleton.BODY_JOINTS,
  skeleton.LEFT_HAND_JOINTS,
  skeleton.RIGHT_HAND_JOINTS,
)
_ORDER = [name for names in _GROUPS for name in names]
# Where among the joints of all groups each joint is; those of none: anywhere.
_PLACES = [_ORDER.index(n) if n in _ORDER else 0 for n in skeleton.NAMES]


class Turns(NamedTuple):
  """How the latents of one group turn its T joints."""

  joints: list[int]  # T rows of the joints, twist joints included
  by_latent: tf.Tensor  # [B, T, 3, D] rotation vectors, in the parents' frames


def pose_jacobian(
  prior: pose_prior.PosePrior, state: types.HumanState, hands: bool = True
) -> tuple[tf.Tensor, tuple[Turns, ...]]:
  """Local rotations of states and their derivatives by the pose latents.

  Args:
    prior: of the latents.
    state: `[B, ...]`.
    hands: without them fingers are straight, and nothing turns them.

  Returns:
    Driven local rotations `[B, 63, 3, 3]`, the root's from body to camera, and
    how the latents of body, left and right hand turn them.
  """
  angles, by_latent, own = [], [], []
  flowed = [prior.flows.body.jacobian(state.body_pose)]
  if hands:
    both = tf.concat([state.left_hand, state.right_hand], axis=0)
    values, slopes = prior.flows.left_hand.jacobian(both)  # they share a flow
    flowed += zip(tf.split(values, 2), tf.split(slopes, 2), strict=True)
  for (value, slope), limits in zip(
    flowed, pose_prior.GROUPS[: len(flowed)], strict=True
  ):
    value = tf.reshape(value, [-1, len(limits.twist), 3])
    angles.append(joint_limits.squash(value, limits))
    squashed = joint_limits.squash_slopes(value, limits)[..., None]
    size = slope.shape[-1]
    by_latent.append(squashed * tf.reshape(slope, [-1, size // 3, 3, size]))
    own.append(joint_limits.turns(angles[-1], limits))
  if not hands:
    straight = tf.zeros_like(angles[0][:, : len(skeleton.LEFT_HAND_JOINTS)])
    angles += [straight, straight]
  local = prior.to_rotations(pose_prior.PoseGroups(*angles))
  turns = tf.concat(own, axis=1)
  places = [place if place < turns.shape[1] else 0 for place in _PLACES]
  by_angle = kinematics.driven_turns(local, tf.gather(turns, places, axis=1))
  local = kinematics.drive_twists(local)
  root = rotation.from_6d(state.rotation)
  local = tf.concat([root[:, None], local[:, 1:]], axis=1)
  return local, tuple(
    _turns(names, by_angle, slopes)
    for names, slopes in zip(_GROUPS[: len(by_latent)], by_latent, strict=True)
  )


def _turns(
  names: tuple[str, ...], by_angle: tf.Tensor, by_latent: tf.Tensor
) -> Turns:
  """Of the joints of a group and the twist joints that turn with them."""
  twists = [
    twist
    for twist, partner in kinematics.TWIST_PARTNERS.items()
    if partner in names
  ]
  rows = list(range(len(names)))
  rows += [names.index(kinematics.TWIST_PARTNERS[twist]) for twist in twists]
  joints = [skeleton.INDEX[name] for name in (*names, *twists)]
  turned = tf.gather(by_angle, joints, axis=1)
  return Turns(joints, tf.matmul(turned, tf.gather(by_latent, rows, axis=1)))
