"""Joints and vertices of SMPL, SMPL+H and SMPL-X, and what they are of ours.

Joint names are ours where a joint means the same. Vertex ids are those that the
authors' `smplx` package publishes for the three topologies' keypoints.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from hund_tf.body import keypoints, skeleton

_BODY = (
  "pelvis",
  *skeleton.BODY_JOINTS[:9],  # hips to spine3
  "l_foot",
  "r_foot",
  "neck",
  "l_collar",
  "r_collar",
  "head",
  *skeleton.BODY_JOINTS[-6:],  # shoulders, elbows and wrists
)
_HANDS = tuple(
  f"{side}_{finger}{k}"
  for side in "lr"
  for finger in ("index", "middle", "pinky", "ring", "thumb")
  for k in (1, 2, 3)
)
# Joints of a file, by their number.
JOINTS: dict[int, tuple[str, ...]] = {
  24: (*_BODY, "l_hand", "r_hand"),  # SMPL
  52: _BODY + _HANDS,  # SMPL+H
  55: (*_BODY, "jaw", "l_eye", "r_eye", *_HANDS),  # SMPL-X
}
KINDS = {24: "SMPL", 52: "SMPL+H", 55: "SMPL-X"}

_SMPL_VERTICES = {
  "nose": 332,
  "r_eye": 6260,
  "l_eye": 2800,
  "r_ear": 4071,
  "l_ear": 583,
  "r_thumb_tip": 6191,
  "r_index_tip": 5782,
  "r_middle_tip": 5905,
  "r_ring_tip": 6016,
  "r_pinky_tip": 6133,
  "l_thumb_tip": 2746,
  "l_index_tip": 2319,
  "l_middle_tip": 2445,
  "l_ring_tip": 2556,
  "l_pinky_tip": 2673,
  "l_big_toe": 3216,
  "l_small_toe": 3226,
  "l_heel": 3387,
  "r_big_toe": 6617,
  "r_small_toe": 6624,
  "r_heel": 6787,
}
_SMPLX_VERTICES = {
  "nose": 9120,
  "r_eye": 9929,
  "l_eye": 9448,
  "r_ear": 616,
  "l_ear": 6,
  "r_thumb_tip": 8079,
  "r_index_tip": 7669,
  "r_middle_tip": 7794,
  "r_ring_tip": 7905,
  "r_pinky_tip": 8022,
  "l_thumb_tip": 5361,
  "l_index_tip": 4933,
  "l_middle_tip": 5058,
  "l_ring_tip": 5169,
  "l_pinky_tip": 5286,
  "l_big_toe": 5770,
  "l_small_toe": 5780,
  "l_heel": 8846,
  "r_big_toe": 8463,
  "r_small_toe": 8474,
  "r_heel": 8635,
}
VERTEX_NAMES = tuple(_SMPL_VERTICES)
# Ids of named vertices, by the number of vertices of the topology.
VERTEX_IDS: dict[int, dict[str, int]] = {
  6890: _SMPL_VERTICES,
  10475: _SMPLX_VERTICES,
}

# Our joint -> the SMPL joint at the same place, where the names differ.
_SAME_PLACE = {"spine4": "spine3", "neck1": "neck"}
_SAME_PLACE |= {f"{s}_ball": f"{s}_foot" for s in "lr"}
_SAME_PLACE |= {f"{s}_clavicle": f"{s}_collar" for s in "lr"}
# Our joint -> the two SMPL joints that it lies between.
_BETWEEN = {"spine3": ("spine2", "spine3"), "neck2": ("neck", "head")}
for _s in "lr":
  _BETWEEN[f"{_s}_upper_leg_twist"] = (f"{_s}_hip", f"{_s}_knee")
  _BETWEEN[f"{_s}_upper_arm_twist"] = (f"{_s}_shoulder", f"{_s}_elbow")
  _BETWEEN[f"{_s}_lower_arm_twist"] = (f"{_s}_elbow", f"{_s}_wrist")

# SMPL joint -> our joint whose orientation it has, where the names differ. Of
# joints that share a rotation with another of ours it is the last.
ORIENTATION = {
  "spine3": "spine4",
  "neck": "neck2",
  "jaw": "jaw",
}
for _s in "lr":
  ORIENTATION |= {
    f"{_s}_hip": f"{_s}_upper_leg_twist",
    f"{_s}_shoulder": f"{_s}_upper_arm_twist",
    f"{_s}_collar": f"{_s}_clavicle",
    f"{_s}_foot": f"{_s}_ball",
    f"{_s}_hand": f"{_s}_wrist",
  }
# Our pairs of joints that share the rotation of one of SMPL's.
SHARED = {"spine3": ("spine3", "spine4"), "neck": ("neck1", "neck2")}
# Our joint -> the SMPL joint whose rotation it has, where the names differ.
ROTATION = {f"{s}_ball": f"{s}_foot" for s in "lr"}
ROTATION |= {f"{s}_clavicle": f"{s}_collar" for s in "lr"}

_PART = {
  "hip": "upper_leg",
  "knee": "lower_leg",
  "ankle": "foot",
  "foot": "foot",
  "collar": "torso",
  "shoulder": "upper_arm",
  "elbow": "lower_arm",
  "eye": "head",
}


class PointTable(NamedTuple):
  """Points as linear maps of SMPL's joints and of some of its vertices."""

  joint_weights: np.ndarray  # [N, J] float32
  vertex_ids: np.ndarray  # [M] int32
  vertex_weights: np.ndarray  # [N, M] float32
  exists: np.ndarray  # [N] float32: 1, or 0 where there is no such point


def part(joint: str) -> str:
  """Name of the body part (see `parts.NAMES`) that a SMPL joint moves."""
  if joint in ("neck", "head", "jaw"):
    return "head"
  side, _, name = joint.partition("_")
  if not name:
    return "torso"
  base = _PART.get(name, "hand")
  return base if base in ("head", "torso") else f"{side}_{base}"


def joint_table(names: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray]:
  """Our 63 joints as means of SMPL's joints.

  Fingers, jaw and eyes that the model lacks are put at the hand and at the
  head, and do not exist.

  Args:
    names: of SMPL's J joints.

  Returns:
    Weights `[63, J]` and which exist `[63]`, float32.
  """
  weights = np.zeros((len(skeleton.NAMES), len(names)), np.float32)
  exists = np.ones(len(skeleton.NAMES), np.float32)
  for row, joint in enumerate(skeleton.NAMES):
    same = _SAME_PLACE.get(joint, joint)
    if joint in _BETWEEN:
      sources = _BETWEEN[joint]
    elif same in names:
      sources = (same,)
    else:
      hand = f"{joint[0]}_hand" if f"{joint[0]}_hand" in names else "head"
      is_face = joint in skeleton.FIXED_JOINTS
      sources = ("head",) if is_face else (hand,)
      exists[row] = 0.0
    for name in sources:
      weights[row, names.index(name)] += 1.0 / len(sources)
  return weights, exists


def _terms(name: str) -> tuple[str, ...]:
  """SMPL joints or vertices whose mean a keypoint is."""
  if name == "neck":
    return ("l_shoulder", "r_shoulder")
  if name == "mid_hip":
    return ("l_hip", "r_hip")
  if name in ("face_68", "face_69"):  # the pupils
    return ("r_eye" if name == "face_68" else "l_eye",)
  side, _, hand = name.partition("_hand_")
  if not hand:
    return (name,)
  tip = hand.endswith("4")
  return (f"{side}_{hand[:-1]}_tip" if tip else f"{side}_{hand}",)


def keypoint_table(
  names: tuple[str, ...],
  vertex_ids: Mapping[str, int],
  landmarks: tuple[np.ndarray, np.ndarray] | None = None,
) -> PointTable:
  """The 137 keypoints of a model.

  Args:
    names: of its J joints.
    vertex_ids: ids of vertices by their names (see `VERTEX_NAMES`); an eye
      comes from here rather than from the joint in the eyeball's middle.
    landmarks: vertex ids `[68, 3]` and barycentric weights `[68, 3]` of iBUG's
      face points in order, contour first.

  Returns:
    A table of 137 rows.
  """
  ids = sorted(set(vertex_ids.values()))
  if landmarks is not None:
    ids = sorted({*ids, *np.ravel(landmarks[0]).tolist()})
  column = {vertex: i for i, vertex in enumerate(ids)}
  rows = len(keypoints.NAMES)
  on_joints = np.zeros((rows, len(names)), np.float32)
  on_vertices = np.zeros((rows, len(ids)), np.float32)
  for row, keypoint in enumerate(keypoints.NAMES):
    terms = _terms(keypoint)
    for term in terms:
      if term in vertex_ids:
        on_vertices[row, column[vertex_ids[term]]] += 1.0 / len(terms)
      elif term in names:
        on_joints[row, names.index(term)] += 1.0 / len(terms)
  if landmarks is not None:
    for i, (corners, weights) in enumerate(zip(*landmarks, strict=True)):
      for vertex, weight in zip(corners.tolist(), weights, strict=True):
        on_vertices[keypoints.FACE.start + i, column[vertex]] += weight
  exists = (np.abs(on_joints).sum(1) + np.abs(on_vertices).sum(1)) > 0
  return PointTable(
    on_joints,
    np.asarray(ids, np.int32),
    on_vertices,
    exists.astype(np.float32),
  )
