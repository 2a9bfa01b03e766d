"""The constant rotations A_j that take the source's A-pose to a T-pose."""

import numpy as np

from hund_tf.body import skeleton

_LEFT = np.array([1.0, 0.0, 0.0])
_DOWN = np.array([0.0, -1.0, 0.0])
_FORWARD = np.array([0.0, 0.0, 1.0])


def _shortest_rotation(start: np.ndarray, end: np.ndarray) -> np.ndarray:
  """Rotation of least angle from one direction to another, not opposite."""
  start = start / np.linalg.norm(start)
  end = end / np.linalg.norm(end)
  v = np.cross(start, end)
  cross = np.array([[0, -v[2], v[1]], [v[2], 0, -v[0]], [-v[1], v[0], 0]])
  return np.eye(3) + cross + cross @ cross / (1.0 + start @ end)


def zero_pose(
  joints: np.ndarray, fingertips: dict[str, np.ndarray]
) -> np.ndarray:
  """Rotations A_j `[63, 3, 3]` from the resting pose to the zero pose.

  In the zero pose arms and fingers point sideways, legs down, feet forward.
  Each bone turns by the least angle relative to its parent. The right side is
  the mirror image of the left.

  Args:
    joints: `[63, 3]` symmetric resting joints.
    fingertips: left finger name -> `[3]` position of its tip.
  """
  index = skeleton.INDEX
  result = np.tile(np.eye(3), (len(joints), 1, 1))

  def point(end: str | np.ndarray) -> np.ndarray:
    return joints[index[end]] if isinstance(end, str) else end

  def inherit(joint: str) -> None:
    result[index[joint]] = result[skeleton.PARENTS[index[joint]]]

  def aim(joint: str, end: str | np.ndarray, to: np.ndarray) -> None:
    inherit(joint)
    bone = result[index[joint]] @ (point(end) - joints[index[joint]])
    result[index[joint]] = _shortest_rotation(bone, to) @ result[index[joint]]

  aim("l_hip", "l_knee", _DOWN)
  inherit("l_upper_leg_twist")
  aim("l_knee", "l_ankle", _DOWN)
  aim("l_shoulder", "l_elbow", _LEFT)
  inherit("l_upper_arm_twist")
  aim("l_elbow", "l_wrist", _LEFT)
  inherit("l_lower_arm_twist")
  aim("l_wrist", "l_middle1", _LEFT)
  for finger in skeleton.FINGERS:
    chain = [f"l_{finger}{k}" for k in (1, 2, 3)]
    for joint, end in zip(chain, [*chain[1:], fingertips[finger]], strict=True):
      if finger == "thumb":
        inherit(joint)
      else:
        aim(joint, end, _LEFT)
  # The feet keep the sole of the resting pose and only turn to the front.
  ankle = index["l_ankle"]
  foot = (joints[index["l_ball"]] - joints[ankle]) * [1.0, 0.0, 1.0]
  result[ankle] = _shortest_rotation(foot, _FORWARD)
  inherit("l_ball")

  flip = np.diag([-1.0, 1.0, 1.0])
  for i, name in enumerate(skeleton.NAMES):
    if name.startswith("l_"):
      result[skeleton.MIRROR[i]] = flip @ result[i] @ flip
  return result
