"""Legs that put feet elsewhere: inverse kinematics of two bones.

The knee bends until hip and ankle are as far apart as they are to be (the law
of cosines), then the leg turns about the hip. Feet keep how they are turned.
"""

import numpy as np
from scipy.spatial.transform import Rotation

from hund_tf.body import skeleton
from hund_tf.video.contacts import SIDES

_STRAIGHT = 0.9995  # of a leg's length, at most
_LEAST = 1e-6  # metres; legs that move a foot by less are left as they are


def placed(
  rotations: np.ndarray, joints: np.ndarray, offsets: np.ndarray
) -> np.ndarray:
  """Rotations `[T, 63, 3, 3]` with which ankles are moved.

  Ankles that are out of reach come as near as a straight leg lets them.

  Args:
    rotations: `[T, 63, 3, 3]` of each joint against its parent; the pelvis's
      from the body to the camera frame.
    joints: `[T, 63, 3]` where these lead to, metres, camera frame.
    offsets: `[T, 2, 3]` metres, of the left and the right ankle.
  """
  found = np.array(rotations, np.float64)
  for number, side in enumerate(SIDES):
    rows = np.linalg.norm(offsets[:, number], axis=-1) > _LEAST
    if rows.any():
      found[rows] = _leg(
        found[rows],
        joints[rows].astype(np.float64),
        offsets[rows, number],
        side,
      )
  return found


def _leg(
  rotations: np.ndarray, joints: np.ndarray, offsets: np.ndarray, side: str
) -> np.ndarray:
  hip, twist, knee, ankle = (
    skeleton.INDEX[f"{side}_{name}"]
    for name in ("hip", "upper_leg_twist", "knee", "ankle")
  )
  pelvis = rotations[:, 0]
  to_hip = pelvis @ rotations[:, hip]
  to_twist = to_hip @ rotations[:, twist]
  to_knee = to_twist @ rotations[:, knee]
  to_ankle = to_knee @ rotations[:, ankle]
  thigh = joints[:, knee] - joints[:, hip]
  shin = joints[:, ankle] - joints[:, knee]
  wanted = thigh + shin + offsets
  bend = _bend(thigh, shin, np.linalg.norm(wanted, axis=-1), to_knee[..., 0])
  swing = _between(thigh + np.einsum("tij,tj->ti", bend, shin), wanted)
  moved_knee = swing @ bend @ to_knee
  result = rotations.copy()
  result[:, hip] = _transposed(pelvis) @ swing @ to_hip
  result[:, knee] = _transposed(swing @ to_twist) @ moved_knee
  result[:, ankle] = _transposed(moved_knee) @ to_ankle
  return result


def _bend(
  thigh: np.ndarray, shin: np.ndarray, length: np.ndarray, axis: np.ndarray
) -> np.ndarray:
  """Turns of shins `[T, 3, 3]` that make legs of these lengths.

  Args:
    thigh: `[T, 3]` from the hip to the knee.
    shin: `[T, 3]` from the knee to the ankle.
    length: `[T]` from the hip to the ankle.
    axis: `[T, 3]` about which knees bend, where legs are straight.
  """
  upper, lower = (np.linalg.norm(x, axis=-1) for x in (thigh, shin))
  length = np.clip(
    length, np.abs(upper - lower) + 1e-3, _STRAIGHT * (upper + lower)
  )
  cosine = (length**2 - upper**2 - lower**2) / (2.0 * upper * lower)
  wanted = np.arccos(np.clip(cosine, -1.0, 1.0))
  normal = np.cross(_unit(thigh), _unit(shin))
  sine = np.linalg.norm(normal, axis=-1)
  # Knees that are bent backwards a little are bent forwards.
  forward = np.where(np.sum(normal * axis, axis=-1) < 0.0, -1.0, 1.0)
  cosine = np.sum(_unit(thigh) * _unit(shin), axis=-1)
  angle = wanted - forward * np.arctan2(sine, cosine)
  bent = (sine > 1e-3)[:, None]
  normal = np.where(bent, _unit(normal) * forward[:, None], axis)
  return Rotation.from_rotvec(normal * angle[:, None]).as_matrix()


def _between(first: np.ndarray, second: np.ndarray) -> np.ndarray:
  """The least turns `[T, 3, 3]` of directions `[T, 3]` to others."""
  first, second = _unit(first), _unit(second)
  axis = np.cross(first, second)
  sine = np.linalg.norm(axis, axis=-1)
  angle = np.arctan2(sine, np.sum(first * second, axis=-1))
  return Rotation.from_rotvec(_unit(axis) * angle[:, None]).as_matrix()


def _unit(vectors: np.ndarray) -> np.ndarray:
  length = np.linalg.norm(vectors, axis=-1, keepdims=True)
  return vectors / np.maximum(length, 1e-12)


def _transposed(matrices: np.ndarray) -> np.ndarray:
  return np.swapaxes(matrices, -1, -2)
