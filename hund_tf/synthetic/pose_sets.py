"""People of the named sets of `pose_tables`: posed, placed and partly hidden.

A person is a base pose, mirrored or not, with every joint angle and the
direction of up varied uniformly within stated angles. Training draws base
poses and bodies that the test sets do not have, and the test sets draw others.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from hund_tf.body import joint_limits, skeleton
from hund_tf.body.model import BodyModel
from hund_tf.compat import tf
from hund_tf.draws import Draws
from hund_tf.geometry import rotation
from hund_tf.motion.pose_augmentation import mirror_angles
from hund_tf.synthetic import builds
from hund_tf.synthetic.builds import BUILDS
from hund_tf.synthetic.orientations import about, horizontal, stand_up
from hund_tf.synthetic.pose_tables import NAMES, POSE_SETS, Angles, PoseSet
from hund_tf.types import BODY_POSE_DIM

# Half widths in degrees of the angles' variation; other joints: _OTHER.
_VARIATION = {
  "hip": 5.0,
  "knee": 7.0,
  "spine1": 4.0,
  "spine2": 3.0,
  "spine3": 3.0,
  "spine4": 3.0,
  "shoulder": 12.0,
  "elbow": 12.0,
  "wrist": 20.0,
}
_OTHER = 6.0
_LEGS, _ARMS = (
  tuple(tuple(f"{side}_{joint}" for joint in chain) for side in "lr")
  for chain in (
    ("hip", "knee", "ankle", "ball"),
    ("clavicle", "shoulder", "elbow", "wrist"),
  )
)
_LIMBS = (*_LEGS, *_ARMS)
_FREE = 0.25  # share of limbs that are anywhere,
_FREEDOM = 0.7  # in so much of the range of their joints
_EXCHANGED = 0.3  # share of limbs of another base pose
_TURN = np.radians(30.0)  # standard deviation
# Added to the seed of people of sets, whose random stream is their own.
STREAM = 0x5E75
_ROLL = 4.0  # degrees, standard deviation, of the camera
_BODIES = 48  # of a build
_FACING = np.diag([1.0, -1.0, -1.0]).astype(np.float32)


class _Rows(NamedTuple):
  """The base poses of all sets one below the other, then mirrored."""

  angles: np.ndarray  # [R, 23, 3] radians
  vary: np.ndarray  # [R, 23, 3] radians, half width
  up: np.ndarray  # [R, 3]
  tilt: np.ndarray  # [R] radians, half width
  yaw: np.ndarray  # [R, 2] radians, middle and half width
  pitch: np.ndarray  # [R, 2] radians, least and greatest
  first: np.ndarray  # [K] row where each set begins
  count: np.ndarray  # [K] its rows


class People(NamedTuple):
  """B people of sets; what `scenes.sample_scene` takes of them."""

  chosen: tf.Tensor  # [B] bool: of a set at all
  body_pose: tf.Tensor  # [B, 69] latents
  rotation: tf.Tensor  # [B, 3, 3] body to camera
  built: tf.Tensor  # [B] bool: of a certain build
  shape: tf.Tensor  # [B, 16] latents, where built
  up: tf.Tensor  # [B, 3] the world's up, camera frame
  ahead: tf.Tensor  # [B, 3] horizontal, where the body looks, camera frame
  face_hidden: tf.Tensor  # [B] bool
  seat: tf.Tensor  # [B] bool: on something as wide as a chair
  saddle: tf.Tensor  # [B] bool: on something long and narrow
  desk: tf.Tensor  # [B] bool: behind something that hides the legs


class PoseSets:
  """Draws people of the named sets, of training or of the test sets."""

  def __init__(
    self, body_model: BodyModel, held_out: bool, loose: bool = False
  ):
    """Prepares base poses and bodies.

    Args:
      body_model: whose pose prior encodes the poses.
      held_out: whether people are those of the test sets.
      loose: to learn from: many limbs are as in another base pose or anywhere
        that joints allow, but for the legs of those who sit, and half of the
        people are turned further.
    """
    self._flow = body_model.pose_prior.flows.body
    self._loose = loose
    self._rows = _table(held_out)
    self._shapes = np.stack(
      [
        builds.find_shapes(body_model, build, _BODIES, 2 * k + held_out)
        for k, build in enumerate(BUILDS.values())
      ]
    )

  def sample(self, draws: Draws, which: tf.Tensor) -> People:
    """People of sets.

    Args:
      draws: random stream.
      which: `[B]` int32, number of the set in `NAMES`; -1: of none, then the
        other fields are of the first set.
    """
    batch, rows = which.shape[0], self._rows
    chosen, which = which >= 0, tf.maximum(which, 0)
    count = tf.cast(tf.gather(rows.count, which), tf.float32)
    row = tf.cast(tf.floor(draws.uniform([batch]) * count), tf.int32)
    row += tf.gather(rows.first, which)
    mirrored = tf.cast(draws.happens([batch], 0.5), tf.int32)
    row += mirrored * len(rows.up) // 2
    angles, up = _varied(draws, rows, row)
    if self._loose:
      sits = _of(which, lambda pose_set: bool(pose_set.support))
      angles, up = _loosened(draws, rows, angles, up, sits)
    values = joint_limits.unsquash(angles, joint_limits.BODY)
    latents, _ = self._flow.inverse(tf.reshape(values, [-1, BODY_POSE_DIM]))
    middle, half = tf.unstack(tf.gather(rows.yaw, row), axis=-1)
    yaw = middle + half * draws.uniform([batch], -1.0, 1.0)
    stand = stand_up(up)
    low, high = tf.unstack(tf.gather(rows.pitch, row), axis=-1)
    pitch = low + (high - low) * draws.uniform([batch])
    roll = np.radians(_ROLL) * draws.normal([batch], 2.5)
    view = about(2, roll) @ about(0, pitch) @ _FACING
    turn = view @ about(1, yaw) @ stand
    vertical = view[:, :, 1]
    body = draws.integers([batch], _BODIES)
    build = tf.gather([_build(name) for name in NAMES], which)
    shapes = tf.gather_nd(
      tf.constant(self._shapes),
      tf.stack([tf.maximum(build, 0), body], axis=-1),
    )
    return People(
      chosen=chosen,
      body_pose=latents,
      rotation=turn,
      built=chosen & (build >= 0),
      shape=shapes,
      up=vertical,
      ahead=horizontal(turn[:, :, 2], vertical),
      face_hidden=chosen & _of(which, lambda s: s.face_hidden),
      seat=chosen & _of(which, lambda s: s.support == "seat"),
      saddle=chosen & _of(which, lambda s: s.support == "saddle"),
      desk=chosen & _of(which, lambda s: s.desk),
    )


def choose(
  draws: Draws, batch: int, share: float, pose_set: tf.Tensor
) -> tf.Tensor:
  """Numbers of sets `[B]` int32 for `PoseSets.sample`.

  Args:
    draws: random stream.
    batch: B.
    share: of people who are of some set, all equally often.
    pose_set: scalar int32, the set of all people; -1: as `share` says.
  """
  some = draws.happens([batch], share)
  which = tf.where(some, draws.integers([batch], len(NAMES)), -1)
  return tf.where(pose_set >= 0, pose_set, which)


def _of(which: tf.Tensor, fact: Callable[[PoseSet], bool]) -> tf.Tensor:
  """Whether something is so in the sets `which`, bool."""
  return tf.gather([fact(POSE_SETS[name]) for name in NAMES], which)


def _build(name: str) -> int:
  """Number of a set's build; -1: any."""
  build = POSE_SETS[name].build
  return list(BUILDS).index(build) if build else -1


def _varied(
  draws: Draws, rows: _Rows, row: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
  """Angles `[B, 23, 3]` (radians) and up `[B, 3]` of people of `row [B]`."""
  angles, vary = tf.gather(rows.angles, row), tf.gather(rows.vary, row)
  angles += vary * draws.uniform(angles.shape, -1.0, 1.0)
  tilt = tf.gather(rows.tilt, row)[:, None]
  tilt *= draws.uniform([row.shape[0], 3], -1.0, 1.0)
  up = tf.gather(rows.up, row)
  return angles, tf.linalg.matvec(rotation.from_rotation_vector(tilt), up)


def _loosened(
  draws: Draws, rows: _Rows, angles: tf.Tensor, up: tf.Tensor, sits: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
  """Angles `[B, 23, 3]` and up `[B, 3]` with other limbs, turned further."""
  batch = sits.shape[0]
  middle = (joint_limits.BODY.upper + joint_limits.BODY.lower) / 2.0
  half = (joint_limits.BODY.upper - joint_limits.BODY.lower) / 2.0
  for limb in _LIMBS:
    here = np.isin(skeleton.BODY_JOINTS, limb)[:, None]
    other = tf.gather(rows.angles, draws.integers([batch], len(rows.up)))
    anywhere = draws.uniform(angles.shape, -_FREEDOM, _FREEDOM)
    kind = draws.uniform([batch, 1, 1])
    if limb in _LEGS:
      kind += tf.cast(sits[:, None, None], tf.float32)
    moved = tf.where(kind < _FREE, middle + half * anywhere, other)
    angles = tf.where((kind < _FREE + _EXCHANGED) & here, moved, angles)
  turn = tf.where(sits, 0.0, _TURN * draws.normal([batch], 2.5))
  turn = tf.where(draws.happens([batch], 0.5), turn, 0.0)
  axis = tf.math.l2_normalize(draws.normal([batch, 3]), axis=-1)
  turned = rotation.from_rotation_vector(turn[:, None] * axis)
  return angles, tf.linalg.matvec(turned, up)


def _table(held_out: bool) -> _Rows:
  """The base poses that are, or are not, held out."""
  found = [
    (pose_set, variant)
    for pose_set in POSE_SETS.values()
    for variant in pose_set.variants
    if variant.held_out == held_out
  ]
  counts = [
    sum(variant.held_out == held_out for variant in pose_set.variants)
    for pose_set in POSE_SETS.values()
  ]
  angles = np.array([_angles(variant.angles) for _, variant in found])
  up = np.array([variant.up for _, variant in found])
  yaw = np.array([variant.yaw for _, variant in found])
  loose = np.array([pose_set.looseness for pose_set, _ in found])
  twice = {
    "angles": np.concatenate([angles, mirror_angles(angles)]),
    "vary": np.tile(loose[:, None, None] * _variation(), (2, 1, 1)),
    "up": np.concatenate([up, up * (-1, 1, 1)]),
    "tilt": np.tile([pose_set.tilt for pose_set, _ in found], 2),
    "yaw": np.concatenate([yaw, yaw * (-1, 1)]),
    "pitch": np.tile([pose_set.pitch for pose_set, _ in found], (2, 1)),
  }
  return _Rows(
    **{
      name: np.float32(x if name == "up" else np.radians(x))
      for name, x in twice.items()
    },
    first=np.cumsum([0, *counts[:-1]]).astype(np.int32),
    count=np.array(counts, np.int32),
  )


def _angles(pose: Angles) -> np.ndarray:
  """`[23, 3]` degrees; names of one joint go before those of both sides."""
  found = np.zeros([len(skeleton.BODY_JOINTS), 3])
  for name, angles in sorted(pose.items()):  # "*" comes first
    for joint in (name.replace("*", side) for side in "lr"):
      found[skeleton.BODY_JOINTS.index(joint)] = angles
  return found


def _variation() -> np.ndarray:
  """Half widths `[23, 1]` in degrees."""
  roles = [name.split("_")[-1] for name in skeleton.BODY_JOINTS]
  return np.array([[_VARIATION.get(role, _OTHER)] for role in roles])
