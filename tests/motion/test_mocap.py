"""Retargeting: hand-made rigs, mirror, thinning, and the captured clips."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from hund_tf.body import joint_limits, skeleton
from hund_tf.motion import bvh, mocap

_RIG = mocap.MOTION_BUILDER
# Offsets of the hand-made rig: T-pose with limbs along the axes.
_DOWN, _UP, _FORWARD = (0, -1, 0), (0, 1, 0), (0, 0, 1)


def _rig_joints():
  """(name, parent, offset) of a rig with the MotionBuilder names."""
  rows = [("Hips", None, (0, 0, 0))]
  for side, x in (("Left", 1), ("Right", -1)):
    rows += [
      (f"{side}UpLeg", "Hips", (x, 0, 0)),
      (f"{side}Leg", f"{side}UpLeg", _DOWN),
      (f"{side}Foot", f"{side}Leg", _DOWN),
      (f"{side}ToeBase", f"{side}Foot", _FORWARD),
    ]
  for name, parent in zip(
    ("LowerBack", "Spine", "Spine1", "Neck", "Neck1", "Head"),
    ("Hips", "LowerBack", "Spine", "Spine1", "Neck", "Neck1"),
    strict=True,
  ):
    rows.append((name, parent, _UP))
  for side, x in (("Left", 1), ("Right", -1)):
    rows.append((f"{side}Shoulder", "Spine1", _UP))
    for name, parent in zip(
      ("Arm", "ForeArm", "Hand", "FingerBase"),
      ("Shoulder", "Arm", "ForeArm", "Hand"),
      strict=True,
    ):
      rows.append((side + name, side + parent, (x, 0, 0)))
  return rows


def _motion(turns: dict[str, Rotation]) -> bvh.Motion:
  """Two frames: the rest pose, and one with some joints turned."""
  rows = _rig_joints()
  names = tuple(row[0] for row in rows)
  rotations = np.tile(np.eye(3), (2, len(rows), 1, 1))
  for name, turn in turns.items():
    rotations[1, names.index(name)] = turn.as_matrix()
  return bvh.Motion(
    names=names,
    parents=tuple(-1 if r[1] is None else names.index(r[1]) for r in rows),
    offsets=np.array([row[2] for row in rows], np.float64),
    rotations=rotations,
    translations=np.zeros((2, 3)),
    seconds_per_frame=0.1,
  )


def _euler(axis, degrees):
  return Rotation.from_euler(axis, degrees, degrees=True)


def _plain(**changes):
  """The rig without the corrections that only the CMU captures need."""
  values = {"joints": _RIG.joints, "limbs": _RIG.limbs, "rest_frame": 0}
  return mocap.Rig(**values | {"skip": 1, "arm_roll": 0.0} | changes)


def _local(rotations, name):
  return rotations[0, skeleton.INDEX[name]]


def test_simple_turns_keep_their_axes():
  turns = {"LeftLeg": _euler("x", 50), "RightForeArm": _euler("y", 70)}
  rotations = mocap.retarget(_motion(turns), _plain())
  assert rotations.shape == (1, 63, 3, 3)
  np.testing.assert_allclose(
    _local(rotations, "l_knee"), turns["LeftLeg"].as_matrix(), atol=1e-9
  )
  np.testing.assert_allclose(
    _local(rotations, "r_elbow"), turns["RightForeArm"].as_matrix(), atol=1e-9
  )
  np.testing.assert_allclose(_local(rotations, "r_knee"), np.eye(3), atol=1e-9)


def test_spine_between_two_captured_joints_takes_half():
  rotations = mocap.retarget(_motion({"Spine": _euler("x", 40)}), _plain())
  half = _euler("x", 20).as_matrix()
  np.testing.assert_allclose(_local(rotations, "spine2"), half, atol=1e-9)
  np.testing.assert_allclose(_local(rotations, "spine3"), half, atol=1e-9)


def test_world_orientation_of_the_hand_is_kept():
  turns = {
    "Hips": _euler("y", 30),
    "LeftArm": _euler("xyz", (20, -40, -50)),
    "LeftForeArm": _euler("y", -60),
    "LeftFingerBase": _euler("xyz", (10, 20, 30)),
  }
  motion = _motion(turns)
  rotations = mocap.retarget(motion, _plain())
  world = np.eye(3)
  chain, j = [], skeleton.INDEX["l_wrist"]
  while j >= 0:
    chain.append(j)
    j = skeleton.PARENTS[j]
  for j in reversed(chain):
    world = world @ rotations[0, j]
  expected = bvh.global_rotations(motion)[1]
  expected = expected[motion.names.index("LeftFingerBase")]
  np.testing.assert_allclose(world, expected, atol=1e-9)


def test_tilted_elbow_axis_becomes_the_hinge_axis():
  """A rig whose elbows turn about an axis rolled by -30 degrees."""
  roll = _euler("x", -30)
  bent = {
    "LeftForeArm": roll * _euler("y", -80) * roll.inv(),
    "RightForeArm": roll * _euler("y", 80) * roll.inv(),
  }
  rotations = mocap.retarget(_motion(bent), _plain(arm_roll=-30.0))
  for name, degrees in (("l_elbow", -80), ("r_elbow", 80)):
    np.testing.assert_allclose(
      _local(rotations, name), _euler("y", degrees).as_matrix(), atol=1e-6
    )


def test_arm_bones_keep_their_directions_when_the_elbow_becomes_a_hinge():
  turns = {"LeftArm": _euler("z", -40), "LeftForeArm": _euler("zy", (35, -50))}
  motion = _motion(turns)
  rotations = mocap.retarget(motion, _plain())
  clavicle, shoulder, elbow = (
    _local(rotations, n) for n in ("l_clavicle", "l_shoulder", "l_elbow")
  )
  frames = bvh.global_rotations(motion)[1]
  upper = clavicle @ shoulder
  for ours, name in ((upper, "LeftArm"), (upper @ elbow, "LeftForeArm")):
    theirs = frames[motion.names.index(name)]
    np.testing.assert_allclose(ours[:, 0], theirs[:, 0], atol=1e-9)
  np.testing.assert_allclose(elbow[1], (0, 1, 0), atol=1e-9)


def test_rest_pose_with_splayed_legs_is_the_same_posed_leg():
  """Legs 20 degrees apart at rest: our knee still bends by the same angle."""
  motion = _motion({})
  offsets = motion.offsets.copy()
  offsets[motion.names.index("LeftLeg")] = (np.sin(0.35), -np.cos(0.35), 0)
  motion = motion._replace(offsets=offsets)
  rotations = mocap.retarget(motion, _plain())
  thigh = _local(rotations, "l_hip") @ _DOWN
  np.testing.assert_allclose(thigh, (np.sin(0.35), -np.cos(0.35), 0), atol=1e-9)


def test_mirror_is_an_involution_and_swaps_sides():
  rotations = Rotation.random(2 * 63, random_state=1).as_matrix()
  rotations = rotations.reshape(2, 63, 3, 3)
  mirrored = mocap.mirror(rotations)
  np.testing.assert_allclose(mocap.mirror(mirrored), rotations, atol=1e-12)
  left, right = skeleton.INDEX["l_elbow"], skeleton.INDEX["r_elbow"]
  vector = Rotation.from_matrix(rotations[:, left]).as_rotvec()
  mirrored_vector = Rotation.from_matrix(mirrored[:, right]).as_rotvec()
  np.testing.assert_allclose(mirrored_vector, vector * (1, -1, -1), atol=1e-9)


def test_select_frames_drops_pauses_and_respects_the_limit():
  angles = np.concatenate([np.zeros(50), np.linspace(0.0, 2.0, 50)])
  rotations = np.tile(np.eye(3), (100, 63, 1, 1))
  rotations[:, 5] = Rotation.from_euler("x", angles[:, None]).as_matrix()
  kept = mocap.select_frames(rotations, 0.02, 1000)
  assert kept[0] == 0 and (kept[1:] >= 50).all() and len(kept) > 8
  thinned = mocap.select_frames(rotations, 0.02, 5)
  assert len(thinned) == 5 and set(thinned) <= set(kept)


def test_unknown_rig_is_named():
  motion = _motion({})._replace(names=tuple(f"bone{i}" for i in range(25)))
  with pytest.raises(bvh.MotionError, match="odd.bvh"):
    mocap.find_rig(motion, "odd.bvh")


def _clip(shared, name):
  return mocap.read_clip(shared / "data" / "mocap" / name)


def _angles(rotations, name):
  j = skeleton.BODY_JOINTS.index(name)
  joints = joint_limits.JointAngles(*(a[j : j + 1] for a in joint_limits.BODY))
  matrices = rotations[:, [skeleton.INDEX[name]]].astype(np.float32)
  angles = joint_limits.from_rotations(matrices, joints)
  return np.degrees(angles.numpy()[:, 0])


@pytest.mark.parametrize(
  "name", ["cmu_mb_bvh/exp_train_walking_5.bvh", "cmu_daz_bvh/10_03.bvh"]
)
def test_walking_bends_knees_backwards(shared, name):
  rotations = _clip(shared, name)
  for side in "lr":
    flexion = _angles(rotations, f"{side}_knee")[:, 0]
    assert flexion.min() > -10 and flexion.max() > 45
    bent = rotations[flexion.argmax()]
    foot = bent[skeleton.INDEX[f"{side}_knee"]] @ _DOWN
    assert foot[2] < -0.5  # the shin points behind the thigh
    elbow = _angles(rotations, f"{side}_elbow")
    assert elbow[:, 1].max() < 5  # flexion only
    assert np.abs(elbow[:, [0, 2]]).max() < 1e-2  # a pure hinge


def test_two_rigs_of_one_take_agree(shared):
  first = _clip(shared, "cmu_mb_bvh/exp_train_soccer_1.bvh")
  second = _clip(shared, "cmu_daz_bvh/10_01.bvh")
  first = first[1 : 1 + 150]
  second = second[: len(first)]
  for name in ("l_hip", "l_knee", "r_knee", "l_elbow", "l_shoulder"):
    gap = _angles(first, name) - _angles(second, name)
    assert np.median(np.abs(gap)) < 6.0, name
