"""Named sets of poses that people are photographed in: the base poses.

Angles are degrees in the convention of `body.joint_limits`: hips bend by -x,
knees by +x, spine and neck by +x, left elbows by -y; arms hang at z = -75 and
point ahead at y = -90; equal angles of left and right joints are mirror images.
`*_` means both sides. All poses occur mirrored as well.
"""

import math
from typing import NamedTuple

Angles = dict[str, tuple[float, float, float]]
Direction = tuple[float, float, float]


class Variant(NamedTuple):
  """A base pose, and how it is placed."""

  angles: Angles
  yaw: tuple[float, float]  # degrees: middle and half width; at 0 the person
  # faces the camera, or lies with the head towards it
  up: Direction = (0.0, 1.0, 0.0)  # the world's up in the body frame
  held_out: bool = False  # never trained on: the test sets are these


class PoseSet(NamedTuple):
  """A named set."""

  title: str
  variants: tuple[Variant, ...]
  looseness: float = 1.0  # of the joints' variation
  tilt: float = 4.0  # degrees by which up varies
  pitch: tuple[float, float] = (-5.0, 15.0)  # degrees the camera looks down
  support: str = ""  # "seat" or "saddle" under the person
  desk: bool = False  # a solid from the belly to before the feet
  face_hidden: bool = False
  build: str = ""  # "broad" or "slight"


_HANG: Angles = {"*_shoulder": (0, 0, -72), "*_elbow": (0, -15, 0)}
_OUT: Angles = {"*_shoulder": (0, 0, -5), "*_elbow": (0, -10, 0)}
_ABOVE: Angles = {
  "*_clavicle": (0, 0, 25),
  "*_shoulder": (0, 0, 70),
  "*_elbow": (0, -20, 0),
}
_AHEAD: Angles = {"*_shoulder": (0, -80, -5), "*_elbow": (0, -15, 0)}
_ON_HIPS: Angles = {"*_shoulder": (70, 25, -45), "*_elbow": (0, -95, 0)}
_BEHIND: Angles = {"*_shoulder": (0, 50, -55), "*_elbow": (0, -5, 0)}
_ON_DESK: Angles = {"*_shoulder": (20, -25, -60), "*_elbow": (0, -80, 0)}
_AT_BARS: Angles = {"*_shoulder": (0, -60, -40), "*_elbow": (0, -30, 0)}
# Fitted so that each wrist is at the other arm's elbow, one above it.
_FOLDED: Angles = {
  "l_shoulder": (42, -54, -80),
  "l_elbow": (0, -84, 0),
  "r_shoulder": (57, -44, -86),
  "r_elbow": (0, -81, 0),
}


_FOLDED_HIGH: Angles = {
  "l_shoulder": (38, -66, -70),
  "l_elbow": (0, -96, 0),
  "r_shoulder": (50, -56, -74),
  "r_elbow": (0, -93, 0),
}


def _tipped(degrees: float) -> Direction:
  """Up, in the frame of a pelvis that is tipped forward."""
  angle = math.radians(degrees)
  return (0.0, math.cos(angle), -math.sin(angle))


def _curl(degrees: float) -> Angles:
  """The spine bent forward."""
  return {
    "spine1": (0.4 * degrees, 0, 0),
    "spine2": (0.2 * degrees, 0, 0),
    "spine3": (0.2 * degrees, 0, 0),
    "spine4": (0.2 * degrees, 0, 0),
  }


def _neck(degrees: float) -> Angles:
  """The head bent forward."""
  third = degrees / 3.0
  return {"neck1": (third, 0, 0), "neck2": (third, 0, 0), "head": (third, 0, 0)}


def _legs(left: tuple[float, float], right: tuple[float, float]) -> Angles:
  """Flexion of hip and knee, left and right."""
  return {
    "l_hip": (-left[0], 0, 4),
    "l_knee": (left[1], 0, 0),
    "r_hip": (-right[0], 0, 4),
    "r_knee": (right[1], 0, 0),
  }


_STRAIGHT = _legs((0, 3), (0, 3))
_STRIDE = _legs((22, 12), (-15, 20))
_RELAXED = _legs((8, 15), (0, 3))
_APART: Angles = {"*_hip": (0, 0, 18)}
_STANDING = (
  Variant(_STRAIGHT | _HANG, (0, 60)),
  Variant(_RELAXED | _HANG | {"r_elbow": (0, -90, 0)}, (0, 60)),
  Variant(_STRAIGHT | _ON_HIPS, (0, 60), held_out=True),
  Variant(_STRIDE | _HANG | {"*_elbow": (0, -35, 0)}, (0, 60), held_out=True),
)

_ASTRIDE: Angles = {"*_hip": (-65, 0, 35), "*_knee": (75, 0, 0)}
_UP_FRONT: Direction = (0.0, 0.0, 1.0)  # lying on the back
_HEAD_DOWN: Direction = (0.0, -1.0, 0.0)
_RAISED = _legs((85, 8), (0, 3))
_RAISED_BENT = _legs((70, 12), (50, 95))
_LEFT_ARM_STANDS: Angles = {
  "l_clavicle": (0, 0, 30),
  "l_shoulder": (0, 0, 75),
  "l_elbow": (0, -3, 0),
  "l_wrist": (0, 0, 60),
  "neck1": (-15, 0, 0),
  "neck2": (-20, 0, 0),
}
_SPLIT = _legs((55, 5), (-35, 15))

POSE_SETS: dict[str, PoseSet] = {
  "upright": PoseSet("standing and walking", _STANDING),
  "supine": PoseSet(
    "on the back, one leg raised",
    (
      Variant(_RAISED | _HANG, (0, 180), _UP_FRONT),
      Variant(_RAISED_BENT | _OUT, (0, 180), _UP_FRONT),
      Variant(_RAISED | _ABOVE, (0, 180), _UP_FRONT, held_out=True),
      Variant(_RAISED_BENT | _HANG, (0, 180), _UP_FRONT, held_out=True),
    ),
    pitch=(0.0, 40.0),
  ),
  "handstand": PoseSet(
    "on one hand, feet in the air",
    (
      Variant(
        _STRAIGHT | _LEFT_ARM_STANDS | {"r_shoulder": (0, 0, 0)},
        (0, 180),
        _HEAD_DOWN,
      ),
      Variant(
        _SPLIT | _LEFT_ARM_STANDS | {"r_shoulder": (0, 0, -70)},
        (0, 180),
        _HEAD_DOWN,
      ),
      Variant(
        _APART | _LEFT_ARM_STANDS | {"r_shoulder": (0, 0, -65)},
        (0, 180),
        _HEAD_DOWN,
        held_out=True,
      ),
      Variant(
        _legs((70, 90), (10, 60))
        | _LEFT_ARM_STANDS
        | {"r_shoulder": (0, -50, 10), "r_elbow": (0, -30, 0)},
        (0, 180),
        _HEAD_DOWN,
        held_out=True,
      ),
    ),
    tilt=8.0,
  ),
  "leg_to_camera": PoseSet(
    "on the floor, one leg stretched towards the camera",
    (
      Variant(_legs((85, 5), (110, 115)) | _HANG, (0, 20)),
      Variant(
        _legs((85, 5), (80, 100)) | _BEHIND | {"r_hip": (-75, -30, 35)},
        (0, 20),
        _tipped(-12),
      ),
      Variant(
        _legs((88, 5), (110, 120)) | _BEHIND, (0, 20), _tipped(-15), True
      ),
      Variant(
        _legs((85, 5), (80, 110))
        | _AHEAD
        | _curl(15)
        | {"r_hip": (-70, -35, 40)},
        (0, 20),
        held_out=True,
      ),
    ),
    pitch=(-2.0, 20.0),
  ),
  "bent_away": PoseSet(
    "bent by 60 degrees away from the camera",
    (
      Variant(
        _legs((45, 5), (45, 5)) | _curl(30) | _HANG, (180, 30), _tipped(42)
      ),
      Variant(
        _legs((65, 40), (65, 40)) | _curl(30) | _AHEAD, (180, 30), _tipped(42)
      ),
      Variant(
        _legs((65, 40), (65, 40))
        | _curl(30)
        | {"*_shoulder": (0, -60, -40), "*_elbow": (0, -10, 0)},
        (180, 30),
        _tipped(42),
        True,
      ),
      Variant(
        _legs((50, 5), (30, 10)) | _curl(30) | _HANG | {"r_elbow": (0, -80, 0)},
        (180, 30),
        _tipped(42),
        True,
      ),
    ),
    looseness=0.7,
  ),
  "folded_arms": PoseSet(
    "standing, arms folded before the chest",
    (
      Variant(_STRAIGHT | _FOLDED, (0, 60)),
      Variant(_RELAXED | _FOLDED, (0, 60)),
      Variant(_APART | _FOLDED_HIGH | _neck(15), (0, 60), held_out=True),
      Variant(_STRIDE | _FOLDED_HIGH, (0, 60), held_out=True),
    ),
    looseness=0.5,
  ),
  "balance": PoseSet(
    "on one leg, head down, face unseen",
    (
      Variant(
        _legs((80, 3), (-5, 5)) | _HANG | _neck(30), (0, 180), _tipped(80)
      ),
      Variant(_legs((5, 5), (80, 95)) | _OUT | _neck(85), (180, 50)),
      Variant(
        _legs((80, 5), (-15, 10)) | _ABOVE | _neck(30),
        (0, 180),
        _tipped(75),
        True,
      ),
      Variant(
        _legs((98, 8), (-15, 5)) | _HANG | _neck(45) | _curl(20),
        (180, 60),
        _tipped(95),
        True,
      ),
    ),
    pitch=(0.0, 20.0),
    face_hidden=True,
  ),
  "astride": PoseSet(
    "astride on something that hides a leg",
    (
      Variant(_AT_BARS | _ASTRIDE, (90, 35)),
      Variant(_AT_BARS | _ASTRIDE | _curl(30), (90, 35), _tipped(10)),
      Variant(_HANG | _ASTRIDE, (90, 35), held_out=True),
      Variant(
        _AT_BARS | _ASTRIDE | _curl(20) | {"*_knee": (100, 0, 0)},
        (90, 35),
        _tipped(15),
        True,
      ),
    ),
    support="saddle",
  ),
  "seated": PoseSet(
    "seated, the legs behind a desk",
    (
      Variant(_legs((85, 85), (85, 85)) | _ON_DESK, (0, 45)),
      Variant(_legs((90, 95), (80, 60)) | _AHEAD | _curl(10), (0, 45)),
      Variant(
        _legs((85, 90), (85, 90))
        | _ON_DESK
        | _curl(15)
        | {"r_elbow": (0, -140, 0)},
        (0, 45),
        held_out=True,
      ),
      Variant(_legs((80, 60), (90, 105)) | _FOLDED, (0, 45), held_out=True),
    ),
    support="seat",
    desk=True,
    pitch=(0.0, 20.0),
  ),
  "broad": PoseSet("standing, 1.85 m tall and broad", _STANDING, build="broad"),
  "slight": PoseSet(
    "standing, 1.50 m tall and slight", _STANDING, build="slight"
  ),
}
NAMES = tuple(POSE_SETS)
