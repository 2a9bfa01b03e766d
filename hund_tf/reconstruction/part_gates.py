"""Gates: whether what was read of a hand or face belongs to the body.

A hand may be somebody else's, the other one of the same person, or an object
that was taken for one. A part passes if it was seen well, and if it agrees with
the body that was found without it; else the reason is given as text.
"""

import dataclasses
import functools
import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from hund_tf.body import joint_limits, skeleton
from hund_tf.body import keypoints as table
from hund_tf.compat import tf
from hund_tf.detection.interface import Detection
from hund_tf.options import check, option
from hund_tf.reconstruction.attention import FACE, LEFT_HAND, ROWS
from hund_tf.reconstruction.part_results import PartResult

# Of a hand's 21 keypoints: knuckles and tips, thumb first.
KNUCKLES, TIPS = (2, 5, 9, 13, 17), (4, 8, 12, 16, 20)
_NOSE = 30  # tip of the nose among the face's keypoints
_SURE = 0.5  # confidence from which on a landmark has to be inside the crop


@dataclasses.dataclass(frozen=True)
class GateConfig:
  """Which hands and faces are taken over by the body."""

  gate_score: float = option(
    0.5,
    "Least mean confidence of the landmarks of a part that is used.",
    low=0.0,
    high=1.0,
  )
  gate_pixels: float = option(
    24.0,
    "Larger side of the box around the landmarks of a part from which on it "
    "is used, pixels of the photo.",
    low=1.0,
  )
  gate_residual: float = option(
    0.18,
    "Largest mean distance of the part's keypoints from its landmarks, larger "
    "sides of their box.",
    low=0.0,
  )
  gate_wrist_angle: float = option(
    1.25,
    "Largest angle between the wrist's rotations of body and hand, radians.",
    low=0.0,
    high=math.pi,
  )
  gate_head_angle: float = option(
    0.9,
    "Largest angle between the head's rotations of body and face, radians.",
    low=0.0,
    high=math.pi,
  )
  gate_shift: float = option(
    0.25,
    "Largest distance between the wrists of body and hand, or their noses, in "
    "the photo, sides of the part's crop.",
    low=0.0,
  )
  gate_depth: float = option(
    1.5,
    "How many times as far from the camera as the body's a hand or face may "
    "be, or the body's as it.",
    low=1.0,
  )
  gate_limits: float = option(
    0.2,
    "How far beyond the limits of the wrist a hand may be turned against the "
    "forearm, radians.",
    low=0.0,
  )
  gate_chirality: float = option(
    0.1,
    "How clearly the 3D landmarks of a hand may be those of the other side, "
    "from 0, not at all, to 1.",
    low=0.0,
    high=1.0,
  )

  def __post_init__(self):
    check(self)


class Sight(NamedTuple):
  """A part that was read and the body that it may belong to; numpy."""

  part: PartResult
  landmarks: np.ndarray  # [n, 3] of the detector: x, y (photo pixels), weight
  landmarks_3d: np.ndarray | None  # [n, 4] of the detector: metres and weight
  body_point: np.ndarray  # [2] the body's wrist or nose, photo pixels
  body_rotation: np.ndarray  # [3, 3] its wrist or head to camera
  body_depth: float  # of its wrist or head joint, metres
  forearm: np.ndarray | None = None  # [3, 3] its elbow to camera; of hands


def sight_of(
  part: PartResult,
  detection: Detection,
  turned: np.ndarray,
  seen: np.ndarray,
  joints: np.ndarray,
) -> Sight:
  """A part beside its person's body.

  Args:
    part: that was read.
    detection: of the person.
    turned: `[63, 3, 3]` the body's joints to the camera.
    seen: `[137, 2]` its keypoints, photo pixels.
    joints: `[63, 3]` its joints, metres, camera frame.
  """
  face = part.name == FACE
  joint = skeleton.INDEX["head" if face else f"{part.name[0]}_wrist"]
  forearm = None
  if not face:
    forearm = turned[skeleton.INDEX[f"{part.name[0]}_elbow"]]
  point = table.INDEX["nose" if face else f"{part.name[0]}_wrist"]
  spatial = detection.landmarks_3d
  return Sight(
    part=part,
    landmarks=np.asarray(detection.keypoints)[ROWS[part.name]],
    landmarks_3d=None if spatial is None else spatial[ROWS[part.name]],
    body_point=seen[point],
    body_rotation=turned[joint],
    body_depth=float(joints[joint, 2]),
    forearm=forearm,
  )


def angle_between(first: np.ndarray, second: np.ndarray) -> float:
  """Angle between two rotations `[3, 3]`, radians."""
  cosine = (np.sum(first * second) - 1.0) / 2.0
  return float(np.arccos(np.clip(cosine, -1.0, 1.0)))


def chirality(points: np.ndarray, name: str) -> float:
  """How clearly 21 points in space are a hand of the side of `name`.

  Fingers bend towards the palm, and the thumb stands on its side: from 1, a
  fist of that side, to -1, one of the other; 0 for a flat hand, which is its
  own mirror image.

  Args:
    points: `[21, 3]` in a frame with x right, y down, z forward.
    name: of the hand.
  """
  points = np.asarray(points, np.float64)
  across = np.cross(points[5] - points[0], points[17] - points[0])
  across /= max(np.linalg.norm(across), 1e-9)
  bent = (points[list(TIPS)] - points[list(KNUCKLES)]) @ across
  length = np.linalg.norm(points[9] - points[0])
  side = -1.0 if name == LEFT_HAND else 1.0
  return float(np.clip(side * bent.mean() / max(length, 1e-9), -1.0, 1.0))


def residual(sight: Sight) -> float:
  """Mean distance of a part from its landmarks, larger sides of their box."""
  weights = sight.landmarks[:, 2]
  apart = sight.part.keypoints_2d - sight.landmarks[:, :2]
  apart = np.sum(weights * np.linalg.norm(apart, axis=1))
  return float(apart / max(np.sum(weights) * sight.part.size, 1e-9))


def beyond_limits(wrist: np.ndarray, name: str) -> float:
  """How far a wrist's local rotation `[3, 3]` exceeds its limits, radians."""
  joint = joint_limits.joint_angles((f"{name[0]}_wrist",))
  angles = _angles(f"{name[0]}_wrist")(tf.constant(wrist[None], tf.float32))
  angles = angles[0].numpy()
  excess = np.maximum(joint.lower[0] - angles, angles - joint.upper[0])
  return float(np.linalg.norm(np.maximum(excess, 0.0)))


@functools.cache
def _angles(joint: str) -> Callable[[tf.Tensor], tf.Tensor]:
  """Angles `[1, 3]` of local rotations `[1, 3, 3]` of a joint, traced once."""
  limits = joint_limits.joint_angles((joint,))
  return tf.function(
    lambda rotations: joint_limits.from_rotations(rotations, limits),
    input_signature=[tf.TensorSpec([1, 3, 3])],
    autograph=False,
  )


def refused(sight: Sight, config: GateConfig) -> str:
  """Why a part is not used; empty if it is."""
  return (
    _badly_seen(sight, config)
    or _elsewhere(sight, config)
    or _turned_away(sight, config)
    or _other_side(sight, config)
  )


def _badly_seen(sight: Sight, config: GateConfig) -> str:
  part = sight.part
  if part.score < config.gate_score:
    return f"score {part.score:.2f} is below {config.gate_score:g}"
  if part.size < config.gate_pixels:
    return f"{part.size:.0f} pixels large, less than {config.gate_pixels:g}"
  if not np.isfinite(part.keypoints_2d).all():
    return "its result is not finite"
  sure = part.keypoints_2d[sight.landmarks[:, 2] >= _SURE]
  corner, side = part.crop_box[:2], part.crop_box[2]
  inside = (sure >= corner) & (sure <= corner + side)
  outside = int(np.sum(~inside.all(axis=1)))
  if outside:
    return f"{outside} of its points are outside of its crop"
  apart = residual(sight)
  if apart > config.gate_residual:
    return (
      f"its points are {apart:.2f} of its size from its landmarks, more than "
      f"{config.gate_residual:g}"
    )
  return ""


def _elsewhere(sight: Sight, config: GateConfig) -> str:
  part = sight.part
  face = part.name == FACE
  shift = part.keypoints_2d[_NOSE if face else 0] - sight.body_point
  apart = float(np.linalg.norm(shift) / part.crop_box[2])
  if apart > config.gate_shift:
    what = "nose" if face else "wrist"
    return (
      f"its {what} is {apart:.2f} of its crop from the body's, more than "
      f"{config.gate_shift:g}"
    )
  depth = float(part.state.translation[2])
  ratio = max(depth, 1e-3) / max(sight.body_depth, 1e-3)
  if max(ratio, 1.0 / ratio) > config.gate_depth:
    return (
      f"it is {ratio:.2f} times as far away as the body's, beyond a factor of "
      f"{config.gate_depth:g}"
    )
  return ""


def _turned_away(sight: Sight, config: GateConfig) -> str:
  part = sight.part
  face = part.name == FACE
  most = config.gate_head_angle if face else config.gate_wrist_angle
  angle = angle_between(part.rotation, sight.body_rotation)
  if angle > most:
    return (
      f"it is turned by {angle:.2f} rad against the body's, more than {most:g}"
    )
  if sight.forearm is None:
    return ""
  excess = beyond_limits(sight.forearm.T @ part.rotation, part.name)
  if excess > config.gate_limits:
    return (
      f"no wrist turns so far against the forearm: {excess:.2f} rad beyond its "
      f"limits, more than {config.gate_limits:g}"
    )
  return ""


def _other_side(sight: Sight, config: GateConfig) -> str:
  if sight.part.name == FACE or sight.landmarks_3d is None:
    return ""
  if not sight.landmarks_3d[:, 3].all():
    return ""
  sided = chirality(sight.landmarks_3d[:, :3], sight.part.name)
  if sided < -config.gate_chirality:
    return (
      f"its fingers bend as those of the other hand do ({-sided:.2f}, more "
      f"than {config.gate_chirality:g})"
    )
  return ""
