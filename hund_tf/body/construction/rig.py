"""Where each joint lies in the source and which bones it takes over.

Joint positions are means of source vertices: of the corners of a joint cube,
or of named vertices. Skin weights of the source bones are summed per joint.
"""

from hund_tf.body import skeleton

# Joint -> (joint cube or source vertex ids, source bones). '{s}' is the side,
# 'l' or 'r' in cubes and 'L' or 'R' in bones.
_CENTRE = {
  "pelvis": ("joint-pelvis", ("root", "pelvis.L", "pelvis.R", "spine05")),
  "spine1": ("joint-spine-4", ("spine04",)),
  "spine2": ("joint-spine-3", ("spine03",)),
  "spine3": ("joint-spine-2", ("spine02",)),
  "spine4": ("joint-spine-1", ("spine01", "breast.L", "breast.R")),
  "neck1": ("joint-neck", ("neck01",)),
  "neck2": ((246, 8263), ("neck02", "neck03")),
  "head": ("joint-head", ("head",)),  # and all bones not named here
  "jaw": ("joint-mouth", ("jaw",)),
}
_TOES = ("toe1-1", "toe1-2") + tuple(
  f"toe{i}-{k}" for i in range(2, 6) for k in (1, 2, 3)
)
_SIDE = {
  "eye": ("joint-{s}-eye", ("eye",)),
  "hip": ("joint-{s}-upper-leg", ("upperleg01",)),
  "upper_leg_twist": (None, ("upperleg02",)),
  "knee": ("joint-{s}-knee", ("lowerleg01", "lowerleg02")),
  "ankle": ("joint-{s}-ankle", ("foot",)),
  "ball": ("joint-{s}-toe-3-1", _TOES),
  "clavicle": ("joint-{s}-clavicle", ("clavicle", "shoulder01")),
  "shoulder": ("joint-{s}-shoulder", ("upperarm01",)),
  "upper_arm_twist": (None, ("upperarm02",)),
  "elbow": ("joint-{s}-elbow", ("lowerarm01",)),
  "lower_arm_twist": (None, ("lowerarm02",)),
  "wrist": (
    "joint-{s}-hand",
    ("wrist", "metacarpal1", "metacarpal2", "metacarpal3", "metacarpal4"),
  ),
}
_FINGERS = {
  f"{finger}{k}": (f"joint-{{s}}-finger-{i}-{k}", (f"finger{i}-{k}",))
  for i, finger in enumerate(skeleton.FINGERS, start=1)
  for k in (1, 2, 3)
}


def position_source(joint: str) -> str | tuple[int, ...] | None:
  """Joint cube name, source vertex ids, or None (half-way down the limb)."""
  if joint in _CENTRE:
    return _CENTRE[joint][0]
  side, _, name = joint.partition("_")
  place = (_SIDE | _FINGERS)[name][0]
  return place.format(s=side) if place else None


def bones(joint: str) -> tuple[str, ...]:
  """Source bones whose skin weights the joint takes over."""
  if joint in _CENTRE:
    return _CENTRE[joint][1]
  side, _, name = joint.partition("_")
  return tuple(f"{bone}.{side.upper()}" for bone in (_SIDE | _FINGERS)[name][1])


# Twist joint -> the joints at the two ends of its limb segment.
TWIST_SEGMENTS: dict[str, tuple[str, str]] = {
  f"{s}_{twist}": (f"{s}_{start}", f"{s}_{end}")
  for s in "lr"
  for twist, start, end in (
    ("upper_leg_twist", "hip", "knee"),
    ("upper_arm_twist", "shoulder", "elbow"),
    ("lower_arm_twist", "elbow", "wrist"),
  )
}

# Joint -> DensePose part, without the side.
_PART_OF = {
  "eye": "head",
  "hip": "upper_leg",
  "upper_leg_twist": "upper_leg",
  "knee": "lower_leg",
  "ankle": "foot",
  "ball": "foot",
  "clavicle": "torso",
  "shoulder": "upper_arm",
  "upper_arm_twist": "upper_arm",
  "elbow": "lower_arm",
  "lower_arm_twist": "lower_arm",
  "wrist": "hand",
}


def part(joint: str) -> str:
  """Name of the part (see `parts.NAMES`) that a joint moves."""
  if joint in _CENTRE:
    is_head = joint in ("neck1", "neck2", "head", "jaw")
    return "head" if is_head else "torso"
  side, _, name = joint.partition("_")
  base = _PART_OF.get(name, "hand")
  return base if base in ("head", "torso") else f"{side}_{base}"
