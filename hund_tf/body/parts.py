"""The 15 part labels, in the order of DensePose-COCO's coarse masks."""

NAMES: tuple[str, ...] = (
  "background",
  "torso",
  "r_hand",
  "l_hand",
  "l_foot",
  "r_foot",
  "r_upper_leg",
  "l_upper_leg",
  "r_lower_leg",
  "l_lower_leg",
  "l_upper_arm",
  "r_upper_arm",
  "l_lower_arm",
  "r_lower_arm",
  "head",
)
INDEX: dict[str, int] = {name: i for i, name in enumerate(NAMES)}
MIRROR: tuple[int, ...] = (0, 1, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10, 13, 12, 14)
