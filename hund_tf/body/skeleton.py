"""The 63 joints: names, parents, mirror pairs and pose groups.

Roles follow SMPL-X's 55 joints, with a fourth spine joint, a second neck joint
and six *twist* joints half-way along the upper arms, forearms and thighs, which
are driven (they take half of the twist of a neighbour; see `kinematics.py`).
Parents come before children.
"""


def _side(s: str) -> list[tuple[str, str]]:
  """Leg of side `s` ('l' or 'r') as (name, parent)."""
  return [
    (f"{s}_hip", "pelvis"),
    (f"{s}_upper_leg_twist", f"{s}_hip"),
    (f"{s}_knee", f"{s}_upper_leg_twist"),
    (f"{s}_ankle", f"{s}_knee"),
    (f"{s}_ball", f"{s}_ankle"),
  ]


def _arm(s: str) -> list[tuple[str, str]]:
  """Arm and hand of side `s` as (name, parent)."""
  rows = [
    (f"{s}_clavicle", "spine4"),
    (f"{s}_shoulder", f"{s}_clavicle"),
    (f"{s}_upper_arm_twist", f"{s}_shoulder"),
    (f"{s}_elbow", f"{s}_upper_arm_twist"),
    (f"{s}_lower_arm_twist", f"{s}_elbow"),
    (f"{s}_wrist", f"{s}_lower_arm_twist"),
  ]
  for finger in FINGERS:
    parent = f"{s}_wrist"
    for k in (1, 2, 3):
      rows.append((f"{s}_{finger}{k}", parent))
      parent = f"{s}_{finger}{k}"
  return rows


FINGERS = ("thumb", "index", "middle", "ring", "pinky")
_JOINTS = (
  [("pelvis", None)]
  + _side("l")
  + _side("r")
  + [
    ("spine1", "pelvis"),
    ("spine2", "spine1"),
    ("spine3", "spine2"),
    ("spine4", "spine3"),
    ("neck1", "spine4"),
    ("neck2", "neck1"),
    ("head", "neck2"),
    ("jaw", "head"),
    ("l_eye", "head"),
    ("r_eye", "head"),
  ]
  + _arm("l")
  + _arm("r")
)

NAMES: tuple[str, ...] = tuple(name for name, _ in _JOINTS)
INDEX: dict[str, int] = {name: i for i, name in enumerate(NAMES)}
PARENTS: tuple[int, ...] = tuple(
  -1 if parent is None else INDEX[parent] for _, parent in _JOINTS
)


def mirrored(name: str) -> str:
  """The joint's name on the other side: l_ and r_ change places."""
  if name.startswith("l_"):
    return "r_" + name[2:]
  return "l_" + name[2:] if name.startswith("r_") else name


MIRROR: tuple[int, ...] = tuple(INDEX[mirrored(name)] for name in NAMES)

# The 23 joints of the body pose group, in the order of its 69 values.
BODY_JOINTS: tuple[str, ...] = (
  "l_hip",
  "r_hip",
  "spine1",
  "l_knee",
  "r_knee",
  "spine2",
  "l_ankle",
  "r_ankle",
  "spine3",
  "l_ball",
  "r_ball",
  "spine4",
  "neck1",
  "neck2",
  "head",
  "l_clavicle",
  "r_clavicle",
  "l_shoulder",
  "r_shoulder",
  "l_elbow",
  "r_elbow",
  "l_wrist",
  "r_wrist",
)
LEFT_HAND_JOINTS = tuple(f"l_{f}{k}" for f in FINGERS for k in (1, 2, 3))
RIGHT_HAND_JOINTS = tuple(f"r_{f}{k}" for f in FINGERS for k in (1, 2, 3))
TWIST_JOINTS = tuple(n for n in NAMES if n.endswith("_twist"))
FIXED_JOINTS = ("jaw", "l_eye", "r_eye")
