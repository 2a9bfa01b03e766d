"""People close to the camera, with raised hands and vivid faces.

Arms are drawn within limits that lift the hands and kept if a hand is before
or beside the chest or the head, and in neither. Hands and faces take the whole
range of their priors.
"""

from typing import NamedTuple

import numpy as np

from hund_tf.body import joint_limits, skeleton
from hund_tf.body import keypoints as table
from hund_tf.body.model import BodyModel
from hund_tf.compat import tf
from hund_tf.draws import Draws
from hund_tf.geometry import rotation
from hund_tf.motion.pose_augmentation import mirror_angles
from hund_tf.synthetic.orientations import about
from hund_tf.types import (
  BODY_POSE_DIM,
  EXPRESSION_DIM,
  HAND_POSE_DIM,
  SHAPE_DIM,
  HumanState,
  Intrinsics,
)

# Added to the seed of close-ups, whose random stream is their own.
STREAM = 0xC105E
_CANDIDATES = 2048  # arms that are tried
# Degrees of x, y, z of the left arm that may lift its hand.
_RAISED = {
  "l_clavicle": ((-8, 8), (-15, 15), (-10, 15)),
  "l_shoulder": ((-90, 90), (-110, 40), (-95, 40)),
  "l_elbow": ((-15, 15), (-150, -50), (-10, 10)),
  "l_wrist": ((-90, 100), (-40, 40), (-60, 60)),
}
_HANGING = {"l_shoulder": (0, 0, -72), "l_elbow": (0, -20, 0)}
_ONE_HAND = 0.25  # share of people who raise one hand only
_APART = 0.16  # metres between the middles of both hands, at least
_TURN = {"neck1": 8.0, "neck2": 8.0, "head": 10.0, "spine4": 6.0}  # degrees
_OTHER = 3.0  # degrees by which other joints vary, half width
_VIEW = {"yaw": 35.0, "pitch": 10.0, "roll": 6.0}  # degrees, deviations
_FACING = np.diag([1.0, -1.0, -1.0]).astype(np.float32)
_HAND_STRENGTH = (0.4, 1.4)  # of a hand's latents
_FACE_STRENGTH = (0.5, 1.8)  # of an expression's
_CLIP = 3.5
_MIN_DISTANCE = 0.3  # metres from the camera to the nearest keypoint
# What photos are framed by: share of photos, and how much of the photo it
# fills.
_FRAMED = {
  "face and hands": (0.55, (0.65, 1.05)),
  "face": (0.15, (0.35, 0.9)),
  "hand": (0.3, (0.28, 0.65)),
}


class CloseUps(NamedTuple):
  """B people; what `scenes.sample_scene` takes of them."""

  chosen: tf.Tensor  # [B] bool: shown so at all
  body_pose: tf.Tensor  # [B, 69] latents
  left_hand: tf.Tensor  # [B, 45] latents
  right_hand: tf.Tensor  # [B, 45] latents
  expression: tf.Tensor  # [B, 20] latents
  rotation: tf.Tensor  # [B, 3, 3] body to camera
  framed: tf.Tensor  # [B, 137] bool: keypoints that the photo is framed by
  share: tf.Tensor  # [B, 1] of the photo that these fill
  where: tf.Tensor  # [B, 2] their middle, sides of the photo


class CloseUpSampler:
  """Draws people with raised hands, of training or held out."""

  def __init__(self, body_model: BodyModel, held_out: bool):
    """Prepares arms.

    Args:
      body_model: whose pose prior encodes the poses.
      held_out: whether arms are others than those of training.
    """
    self._flow = body_model.pose_prior.flows.body
    self._arms, self._middles = raised_arms(body_model, int(held_out))

  def sample(self, draws: Draws, batch: int, share: float) -> CloseUps:
    """People of whom a share is shown in close-ups.

    Args:
      draws: random stream.
      batch: B.
      share: of people who are `chosen`.
    """
    angles, raised = self._angles(draws, batch)
    values = joint_limits.unsquash(angles, joint_limits.BODY)
    latents, _ = self._flow.inverse(tf.reshape(values, [-1, BODY_POSE_DIM]))
    yaw, pitch, roll = (
      np.radians(degrees) * draws.normal([batch], 2.5)
      for degrees in _VIEW.values()
    )
    framed, filled = _framing(draws, raised)
    return CloseUps(
      chosen=draws.happens([batch], share),
      body_pose=latents,
      left_hand=_vivid(draws, batch, HAND_POSE_DIM, _HAND_STRENGTH),
      right_hand=_vivid(draws, batch, HAND_POSE_DIM, _HAND_STRENGTH),
      expression=_vivid(draws, batch, EXPRESSION_DIM, _FACE_STRENGTH),
      rotation=about(2, roll) @ about(0, pitch) @ _FACING @ about(1, yaw),
      framed=framed,
      share=filled,
      where=draws.uniform([batch, 2], 0.38, 0.62),
    )

  def _angles(self, draws: Draws, batch: int) -> tuple[tf.Tensor, tf.Tensor]:
    """Angles `[B, 23, 3]` and which hands are raised, `[B, 2]` bool."""
    count = len(self._arms)
    tries = draws.integers([8, 2, batch], count)
    middles = tf.constant(self._middles)
    left, right = (tf.gather(middles, tries[:, k]) for k in range(2))
    apart = tf.norm(left - right * np.float32([-1, 1, 1]), axis=-1) > _APART
    pick = tf.argmax(tf.cast(apart, tf.int32), axis=0, output_type=tf.int32)
    rows = tf.gather(
      tf.transpose(tries, [2, 0, 1]), pick, axis=1, batch_dims=1
    )  # [B, 2]
    one = draws.happens([batch, 1], _ONE_HAND)
    side = tf.one_hot(draws.integers([batch], 2), 2, True, False)
    raised = ~one | side
    arms = tf.constant(self._arms)
    hanging = _pose(_HANGING)[None]
    mirrored = mirror_angles(np.concatenate([self._arms, hanging]))
    own = tf.where(raised[:, :1, None], tf.gather(arms, rows[:, 0]), hanging)
    other = tf.gather(
      tf.constant(mirrored, tf.float32),
      tf.where(raised[:, 1], rows[:, 1], count),
    )
    return own + other + _variation() * draws.uniform(
      [batch, len(skeleton.BODY_JOINTS), 3], -1.0, 1.0
    ), raised


def place(
  close_ups: CloseUps,
  keypoints: tf.Tensor,
  intrinsics: Intrinsics,
  size: tf.Tensor,
) -> tf.Tensor:
  """Where the pelvis is so that the photo is framed as asked, `[B, 3]`.

  Args:
    close_ups: B people.
    keypoints: `[B, 137, 3]` relative to the pelvis, in camera orientation.
    intrinsics: of the photos.
    size: `[B, 2]` of the photos, pixels.
  """
  framed = close_ups.framed[..., None]
  low = tf.reduce_min(tf.where(framed, keypoints, np.inf), axis=1)
  high = tf.reduce_max(tf.where(framed, keypoints, -np.inf), axis=1)
  middle = (low + high) / 2.0
  wanted = tf.reduce_max((high - low)[:, :2] / size, axis=-1, keepdims=True)
  depth = intrinsics.focal[:, :1] * wanted / close_ups.share
  nearest = tf.reduce_min(keypoints[..., 2], axis=1)[:, None]
  depth = tf.maximum(depth, _MIN_DISTANCE + middle[:, 2:] - nearest)
  ray = (close_ups.where * size - intrinsics.center) / intrinsics.focal
  return tf.concat([ray * depth, depth], axis=-1) - middle


def _vivid(draws: Draws, batch: int, size: int, strength) -> tf.Tensor:
  """Latents `[B, size]` to `_CLIP` deviations."""
  values = draws.uniform([batch, 1], *strength) * draws.normal([batch, size])
  return tf.clip_by_value(values, -_CLIP, _CLIP)


def _framing(draws: Draws, raised: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
  """Keypoints `[B, 137]` bool, and the share `[B, 1]` that they fill."""
  batch = raised.shape[0]
  groups = np.zeros([3, len(table.NAMES)], bool)
  for group, rows in zip(
    groups, (table.FACE, table.LEFT_HAND, table.RIGHT_HAND), strict=True
  ):
    group[rows] = True
  face, left, right = (tf.constant(group) for group in groups)
  hands = (raised[:, :1] & left) | (raised[:, 1:] & right)
  first = draws.happens([batch, 1], 0.5)
  hand = (first & raised[:, :1]) | ~raised[:, 1:]
  kind = draws.uniform([batch, 1])
  parts, filled = draws.uniform([batch, 1]), []
  bounds = np.cumsum([share for share, _ in _FRAMED.values()])
  for _, (low, high) in _FRAMED.values():
    filled.append(low + (high - low) * parts)
  framed = tf.where(
    kind < bounds[0],
    hands | face,
    tf.where(kind < bounds[1], face, tf.where(hand, left, right)),
  )
  share = tf.where(
    kind < bounds[0],
    filled[0],
    tf.where(kind < bounds[1], filled[1], filled[2]),
  )
  return framed, share


def _pose(angles: dict) -> np.ndarray:
  """`[23, 3]` radians of named joints; the others are zero."""
  found = np.zeros([len(skeleton.BODY_JOINTS), 3], np.float32)
  for name, degrees in angles.items():
    found[skeleton.BODY_JOINTS.index(name)] = np.radians(degrees)
  return found


def _variation() -> np.ndarray:
  """Half widths `[23, 1]` in radians."""
  widths = [_TURN.get(name, _OTHER) for name in skeleton.BODY_JOINTS]
  return np.radians(widths)[:, None].astype(np.float32)


def raised_arms(
  body_model: BodyModel, seed: int
) -> tuple[np.ndarray, np.ndarray]:
  """Angles `[N, 23, 3]` of left arms, and where their hands are, `[N, 3]`.

  Metres from the head joint of the mean body: x left, y up, z ahead.
  """
  random = np.random.default_rng([STREAM, seed])
  bounds = [
    _pose(
      {name: tuple(x[k] for x in limits) for name, limits in _RAISED.items()}
    )
    for k in range(2)
  ]
  angles = random.uniform(*bounds, [_CANDIDATES, *bounds[0].shape])
  angles = angles.astype(np.float32)
  values = joint_limits.unsquash(angles, joint_limits.BODY)
  latents, _ = body_model.pose_prior.flows.body.inverse(
    tf.reshape(values, [-1, BODY_POSE_DIM])
  )

  def zeros(size):
    return tf.zeros([_CANDIDATES, size])

  body = body_model.decode(
    HumanState(
      body_pose=latents,
      left_hand=zeros(HAND_POSE_DIM),
      right_hand=zeros(HAND_POSE_DIM),
      shape=zeros(SHAPE_DIM),
      expression=zeros(EXPRESSION_DIM),
      rotation=rotation.to_6d(tf.eye(3, batch_shape=[_CANDIDATES])),
      translation=zeros(3),
    ),
    mesh="proxy_1500",
  )
  joints = body.joints.numpy()
  head, shoulder, elbow = (
    joints[:, skeleton.INDEX[name]]
    for name in ("head", "l_shoulder", "l_elbow")
  )
  hand = body.keypoints.numpy()[:, table.LEFT_HAND] - head[:, None]
  middle = hand.mean(axis=1)
  good = _natural(hand, middle, elbow - shoulder)
  return angles[good], middle[good]


def _natural(
  hand: np.ndarray, middle: np.ndarray, elbow: np.ndarray
) -> np.ndarray:
  """Whether hands `[N, 21, 3]` are where a close-up shows them, `[N]`.

  Args:
    hand: metres from the head joint.
    middle: `[N, 3]` of them.
    elbow: `[N, 3]` from the shoulder.
  """
  x, y, z = np.moveaxis(hand, -1, 0)
  near = (middle[:, 0] > -0.12) & (middle[:, 0] < 0.42)
  near &= (middle[:, 1] > -0.35) & (middle[:, 1] < 0.25)
  near &= (elbow > (-0.1, -1.0, -0.1)).all(1) & (elbow[:, 1] < 0.12)
  in_chest = (np.abs(x) < 0.2) & (y < -0.05) & (z < 0.17)
  in_head = np.linalg.norm(hand - (0.0, 0.1, 0.03), axis=-1) < 0.13
  behind = z < -0.05
  return near & ~(in_chest | in_head | behind).any(axis=1)
