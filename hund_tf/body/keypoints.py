"""The 137 keypoints: order, names and left-right mirror table.

Order: BODY_25 (0-24), face 70 (25-94), left hand 21 (95-115), right hand 21
(116-136), as OpenPose writes them.
"""

BODY_25 = (
  "nose",
  "neck",
  "r_shoulder",
  "r_elbow",
  "r_wrist",
  "l_shoulder",
  "l_elbow",
  "l_wrist",
  "mid_hip",
  "r_hip",
  "r_knee",
  "r_ankle",
  "l_hip",
  "l_knee",
  "l_ankle",
  "r_eye",
  "l_eye",
  "r_ear",
  "l_ear",
  "l_big_toe",
  "l_small_toe",
  "l_heel",
  "r_big_toe",
  "r_small_toe",
  "r_heel",
)
_HAND = ("wrist",) + tuple(
  f"{finger}{k}"
  for finger in ("thumb", "index", "middle", "ring", "pinky")
  for k in (1, 2, 3, 4)
)

NAMES: tuple[str, ...] = (
  BODY_25
  + tuple(f"face_{i}" for i in range(70))
  + tuple(f"l_hand_{name}" for name in _HAND)
  + tuple(f"r_hand_{name}" for name in _HAND)
)
INDEX: dict[str, int] = {name: i for i, name in enumerate(NAMES)}
# The 17 keypoints of COCO in COCO's order.
COCO_NAMES = (
  "nose",
  "l_eye",
  "r_eye",
  "l_ear",
  "r_ear",
  "l_shoulder",
  "r_shoulder",
  "l_elbow",
  "r_elbow",
  "l_wrist",
  "r_wrist",
  "l_hip",
  "r_hip",
  "l_knee",
  "r_knee",
  "l_ankle",
  "r_ankle",
)
COCO_INDICES = tuple(INDEX[name] for name in COCO_NAMES)
# Keypoints that are the middle of two others.
MIDPOINTS: dict[str, tuple[str, str]] = {
  "neck": ("l_shoulder", "r_shoulder"),
  "mid_hip": ("l_hip", "r_hip"),
}
# The same by number: the middle, and its two ends.
MIDPOINT_ROWS: dict[int, list[int]] = {
  INDEX[name]: [INDEX[end] for end in ends] for name, ends in MIDPOINTS.items()
}

BODY = slice(0, 25)
FACE = slice(25, 95)
LEFT_HAND = slice(95, 116)
RIGHT_HAND = slice(116, 137)

# iBUG-68 face contour, brows, nose, eyes, mouth, then the two pupils.
_FACE_MIRROR_PAIRS = (
  [(i, 16 - i) for i in range(8)]
  + [(17 + i, 26 - i) for i in range(5)]
  + [(31, 35), (32, 34)]
  + [(36, 45), (37, 44), (38, 43), (39, 42), (40, 47), (41, 46)]
  + [(48, 54), (49, 53), (50, 52), (58, 56), (59, 55)]
  + [(60, 64), (61, 63), (67, 65), (68, 69)]
)


def _mirror() -> tuple[int, ...]:
  table = list(range(len(NAMES)))
  for i, name in enumerate(NAMES):
    if name.startswith("l_"):
      table[i] = INDEX["r_" + name[2:]]
    elif name.startswith("r_"):
      table[i] = INDEX["l_" + name[2:]]
  for a, b in _FACE_MIRROR_PAIRS:
    table[25 + a], table[25 + b] = 25 + b, 25 + a
  return tuple(table)


MIRROR: tuple[int, ...] = _mirror()
