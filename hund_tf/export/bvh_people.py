"""People as motion files (BVH), with our skeleton or a common one.

Files are in metres, y up, in the frame of `meshes`; with all angles zero the
skeleton is a T-pose that faces +z.
"""

import os
from typing import Literal, NamedTuple

import numpy as np
from scipy.spatial.transform import Rotation, Slerp

from hund_tf.body import skeleton
from hund_tf.body.model import BodyModel
from hund_tf.export import rig
from hund_tf.export.rig import Keys, RiggedPerson
from hund_tf.motion.bvh import Motion, write_bvh

BvhNames = Literal["hund", "mixamo"]
_STILL = 1.0 / 30.0  # seconds of the frame of a file that has one
_UNEVEN = 0.01  # of the time between frames, which is let pass


class _Joint(NamedTuple):
  """A joint of a written skeleton."""

  name: str
  place: str  # our joint where it is
  turn: str  # our joint whose orientation it has


def _mixamo() -> list[_Joint]:
  """The names of Mixamo and of the CMU files; joints of ours are joined."""
  joints = [
    _Joint("Hips", "pelvis", "pelvis"),
    _Joint("Spine", "spine1", "spine1"),
    _Joint("Spine1", "spine2", "spine3"),
    _Joint("Spine2", "spine4", "spine4"),
    _Joint("Neck", "neck1", "neck2"),
    _Joint("Head", "head", "head"),
  ]
  for side, s in (("Left", "l"), ("Right", "r")):
    rows = [
      ("UpLeg", "hip", "upper_leg_twist"),
      ("Leg", "knee", "knee"),
      ("Foot", "ankle", "ankle"),
      ("ToeBase", "ball", "ball"),
      ("Shoulder", "clavicle", "clavicle"),
      ("Arm", "shoulder", "upper_arm_twist"),
      ("ForeArm", "elbow", "elbow"),
      ("Hand", "wrist", "wrist"),
    ]
    for finger in skeleton.FINGERS:
      for k in "123":
        joint = finger + k
        rows.append((f"Hand{finger.capitalize()}{k}", joint, joint))
    joints += [_Joint(side + n, f"{s}_{p}", f"{s}_{t}") for n, p, t in rows]
  return joints


_SKELETONS = {
  "hund": [_Joint(name, name, name) for name in skeleton.NAMES],
  "mixamo": sorted(_mixamo(), key=lambda joint: skeleton.INDEX[joint.place]),
}


def write_person(
  path: str | os.PathLike,
  person: RiggedPerson,
  body_model: BodyModel,
  names: BvhNames = "hund",
) -> None:
  """Writes a person's motion, or, without keys, the pose as one frame.

  Frames follow one another evenly, as BVH has it; keys that do not are
  interpolated. Bones and expressions of keys are not read.

  Args:
    path: of the .bvh file; replaced atomically.
    person: to write.
    body_model: of the person's shape.
    names: "hund": the 63 joints as they are; "mixamo": 52 joints by the names
      that Mixamo and the CMU files share, with all orientations kept. Two of
      spine and neck are joined there, so places beyond differ a little.

  Raises:
    ValueError: if the person cannot be used.
    OutputError: if the file cannot be written.
  """
  rig.check(path, [person])
  write_bvh(path, to_motion(person, body_model, names))


def to_motion(
  person: RiggedPerson, body_model: BodyModel, names: BvhNames = "hund"
) -> Motion:
  """The clip that `write_person` writes."""
  joints = _SKELETONS[names]
  turns, places, seconds = _frames(person)
  pose = rig.placed(turns, places)
  ours = np.array(pose.rotations)  # of the joints in the world
  rest = rig.bones(body_model, person.shape[None])[0].astype(np.float64)
  rest[0] = 0.0
  for j, parent in enumerate(skeleton.PARENTS):
    if parent >= 0:
      ours[:, j] = ours[:, parent] @ ours[:, j]
      rest[j] += rest[parent]
  parents = [_parent(joints, k) for k in range(len(joints))]
  index = lambda name: skeleton.INDEX[name]
  rotations = np.empty((len(ours), len(joints), 3, 3))
  offsets = np.zeros((len(joints), 3))
  for k, (joint, parent) in enumerate(zip(joints, parents, strict=True)):
    rotations[:, k] = ours[:, index(joint.turn)]
    if parent >= 0:
      above = joints[parent]
      turned = ours[:, index(above.turn)].transpose(0, 2, 1)
      rotations[:, k] = turned @ rotations[:, k]
      offsets[k] = rest[index(joint.place)] - rest[index(above.place)]
  return Motion(
    tuple(joint.name for joint in joints),
    tuple(parents),
    offsets,
    rotations,
    pose.translations,
    seconds,
  )


def _parent(joints: list[_Joint], number: int) -> int:
  """The number of the joint above: the next of ours that is written."""
  places = [skeleton.INDEX[joint.place] for joint in joints]
  above = skeleton.PARENTS[places[number]]
  while above >= 0 and above not in places:
    above = skeleton.PARENTS[above]
  return places.index(above) if above >= 0 else -1


def _frames(person: RiggedPerson) -> tuple[np.ndarray, np.ndarray, float]:
  """Rotations `[T, 63, 3, 3]`, places `[T, 3]` and seconds of a frame."""
  keys = person.keys
  if keys is None or len(keys.times) == 1:
    turns, places = person.rotations[None], person.translation[None]
    if keys is not None:
      turns, places = keys.rotations, keys.translations
    return turns, places, _STILL
  steps = np.diff(keys.times)
  seconds = float(np.median(steps))
  if np.abs(steps - seconds).max() > _UNEVEN * seconds:
    keys = _even(keys, seconds)
  return keys.rotations, keys.translations, seconds


def _even(keys: Keys, seconds: float) -> Keys:
  """Keys interpolated so many seconds apart."""
  first, last = keys.times[0], keys.times[-1]
  times = first + seconds * np.arange(int((last - first) / seconds + 1e-6) + 1)
  turns = np.stack(
    [
      Slerp(keys.times, Rotation.from_matrix(keys.rotations[:, j]))(
        np.minimum(times, last)
      ).as_matrix()
      for j in range(keys.rotations.shape[1])
    ],
    axis=1,
  )
  places = np.stack(
    [np.interp(times, keys.times, x) for x in keys.translations.T], axis=-1
  )
  return Keys(times, turns, places)
