"""Retargeting of motion-capture clips to the 63 joints of the body model.

A joint's absolute orientation is read relative to the rig's rest pose (its
T-pose frame, or its zero angles), and limbs are turned by the rotation that
takes our bone at rest to the rig's bone at rest, so that rigs whose rest pose
is not quite ours still give the same posed limbs. Local rotations then follow
from our own tree: local_j = Q_parent(j)^T Q_j.
"""

import dataclasses
import os

import numpy as np
from scipy.spatial.transform import Rotation

from hund_tf.body import skeleton
from hund_tf.motion import bvh

# Direction of our bones in the zero pose, by the joint that turns them.
_BONES = {"hip": (0, -1, 0), "knee": (0, -1, 0)}
_ARM_BONES = {"shoulder": (1, 0, 0), "elbow": (1, 0, 0)}
_CLAVICLE_SHARE = 0.15
_REFLECTION = np.diag([-1.0, 1.0, 1.0])


@dataclasses.dataclass(frozen=True)
class Rig:
  """How a family of BVH files names our joints.

  Attributes:
    joints: our joint to the rig's. Joints left out keep their parent's
      orientation; twist joints follow from the limbs.
    limbs: our joint to the rig joints at the start and end of its bone.
    rest_frame: index of the T-pose frame; -1 if zero angles are the rest.
    skip: leading frames that are not motion.
    arm_roll: degrees about x that take our elbow's hinge axis to the rig's;
      the rig's elbows turn about an axis tilted by this out of the vertical.
    hand_drop: degrees to flex the wrists by, where the rig's hand bone runs to
      markers above the fingers and so looks bent back.
  """

  joints: dict[str, str]
  limbs: dict[str, tuple[str, str]]
  rest_frame: int
  skip: int
  arm_roll: float = -30.0
  hand_drop: float = 0.0


def _sided(table: dict[str, str], sides: dict[str, str]) -> dict[str, str]:
  """Expands `{}` in a table of left-or-right joints for both sides."""
  return {
    f"{ours}_{name}": rig.format(word)
    for name, rig in table.items()
    for ours, word in sides.items()
  }


def _limbs(joints: dict[str, str], hand: str, foot: str) -> dict:
  """Bones of the arms and legs; `hand`, `foot` are our end joints."""
  chain = {"shoulder": "elbow", "elbow": hand, "hip": "knee", "knee": foot}
  return {
    f"{s}_{start}": (joints[f"{s}_{start}"], joints[f"{s}_{end}"])
    for s in "lr"
    for start, end in chain.items()
  }


_MB_JOINTS = {
  "pelvis": "Hips",
  "spine1": "LowerBack",
  "spine3": "Spine",
  "spine4": "Spine1",
  "neck1": "Neck",
  "neck2": "Neck1",
  "head": "Head",
} | _sided(
  {
    "hip": "{}UpLeg",
    "knee": "{}Leg",
    "ankle": "{}Foot",
    "ball": "{}ToeBase",
    "clavicle": "{}Shoulder",
    "shoulder": "{}Arm",
    "elbow": "{}ForeArm",
    "wrist": "{}FingerBase",
  },
  {"l": "Left", "r": "Right"},
)
_DAZ_JOINTS = {
  "pelvis": "hip",
  "spine1": "abdomen",
  "spine4": "chest",
  "neck1": "neck",
  "head": "head",
} | _sided(
  {
    "hip": "{}Thigh",
    "knee": "{}Shin",
    "ankle": "{}Foot",
    "clavicle": "{}Collar",
    "shoulder": "{}Shldr",
    "elbow": "{}ForeArm",
    "wrist": "{}Hand",
  },
  {"l": "l", "r": "r"},
)
MOTION_BUILDER = Rig(
  joints=_MB_JOINTS,
  # The rig's "Hand" turns the forearm; the wrist proper is "FingerBase".
  limbs={
    k: (a, b.replace("FingerBase", "Hand"))
    for k, (a, b) in _limbs(_MB_JOINTS, "wrist", "ankle").items()
  },
  rest_frame=0,
  skip=1,
  hand_drop=15.0,
)
DAZ = Rig(
  joints=_DAZ_JOINTS,
  limbs={},
  rest_frame=0,
  skip=3,
)
RIGS = (MOTION_BUILDER, DAZ)


def find_rig(motion: bvh.Motion, source: str = "clip") -> Rig:
  """The known rig whose joints a clip has.

  Raises:
    bvh.MotionError: if no known rig fits; the message names the clip.
  """
  for rig in RIGS:
    if set(rig.joints.values()) <= set(motion.names):
      return rig
  raise bvh.MotionError(
    f"{source}: joints {motion.names[:4]}... belong to no known rig "
    "(CMU MotionBuilder-friendly or Daz-friendly)"
  )


def retarget(motion: bvh.Motion, rig: Rig) -> np.ndarray:
  """Local rotations `[F, 63, 3, 3]` of the body model for a rig's clip.

  The pelvis holds its world orientation, y up; hands, jaw and eyes are the
  identity. Leading rest frames are dropped.
  """
  frames = bvh.global_rotations(motion)
  index = {name: j for j, name in enumerate(motion.names)}
  rest = _rest_motion(motion, rig)
  rest_frames = bvh.global_rotations(rest)[0]
  rest_positions = bvh.joint_positions(rest)[0]
  moving = frames[rig.skip :]
  roll = Rotation.from_euler("x", rig.arm_roll, degrees=True).as_matrix()
  world: dict[str, np.ndarray] = {}
  for name, source in rig.joints.items():
    j = index[source]
    world[name] = moving[:, j] @ rest_frames[j].T
    if name in rig.limbs:
      start, end = (rest_positions[index[n]] for n in rig.limbs[name])
      world[name] = world[name] @ _turn_between(_our_bone(name), end - start)
    if name[2:] in _ARM_BONES:
      world[name] = world[name] @ roll
  for side, sign in (("l", -1.0), ("r", 1.0)):
    drop = Rotation.from_euler("z", sign * rig.hand_drop, degrees=True)
    world[f"{side}_wrist"] = world[f"{side}_wrist"] @ drop.as_matrix()
    _make_hinge(world, side)
    _raise_clavicle(world, side)
  return _local_from_world(world, len(moving))


def _make_hinge(world: dict[str, np.ndarray], side: str) -> None:
  """Makes an elbow a pure hinge, keeping both bones of the arm in place.

  The upper arm rolls until the forearm lies in its hinge plane (fading out for
  a straight arm, where the plane is undefined); the forearm's own roll moves
  to the wrist.
  """
  upper = world[f"{side}_shoulder"]
  sign = 1.0 if side == "l" else -1.0
  local = np.swapaxes(upper, -1, -2) @ world[f"{side}_elbow"]
  forearm = sign * local[..., :, 0]
  bend = np.arccos(np.clip(sign * forearm[:, 0], -1.0, 1.0))
  roll = np.arctan2(-forearm[:, 1], forearm[:, 2])
  roll *= np.clip((np.degrees(bend) - 5.0) / 20.0, 0.0, 1.0)
  upper = upper @ Rotation.from_euler("x", roll[:, None]).as_matrix()
  hinge = Rotation.from_euler("y", -sign * bend[:, None]).as_matrix()
  world[f"{side}_shoulder"] = upper
  world[f"{side}_elbow"] = upper @ hinge


def _raise_clavicle(world: dict[str, np.ndarray], side: str) -> None:
  """Gives the clavicle a share of the arm's raise above 45 degrees down.

  The capture has no motion of the shoulder girdle; it follows the arm (the
  scapulohumeral rhythm). The upper arm's absolute orientation stays.
  """
  sign = 1.0 if side == "l" else -1.0
  clavicle = world[f"{side}_clavicle"]
  arm = np.swapaxes(clavicle, -1, -2) @ world[f"{side}_shoulder"]
  direction = sign * arm[..., :, 0]
  raised = np.arcsin(np.clip(direction[:, 1], -1.0, 1.0)) + np.pi / 4.0
  forward = np.arcsin(np.clip(direction[:, 2], -1.0, 1.0))
  turn = _CLAVICLE_SHARE * np.stack([0.0 * raised, -forward, raised], axis=-1)
  turn = Rotation.from_rotvec(sign * turn).as_matrix()
  world[f"{side}_clavicle"] = clavicle @ turn


def _rest_motion(motion: bvh.Motion, rig: Rig) -> bvh.Motion:
  """The clip's rest pose as a one-frame clip."""
  if rig.rest_frame < 0:
    rotations = np.tile(np.eye(3), (1, len(motion.names), 1, 1))
  else:
    rotations = motion.rotations[rig.rest_frame : rig.rest_frame + 1]
  return motion._replace(rotations=rotations, translations=np.zeros((1, 3)))


def _our_bone(name: str) -> np.ndarray:
  """Unit direction of our limb bone in the zero pose."""
  side, joint = name.split("_")
  if joint in _BONES:
    return np.asarray(_BONES[joint], np.float64)
  bone = np.asarray(_ARM_BONES[joint], np.float64)
  return bone if side == "l" else _REFLECTION @ bone


def _turn_between(first: np.ndarray, second: np.ndarray) -> np.ndarray:
  """The smallest rotation that takes direction `first` to `second`."""
  first = first / np.linalg.norm(first)
  second = second / np.linalg.norm(second)
  axis = np.cross(first, second)
  sine = np.linalg.norm(axis)
  if sine < 1e-9:
    return np.eye(3)
  angle = np.arctan2(sine, first @ second)
  return Rotation.from_rotvec(axis / sine * angle).as_matrix()


def _local_from_world(world: dict[str, np.ndarray], frames: int) -> np.ndarray:
  """Local rotations from absolute ones; unmapped joints are filled in.

  An unmapped spine or neck joint between two mapped ones takes half of the
  turn between them (a third each where two in a row are unmapped).
  """
  _fill_chain(world, ("spine1", "spine2", "spine3", "spine4"))
  _fill_chain(world, ("neck1", "neck2", "head"))
  full: list[np.ndarray] = []
  local = np.tile(np.eye(3), (frames, len(skeleton.NAMES), 1, 1))
  for j, name in enumerate(skeleton.NAMES):
    parent = skeleton.PARENTS[j]
    if parent < 0:
      full.append(world[name])
      local[:, j] = world[name]
      continue
    full.append(world.get(name, full[parent]))
    local[:, j] = np.swapaxes(full[parent], -1, -2) @ full[j]
  return local


def _fill_chain(world: dict[str, np.ndarray], chain: tuple[str, ...]) -> None:
  """Fills gaps of a chain of joints by equal shares of the turn across."""
  known = [i for i, name in enumerate(chain) if name in world]
  for low, high in zip(known, known[1:], strict=False):
    first = Rotation.from_matrix(world[chain[low]])
    turn = (first.inv() * Rotation.from_matrix(world[chain[high]])).as_rotvec()
    for i in range(low + 1, high):
      share = Rotation.from_rotvec(turn * ((i - low) / (high - low)))
      world[chain[i]] = (first * share).as_matrix()


def mirror(rotations: np.ndarray) -> np.ndarray:
  """Left-right mirrored local rotations `[..., 63, 3, 3]`: S R S, swapped."""
  swapped = rotations[..., list(skeleton.MIRROR), :, :]
  return _REFLECTION @ swapped @ _REFLECTION


def read_clip(path: str | os.PathLike) -> np.ndarray:
  """Reads a BVH clip of a known rig as `[F, 63, 3, 3]` local rotations.

  Raises:
    bvh.MotionError: if the file is broken or its rig is unknown.
  """
  motion = bvh.read_bvh(path)
  return retarget(motion, find_rig(motion, str(path)))


def select_frames(
  rotations: np.ndarray, threshold: float, limit: int
) -> np.ndarray:
  """Frames of a clip that differ, so that pauses do not dominate.

  Args:
    rotations: `[F, 63, 3, 3]` local rotations, F >= 1.
    threshold: change from the last kept frame: the root mean square over the
      joints (without the root) of the Frobenius norm of the difference.
    limit: the most frames to keep; more are thinned evenly.

  Returns:
    Indices `[N]`, N <= `limit`.
  """
  flat = rotations[:, 1:].reshape(len(rotations), -1)
  kept = [0]
  for i in range(1, len(flat)):
    change = flat[i] - flat[kept[-1]]
    if np.sqrt(np.sum(change * change) / (rotations.shape[1] - 1)) > threshold:
      kept.append(i)
  if len(kept) > limit:
    kept = [kept[i] for i in np.linspace(0, len(kept) - 1, limit).astype(int)]
  return np.asarray(kept)
