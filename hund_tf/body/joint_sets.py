"""The joint sets of datasets: names, order, and maps between them.

Names are those of `hund_tf.body.keypoints` where a joint means the same; left
and right are the subject's. Maps are tuples of indices:
`joints[..., list(H36M_17_TO_LSP_14), :]` are the 14 joints.
"""

from collections.abc import Sequence

from hund_tf.body import keypoints, skeleton
from hund_tf.body.adapters import smpl_tables

# Human3.6M's 17 joints in the order of SPIN: the left leg comes first.
H36M_17: tuple[str, ...] = (
  "pelvis",
  "l_hip",
  "l_knee",
  "l_ankle",
  "r_hip",
  "r_knee",
  "r_ankle",
  "spine",
  "neck",
  "jaw",
  "head_top",
  "l_shoulder",
  "l_elbow",
  "l_wrist",
  "r_shoulder",
  "r_elbow",
  "r_wrist",
)
# Of Human3.6M's 32 joints, of which some are doubles (11 = 0, 24 = 13).
H36M_32_TO_H36M_17: tuple[int, ...] = (
  *(11, 6, 7, 8, 1, 2, 3, 12, 24),
  *(14, 15, 17, 18, 19, 25, 26, 27),
)

# MPI-INF-3DHP's 17 joints in the order of its test set.
MPI_INF_3DHP_17: tuple[str, ...] = (
  "head_top",
  "neck",
  "r_shoulder",
  "r_elbow",
  "r_wrist",
  "l_shoulder",
  "l_elbow",
  "l_wrist",
  "r_hip",
  "r_knee",
  "r_ankle",
  "l_hip",
  "l_knee",
  "l_ankle",
  "pelvis",
  "spine",
  "head",
)

# SMPL's joints.
SMPL_24: tuple[str, ...] = smpl_tables.JOINTS[24]

# The joints of the Leeds Sports Pose dataset, on which HMR, SPIN and HUND are
# evaluated.
LSP_14: tuple[str, ...] = (
  "r_ankle",
  "r_knee",
  "r_hip",
  "l_hip",
  "l_knee",
  "l_ankle",
  "r_wrist",
  "r_elbow",
  "r_shoulder",
  "l_shoulder",
  "l_elbow",
  "l_wrist",
  "neck",
  "head_top",
)

# OpenPose's COCO model, in which 3DPW's 2D poses are given.
COCO_18: tuple[str, ...] = tuple(
  name for name in keypoints.BODY_25[:19] if name != "mid_hip"
)

# Both hands' 21 points, which are those of the 137 keypoints: the left hand's,
# then the right hand's, each the wrist and thumb to little finger, tips last.
HANDS_42: tuple[str, ...] = (
  keypoints.NAMES[keypoints.LEFT_HAND] + keypoints.NAMES[keypoints.RIGHT_HAND]
)

# Names of the joints of every set that records hold (`JOINT_SETS`).
NAMES: dict[str, tuple[str, ...]] = {
  "": (),
  "hund_63": skeleton.NAMES,
  "h36m_17": H36M_17,
  "smpl_24": SMPL_24,
  "hands_42": HANDS_42,
}

H36M_17_TO_LSP_14: tuple[int, ...] = tuple(H36M_17.index(n) for n in LSP_14)
COCO_18_TO_KEYPOINTS: tuple[int, ...] = tuple(
  keypoints.INDEX[name] for name in COCO_18
)


def mirror_table(names: Sequence[str]) -> tuple[int, ...]:
  """For each joint the index of its mirror image: l_ and r_ change places."""
  return tuple(names.index(skeleton.mirrored(name)) for name in names)
